internal import Control
internal import FoundationEssentials
internal import Glibc

/// Lists services in the default run directories, for a verb that finds no service where it looked.
enum FoundServices {
    /// A longer list would not be read.
    private static let directoriesMax = 20
    /// A supervisor answers within a millisecond.
    private static let patienceMillis = 500

    /// Parents of the default run directories (docs/CONFIG.md).
    static func parents(environment: [String: String], userID: UInt32) -> [String] {
        let runtime = environment["XDG_RUNTIME_DIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/run/user/\(userID)"
        return ["/run", runtime, "/tmp"]
    }

    /// One line for each service; empty when there is none.
    static func lines(in parents: [String], except asked: String) -> [String] {
        let found = directories(in: parents).filter { $0 != asked }.compactMap(line)
        return found.isEmpty ? [] : ["running services:"] + found.map { "  \($0)" }
    }

    private static func directories(in parents: [String]) -> [String] {
        let all = parents.flatMap { parent in
            let names = (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
            return names.filter { $0.hasPrefix("millrace") }.sorted().map { parent + "/" + $0 }
        }
        return Array(all.filter(isDirectory).prefix(directoriesMax))
    }

    private static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    private static func line(_ directory: String) -> String? {
        var status = stat()
        guard stat(directory + "/" + ControlLine.socketName, &status) == 0 else {
            guard errno == EACCES, stat(directory, &status) == 0 else { return nil }
            return "--run-dir \(directory) (user \(status.st_uid); permission denied)"
        }
        let client = ControlClient(runDirectory: directory)
        guard case .status(let service)? = try? client.ask(.status, timeoutMilliseconds: patienceMillis) else {
            return nil
        }
        let source = service.configuration.file ?? "options only"
        return "--run-dir \(directory) (process \(service.processID), \(source))"
    }
}
