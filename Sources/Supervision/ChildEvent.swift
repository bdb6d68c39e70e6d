/// Something that happened to a child, or that is wanted of it.
public enum ChildEvent: Equatable, Sendable {
    /// It shall run (also: try one that has failed again at once).
    case start
    /// Its process shall be replaced in good order: planned, so no death. The successor comes when it has left.
    case restart
    /// The same for a process that serves and can take everything back: its successor is started first (`Handover`).
    case handOver
    /// A shard is to disconnect its miners within this time in milliseconds and exit; its place stays empty.
    case drain(withinMillis: Int64)
    /// The same, but its miners move to another shard (`Merge`); if they cannot, they are disconnected within this time.
    case move(drainWithinMillis: Int64)
    /// A shard shall give at most that many of its miners to another one (`Splitting`).
    case split(miners: Int)
    /// Another shard has absorbed it, or the part that it gives.
    case merged
    /// None has, and none will: nothing of it was touched.
    case notMerged
    /// It shall end in good order.
    case stop
    /// It shall end now, whatever it is doing.
    case stopAtOnce
    /// It serves.
    case saidReady
    /// Its main loop turns.
    case heartbeat
    /// Its process is gone, or never came to be.
    case ended(ExitReason)
    /// Something that happened to its hand-over, or to the successor that waits beside it.
    case handover(HandoverEvent)
    /// `Child.deadline` has come.
    case deadline
}
