/// What was told to the fold since the last commit, until the next one takes it.
struct PendingJournal: Sendable {
    /// A minute of 20,000 shares a second: far more than a commit ever waits for. Beyond it only a checkpoint helps.
    static let bytesMax = 64 * 1024 * 1024
    /// What an entry takes beside its bytes: itself, and the head of the array.
    private static let entryBytes = 64

    private var entries: [JournalEntry] = []
    private(set) var byteCount = 0
    /// True when something is missing: nothing more is noted until the next checkpoint.
    private(set) var hasGap: Bool

    private let bytesMax: Int

    init(hasGap: Bool, bytesMax: Int = PendingJournal.bytesMax) {
        self.hasGap = hasGap
        self.bytesMax = bytesMax
    }

    mutating func note(_ record: JournalRecord, shard: Int, at time: UInt64) {
        guard !hasGap else { return }
        let entry = JournalEntry(shard: UInt16(truncatingIfNeeded: shard), time: time, bytes: record.encoded())
        byteCount += entry.bytes.count + PendingJournal.entryBytes
        entries.append(entry)
        if byteCount > bytesMax { drop() }
    }

    mutating func take() -> [JournalEntry] {
        defer {
            entries = []
            byteCount = 0
        }
        return entries
    }

    /// What is there cannot be stored.
    mutating func drop() {
        self = PendingJournal(hasGap: true, bytesMax: bytesMax)
    }

    /// Everything is in a checkpoint.
    mutating func beginAnew() {
        self = PendingJournal(hasGap: false, bytesMax: bytesMax)
    }
}
