internal import FoundationEssentials
internal import Glibc
internal import Linux
internal import Logging

/// Children of a supervisor that was killed: they leave by themselves when they notice, and a successor on the same
/// ports has to wait for that.
///
/// Anybody can set a variable in the environment of a process. One is taken for an orphaned child only when it is ours in every respect:
/// our user's, with the mark of this run directory, executing one of the service's programs, and started after the dead
/// supervisor. It is signalled by a descriptor of the process, so that no other one with its id can be hit.
struct OrphanedChildren {
    /// Every child has it, and nothing that an operator starts; the value is the run directory.
    static let mark = "MILLRACE_CHILD_OF"

    /// How long they may take by themselves. Their own limit for leaving is below this.
    private static let leaveMillisMax = 5_000
    private static let lookMillis: UInt32 = 50
    private static let programs = ["millrace-worker", "millrace-collector", "millrace-gateway"]

    private let entry: [UInt8]
    private let supervisorStartedAt: UInt64

    /// - Parameter supervisorStartedAt: as `ProcessFacts.startedAt`; 0 = not known.
    init(of runDirectory: String, supervisorStartedAt: UInt64) {
        entry = Array("\(OrphanedChildren.mark)=\(runDirectory)".utf8)
        self.supervisorStartedAt = supervisorStartedAt
    }

    /// Waits until they are gone; ends those that do not go (a stopped process notices nothing).
    func clear(log: Logger) {
        for _ in 0..<OrphanedChildren.leaveMillisMax / Int(OrphanedChildren.lookMillis) {
            if processes.isEmpty { return }
            usleep(OrphanedChildren.lookMillis * 1_000)
        }
        for process in processes { kill(process, log) }
        // Their sockets are free when the kernel has taken them down, which it does at once unless it is stuck itself.
        for _ in 0..<20 where !processes.isEmpty { usleep(OrphanedChildren.lookMillis * 1_000) }
    }

    var processes: [ProcessFacts] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { pid_t($0) }.compactMap(leftover)
    }

    private func leftover(_ id: pid_t) -> ProcessFacts? {
        guard id != getpid(), let process = ProcessFacts(of: id), !process.isZombie, process.userID == geteuid(),
            process.startedAt >= supervisorStartedAt, process.hasEnvironment(entry),
            process.programs.contains(where: OrphanedChildren.programs.contains)
        else { return nil }
        return process
    }

    private func kill(_ process: ProcessFacts, _ log: Logger) {
        guard let descriptor = try? ProcessDescriptor.open(process.id) else { return }
        defer { close(descriptor) }
        // The descriptor names the process that has the id now: is that the one that was looked at?
        guard leftover(process.id) == process else { return }
        log.warning("process \(process.id) of the previous service did not exit; sending SIGKILL")
        ProcessDescriptor.send(signal: SIGKILL, to: descriptor)
    }
}
