/// Delayed replies, which give a loopback pool the latency of a remote one. First in, first out, because the delay is
/// the same for all.
struct DelayedReplies {
    struct Entry: Equatable {
        let dueMillis: UInt64
        let client: UInt32
        let bytes: [UInt8]
    }

    /// More delayed replies than worth simulating: the oldest are then sent at once.
    static let countMax = 100_000

    private var entries: [Entry] = []
    private var head = 0

    var isEmpty: Bool { head == entries.count }
    var nextDueMillis: UInt64? { isEmpty ? nil : entries[head].dueMillis }

    mutating func add(_ entry: Entry) {
        entries.append(entry)
    }

    /// The oldest entry if it is due, or if there are too many.
    mutating func take(atMillis now: UInt64) -> Entry? {
        guard !isEmpty, entries[head].dueMillis <= now || entries.count - head > Self.countMax else { return nil }
        defer {
            head += 1
            // Removed when half is used: each entry is moved once on average.
            if head * 2 > entries.count {
                entries.removeFirst(head)
                head = 0
            }
        }
        return entries[head]
    }

    mutating func removeAll() {
        entries.removeAll()
        head = 0
    }
}
