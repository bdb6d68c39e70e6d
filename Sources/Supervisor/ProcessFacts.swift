internal import FoundationEssentials
internal import Glibc

/// What the kernel tells of a process. A process id alone names nothing: it may be given to another process at any time.
struct ProcessFacts: Equatable {
    let id: pid_t
    /// Whose it is.
    let userID: uid_t
    /// Clock ticks after the boot of the machine: with the id, a name that is not given twice.
    let startedAt: UInt64
    /// Ended, and not waited for by its parent.
    let isZombie: Bool

    /// nil when there is no such process, or it is not for us to see.
    init?(of id: pid_t) {
        var status = stat()
        guard id > 0, stat("/proc/\(id)", &status) == 0,
            let line = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8),
            // The name, in parentheses, may be anything.
            let end = line.utf8.lastIndex(of: UInt8(ascii: ")"))
        else { return nil }
        let fields = line[line.utf8.index(after: end)...].split(separator: " ")
        guard fields.count > ProcessFacts.startField, let start = UInt64(fields[ProcessFacts.startField]) else {
            return nil
        }
        self.id = id
        userID = status.st_uid
        startedAt = start
        isZombie = fields[0] == "Z" || fields[0] == "X"
    }

    /// Of those behind the name (proc_pid_stat(5) counts from 1, and the name is the second).
    private static let startField = 22 - 3

    /// Names of the program that it executes: the file's, and for a script the script's.
    var programs: [String] {
        var names: [String] = []
        if var path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(id)/exe") {
            // Of a file that was replaced, as an upgrade does.
            let replaced = " (deleted)"
            if path.hasSuffix(replaced) { path.removeLast(replaced.count) }
            names.append(path)
        }
        let words = (FileManager.default.contents(atPath: "/proc/\(id)/cmdline") ?? Data()).split(separator: 0)
        if words.count > 1 { names.append(String(decoding: words[1], as: UTF8.self)) }
        return names.map { String($0.split(separator: "/").last ?? "") }
    }

    /// Whether `entry` ("NAME=value") stands in its environment.
    func hasEnvironment(_ entry: [UInt8]) -> Bool {
        let environment = FileManager.default.contents(atPath: "/proc/\(id)/environ") ?? Data()
        return environment.split(separator: 0).contains { $0.elementsEqual(entry) }
    }
}
