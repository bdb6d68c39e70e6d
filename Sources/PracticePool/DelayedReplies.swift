/// Replies that wait for their time: what makes a loopback pool look as far away as a real one. First in, first out,
/// because the delay is the same for all.
struct DelayedReplies {
    struct Entry: Equatable {
        let dueMillis: UInt64
        let client: UInt32
        let bytes: [UInt8]
    }

    /// A pool that owes this many replies is slower than anything worth simulating: the oldest leave at once.
    static let countMax = 100_000

    private var entries: [Entry] = []
    private var head = 0

    var isEmpty: Bool { head == entries.count }
    var nextDueMillis: UInt64? { isEmpty ? nil : entries[head].dueMillis }

    mutating func add(_ entry: Entry) {
        entries.append(entry)
    }

    /// The oldest entry if its time has come, or if too many wait.
    mutating func take(atMillis now: UInt64) -> Entry? {
        guard !isEmpty, entries[head].dueMillis <= now || entries.count - head > Self.countMax else { return nil }
        defer {
            head += 1
            // Cut in halves: each entry is moved once on average.
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
