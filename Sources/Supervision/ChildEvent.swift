/// Something that happened to a child, or a request of the operator or of the service.
public enum ChildEvent: Equatable, Sendable {
    /// Start a process; also retries a failed child at once.
    case start
    /// Replace the process cleanly: a planned restart, not a crash. The successor is started when the process has
    /// exited.
    case restart
    /// The same for a process that serves and can cancel the replacement: its successor is started first (`Handover`).
    case handOver
    /// A shard is to disconnect its miners within this time in milliseconds and exit; its place stays empty.
    case drain(withinMillis: Int64)
    /// The same, but its miners move to another shard (`Merge`). If they cannot, they are disconnected within this time
    /// in milliseconds.
    case move(drainWithinMillis: Int64)
    /// Move at most this many miners of a shard to another one (`Splitting`).
    case split(miners: Int)
    /// Another shard has absorbed it, or the part it offered.
    case merged
    /// No shard has absorbed it and none will; nothing of it was touched.
    case notMerged
    /// Stop cleanly.
    case stop
    /// Kill the process at once.
    case stopAtOnce
    /// The process reported that it serves.
    case saidReady
    /// The process reported that its main loop runs.
    case heartbeat
    /// The process ended, or could not be started.
    case ended(ExitReason)
    /// An event of the handover, or of the waiting successor.
    case handover(HandoverEvent)
    /// `Child.deadline` has passed.
    case deadline
}
