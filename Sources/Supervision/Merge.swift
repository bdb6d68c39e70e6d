/// A shard that goes, and whose miners and pools move to another one with everything that is known of them.
///
/// The theory. The process stands still as for a hand-over (`Handover`), its state written down. The performer tells another shard
/// to absorb that state, and hears whether it has. If not, one word takes everything back. If so, the process only hands over the
/// events that no collector has taken yet, and ends. A process that dies on the way leaves its state and its connections behind
/// (an anchor keeps them), so the move goes on without it; for its events another one is started in its place.
public struct Merge: Equatable, Sendable, Codable {
    public enum Phase: Equatable, Sendable, Codable {
        /// The process has been asked to stand still.
        case freezing
        /// It stands still, or is dead; another shard is to absorb what it has.
        case offering
        /// Another shard has everything; the process hands over its events.
        case leaving
    }

    public var phase: Phase
    /// False when the process has died.
    public var isAlive: Bool
    /// How long its miners may take to leave if they cannot be moved.
    var drainWithinMillis: Int64
    /// How long the phase may last; nil once SIGKILL has been sent.
    var until: Int64?
    /// Processes that were started to hand over the last events.
    var attempts = 0
}
