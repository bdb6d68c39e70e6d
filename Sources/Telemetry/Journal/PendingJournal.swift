/// Journal entries since the last commit. The next commit takes them.
struct PendingJournal: Sendable {
    /// A minute at 20,000 shares a second, far longer than a commit waits. After more, a checkpoint is necessary.
    static let bytesMax = 64 * 1024 * 1024
    /// The overhead of an entry: the value itself and the head of its array.
    private static let entryBytes = 64

    private var entries: [JournalEntry] = []
    private(set) var byteCount = 0
    /// True when entries are missing. Nothing is recorded until the next checkpoint.
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

    /// Drops all entries, because they cannot be stored.
    mutating func drop() {
        self = PendingJournal(hasGap: true, bytesMax: bytesMax)
    }

    /// Starts again after a checkpoint, which contains everything.
    mutating func beginAnew() {
        self = PendingJournal(hasGap: false, bytesMax: bytesMax)
    }
}
