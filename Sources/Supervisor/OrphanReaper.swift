internal import EventLoop
internal import Glibc
internal import Linux

/// Whoever loses its parent below us becomes our child, as it would be process 1's, and stays a zombie until somebody asks
/// how it ended. libuv asks only for those that it has started.
///
/// There are always some: the anchor of a shard outlives the shard's process. And in a container we are process 1, whose
/// duty this is anyway.
final class OrphanReaper {
    /// libuv hears of a death by the same signal; its own dead are gone from the kernel's list after a moment.
    private static let pauseMillis: UInt64 = 50

    private let isOurs: (pid_t) -> Bool
    private var source: SignalSource?
    private var timer: Timer?

    /// - Parameter isOurs: whether a process is one that libuv waits for.
    init(on loop: Loop, isOurs: @escaping (pid_t) -> Bool) throws(SystemFailure) {
        self.isOurs = isOurs
        do throws(SystemCallFailure) { try ThisProcess.adoptOrphans() } catch { throw SystemFailure(code: -error.code) }
        let timer = Timer(on: loop) { [unowned self] in reap() }
        timer.unreference()
        self.timer = timer
        source = try SignalSource(on: loop, signal: SIGCHLD) { [unowned self] in
            self.timer?.start(after: OrphanReaper.pauseMillis)
        }
    }

    private func reap() {
        while let process = ThisProcess.exitedChild {
            guard !isOurs(process) else {
                // The kernel shows one of the dead at a time: the others come when this one has been taken away.
                timer?.start(after: OrphanReaper.pauseMillis)
                return
            }
            waitpid(process, nil, WNOHANG)
        }
    }

    func close() {
        reap()
        source?.close()
        timer?.close()
    }
}
