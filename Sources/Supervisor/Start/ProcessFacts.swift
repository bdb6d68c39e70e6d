internal import FoundationEssentials
internal import Glibc

/// Facts about a process from /proc. A process id alone does not identify a process, because ids are reused.
struct ProcessFacts: Equatable {
    let id: pid_t
    /// The user that it runs as.
    let userID: uid_t
    /// Clock ticks since the boot of the machine. Together with the id this identifies a process.
    let startedAt: UInt64
    /// Exited, but its parent has not waited for it yet.
    let isZombie: Bool

    /// nil when there is no such process, or this user may not see it.
    init?(of id: pid_t) {
        var status = stat()
        guard id > 0, stat("/proc/\(id)", &status) == 0,
            let line = try? String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8),
            // The program name, in parentheses, may contain any character.
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

    /// Index among the fields after the name: proc_pid_stat(5) counts from 1, and the name is field 2.
    private static let startField = 22 - 3

    /// File names of the program it executes; for a script the names of the interpreter and of the script.
    var programs: [String] {
        var names: [String] = []
        if var path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(id)/exe") {
            // The kernel appends this when the file was replaced, as in an upgrade.
            let replaced = " (deleted)"
            if path.hasSuffix(replaced) { path.removeLast(replaced.count) }
            names.append(path)
        }
        let words = (FileManager.default.contents(atPath: "/proc/\(id)/cmdline") ?? Data()).split(separator: 0)
        if words.count > 1 { names.append(String(decoding: words[1], as: UTF8.self)) }
        return names.map { String($0.split(separator: "/").last ?? "") }
    }

    /// Whether its environment contains `entry` ("NAME=value").
    func hasEnvironment(_ entry: [UInt8]) -> Bool {
        let environment = FileManager.default.contents(atPath: "/proc/\(id)/environ") ?? Data()
        return environment.split(separator: 0).contains { $0.elementsEqual(entry) }
    }
}
