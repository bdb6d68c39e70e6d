/// The merge of a shard into another one: its miners and pool connections move there with all their state, and its
/// process exits.
///
/// The process freezes as for a handover (`Handover`). The performer asks another shard to absorb the saved state, and
/// reports whether it did. If it did not, `resume` cancels the merge. If it did, the process only hands over the events
/// that the collector has not received yet, and exits. A process that crashes during the merge leaves its saved state
/// and its connections behind (an anchor keeps them), so the merge continues without it; another process is started in
/// its place to hand over the events.
public struct Merge: Equatable, Sendable, Codable {
    public enum Phase: Equatable, Sendable, Codable {
        /// The process was asked to freeze.
        case freezing
        /// It is frozen, or has crashed; another shard is to absorb its state.
        case offering
        /// Another shard has absorbed everything; the process hands over its events.
        case leaving
    }

    public var phase: Phase
    /// False when the process has ended.
    public var isAlive: Bool
    /// The time in which its miners are disconnected if they cannot be moved.
    var drainWithinMillis: Int64
    /// When the phase times out; nil once SIGKILL has been sent.
    var until: Int64?
    /// Processes started to hand over the last events.
    var attempts = 0
}
