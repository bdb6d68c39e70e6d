internal import FoundationEssentials
internal import Glibc
internal import Logging

/// Children of a supervisor that was killed: they leave by themselves when they notice, and a successor on the same
/// ports has to wait for that. They are known by a variable in their environment, so no process id is trusted that
/// may have been given to somebody else.
struct Leftovers {
    /// Every child has it, and nothing that an operator starts; the value is the run directory.
    static let mark = "MILLRACE_CHILD_OF"

    /// How long they may take by themselves. Their own limit for leaving is below this.
    private static let leaveMillisMax = 5_000
    private static let lookMillis: UInt32 = 50

    private let entry: [UInt8]

    init(of runDirectory: String) {
        entry = Array("\(Leftovers.mark)=\(runDirectory)".utf8)
    }

    /// Waits until they are gone; ends those that do not go (a stopped process notices nothing).
    func clear(log: Logger) {
        for _ in 0..<Leftovers.leaveMillisMax / Int(Leftovers.lookMillis) {
            if processes().isEmpty { return }
            usleep(Leftovers.lookMillis * 1_000)
        }
        for process in processes() {
            log.warning("process \(process) of the previous service did not exit; sending SIGKILL")
            kill(process, SIGKILL)
        }
        // Their sockets are free when the kernel has taken them down, which it does at once unless it is stuck itself.
        for _ in 0..<20 where !processes().isEmpty { usleep(Leftovers.lookMillis * 1_000) }
    }

    private func processes() -> [pid_t] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return names.compactMap { pid_t($0) }.filter { process in
            guard process != getpid() else { return false }
            let environment = FileManager.default.contents(atPath: "/proc/\(process)/environ") ?? Data()
            return environment.split(separator: 0).contains { $0.elementsEqual(entry) }
        }
    }
}
