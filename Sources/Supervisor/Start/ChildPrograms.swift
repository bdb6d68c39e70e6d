internal import DaemonKit
internal import Glibc
internal import Supervision

/// The paths of the child programs.
struct ChildPrograms {
    /// For packagers who install the child programs in another directory, such as /usr/libexec/millrace.
    static let directoryVariable = "MILLRACE_LIBEXEC_DIR"

    let directory: String

    init(beside executable: String, environment: [String: String]) throws(StartFailure) {
        if let chosen = environment[ChildPrograms.directoryVariable], !chosen.isEmpty {
            guard chosen.hasPrefix("/") else {
                throw StartFailure(
                    exitCode: .badInstallation,
                    message: "\(ChildPrograms.directoryVariable): expected an absolute path, found \"\(chosen)\"")
            }
            directory = chosen
        } else {
            let end = executable.lastIndex(of: "/") ?? executable.startIndex
            directory = String(executable[..<end])
        }
    }

    func path(of child: ChildName) -> String { directory + "/" + program(of: child) }

    func program(of child: ChildName) -> String {
        switch child {
        case .collector: "millrace-collector"
        case .shard: "millrace-worker"
        case .gateway: "millrace-gateway"
        }
    }

    /// Throws when a program is missing or not executable. Without this check, ten failed starts would show it.
    func check(withGateway: Bool) throws(StartFailure) {
        for child in [ChildName.collector, .shard(0)] + (withGateway ? [.gateway] : []) {
            guard access(path(of: child), X_OK) != 0 else { continue }
            let reason = String(cString: strerror(errno))
            throw StartFailure(
                exitCode: .badInstallation,
                message: "\(path(of: child)): \(reason) (all programs of Millrace must be in one directory)")
        }
    }
}
