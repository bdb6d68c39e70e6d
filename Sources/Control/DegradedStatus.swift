/// One thing in the service that does not work as it should, and does not end it.
public struct DegradedStatus: Codable, Equatable, Sendable {
    /// The kind of thing: a fixed set, which metrics use as a label.
    public enum Reason: String, Codable, CaseIterable, Sendable {
        /// The process failed too often; it is tried again once a minute.
        case failed
        /// The process runs with a configuration that is not in force any more.
        case oldConfiguration = "old_configuration"
        /// The process runs the program from before the upgrade.
        case oldProgram = "old_program"
        /// The shard cannot keep its connections over a restart.
        case noHandover = "no_handover"
        /// Planned restarts ended early because a new process failed.
        case restartHalted = "restart_halted"
        /// Statistics are not stored.
        case statistics
        /// The port of the API cannot be used.
        case api
        /// A crash of the shard's process would disconnect its miners.
        case crashSafety = "crash_safety"
        /// The log file cannot be opened.
        case logFile = "log_file"
        /// The first pool cannot be used, or none can.
        case pools
        /// Something that this version does not know.
        case other

        /// - Parameter text: as a process says it, with the subject first: "statistics: off: disk full".
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
