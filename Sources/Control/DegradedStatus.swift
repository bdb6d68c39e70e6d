/// A limitation of a service that continues to run.
public struct DegradedStatus: Codable, Equatable, Sendable {
    /// The kind of degradation: a fixed set, used as a metric label.
    public enum Reason: String, Codable, CaseIterable, Sendable {
        /// The process failed too often; it is retried once a minute.
        case failed
        /// The process runs with a configuration that is no longer in force.
        case oldConfiguration = "old_configuration"
        /// The process runs the program from before the upgrade.
        case oldProgram = "old_program"
        /// The shard cannot keep its connections across a restart.
        case noHandover = "no_handover"
        /// Planned restarts were stopped because a new process failed.
        case restartHalted = "restart_halted"
        /// Statistics are not stored.
        case statistics
        /// The port of the API cannot be used.
        case api
        /// A crash of the shard's process would disconnect its miners.
        case crashSafety = "crash_safety"
        /// The log file cannot be opened.
        case logFile = "log_file"
        /// The first pool cannot be used, or no pool can.
        case pools
        /// A kind that this version does not know.
        case other

        /// - Parameter text: the text of a process, which begins with the subject: "statistics: off: disk full".
        public init(saying text: String) {
            self =
                switch text.prefix(while: { $0 != ":" }) {
                case "statistics": .statistics
                case "API": .api
                case "crash safety": .crashSafety
                case "log file": .logFile
                case "pools": .pools
                default: .other
                }
        }

        public init(from decoder: any Decoder) throws {
            self = Reason(rawValue: try decoder.singleValueContainer().decode(String.self)) ?? .other
        }
    }

    /// "supervisor", "collector", "gateway" or "shard-0".
    public var process: String
    public var reason: Reason
    /// For people.
    public var text: String

    public init(process: String, reason: Reason, text: String) {
        self.process = process
        self.reason = reason
        self.text = text
    }
}
