internal import Continuity
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Linux
internal import Logging

// The anchor process, which keeps the connections open when this process is killed. It may be killed itself.
extension Worker {
    func watchAnchor() throws {
        guard anchor != nil else { return }
        signals.append(try SignalSource(on: loop, signal: SIGCHLD) { [unowned self] in self.checkAnchor() })
        // It may have been killed before this.
        checkAnchor()
    }

    private func checkAnchor() {
        switch anchor?.check() {
        case .killed(let signal):
            log.warning("the anchor process was killed by signal \(signal); starting a new one")
            replaceAnchor()
        case .stopped(let signal):
            log.warning("the anchor process was stopped by signal \(signal); continued")
        case nil: break
        }
    }

    /// Also called once a second, because the reason that a process cannot be started may pass.
    func replaceAnchor() {
        guard anchor?.isMissing == true else { return }
        do throws(SystemCallFailure) {
            try anchor?.replace()
            log.notice("a new anchor process keeps the connections", metadata: ["pid": "\(anchor?.processID ?? 0)"])
            Degradation.set("anchor", nil)
        } catch {
            Degradation.set(
                "anchor",
                "no anchor process (\(error)), miners reconnect if this process crashes; trying again")
        }
    }
}
