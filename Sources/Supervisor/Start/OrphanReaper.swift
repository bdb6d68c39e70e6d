internal import EventLoop
internal import Glibc
internal import Linux

/// Reaps processes that libuv did not start.
///
/// This process is a child subreaper: a process below it whose parent exits becomes its child, and remains a zombie
/// until this process waits for it. libuv waits only for the processes it started. The anchor of a shard outlives the
/// shard's process, so there are always such children. In a container this process also has the duties of process 1.
final class OrphanReaper {
    /// libuv handles the same signal and reaps its own children first; this is enough time for it.
    private static let pauseMillis: UInt64 = 50

    private let isOurs: (pid_t) -> Bool
    private var source: SignalSource?
    private var timer: Timer?

    /// - Parameter isOurs: whether libuv waits for this process.
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
                // `waitid` shows one exited child at a time. The others are visible after libuv has reaped this one.
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
