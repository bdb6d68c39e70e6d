/// How a process ended.
public enum ExitReason: Equatable, Sendable, Codable {
    case exit(Int32)
    case signal(Int32)
    /// It never ran: the program is missing, or the system is out of resources. Holds a negative errno.
    case couldNotStart(Int32)
}
