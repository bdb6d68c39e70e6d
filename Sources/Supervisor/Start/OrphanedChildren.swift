internal import FoundationEssentials
internal import Glibc
internal import Linux
internal import Logging

/// Children of a supervisor that was killed. They exit on their own when they notice; the next supervisor has to wait
/// for that, because it uses the same ports.
///
/// Any user can set a variable in the environment of a process. A process counts as an orphaned child only if all of
/// this is true: it runs as this user, has the mark of this run directory, executes one of the service's programs, and
/// was started after the killed supervisor. It is signalled through a process descriptor, so that another process that
/// gets its id cannot be hit.
struct OrphanedChildren {
    /// Set in the environment of every child, and of no other process; the value is the run directory.
    static let mark = "MILLRACE_CHILD_OF"

    /// How long they may take to exit on their own. Their own time limit for an exit is shorter.
    private static let leaveMillisMax = 5_000
    private static let lookMillis: UInt32 = 50
    private static let programs = ["millrace-worker", "millrace-collector", "millrace-gateway"]

    private let entry: [UInt8]
    private let supervisorStartedAt: UInt64

    /// - Parameter supervisorStartedAt: as `ProcessFacts.startedAt`; 0 when not known.
    init(of runDirectory: String, supervisorStartedAt: UInt64) {
        entry = Array("\(OrphanedChildren.mark)=\(runDirectory)".utf8)
        self.supervisorStartedAt = supervisorStartedAt
    }

    /// Waits until they have exited, and kills those that do not exit (a stopped process notices nothing).
    func clear(log: Logger) {
        for _ in 0..<OrphanedChildren.leaveMillisMax / Int(OrphanedChildren.lookMillis) {
            if processes.isEmpty { return }
            usleep(OrphanedChildren.lookMillis * 1_000)
        }
        for process in processes { kill(process, log) }
        // The kernel frees their sockets when they have exited, which takes a moment at most unless it is stuck.
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
        // The id may have been reused before the descriptor was opened: check the process again.
        guard leftover(process.id) == process else { return }
        log.warning("process \(process.id) of the previous service did not exit; sending SIGKILL")
        ProcessDescriptor.send(signal: SIGKILL, to: descriptor)
    }
}
