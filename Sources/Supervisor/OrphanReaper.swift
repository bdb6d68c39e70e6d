internal import CLinux
internal import EventLoop
internal import Glibc

/// A duty of process 1, which a supervisor is in a container: whoever loses its parent becomes our child, and stays a
/// zombie until somebody asks how it ended. libuv asks only for those that it has started.
final class OrphanReaper {
    /// libuv hears of a death by the same signal; its own dead are gone from the kernel's list after a moment.
    private static let pauseMillis: UInt64 = 50

    private let isOurs: (pid_t) -> Bool
    private var source: SignalSource?
    private var timer: Timer?

    /// nil where no orphans come to us.
    /// - Parameter isOurs: whether a process is one that libuv waits for.
    init?(on loop: Loop, isOurs: @escaping (pid_t) -> Bool) throws(SystemFailure) {
        self.isOurs = isOurs
        guard clinux_adopts_orphans() == 1 else { return nil }
        let timer = Timer(on: loop) { [unowned self] in reap() }
        timer.unreference()
        self.timer = timer
        source = try SignalSource(on: loop, signal: SIGCHLD) { [unowned self] in
            self.timer?.start(after: OrphanReaper.pauseMillis)
        }
    }

    private func reap() {
        while case let process = clinux_dead_child(), process > 0 {
            guard !isOurs(process) else {
                // The kernel shows one of the dead at a time: the others come when this one has been taken away.
                timer?.start(after: OrphanReaper.pauseMillis)
                return
            }
            waitpid(process, nil, WNOHANG)
        }
    }

    func close() {
        source?.close()
        timer?.close()
    }
}
