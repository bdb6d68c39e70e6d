internal import Synchronization

/// The bodies that were built for single queries, such as one worker or a sorted table: a few, for as long as what
/// they show is current. However many different queries a client invents, they cost a bounded part of the memory and
/// of the time.
final class QueryCache: Sendable {
    private struct Key: Hashable {
        var question: PageQuery
        var coding: ContentCoding
    }

    private struct Entry {
        var version: UInt64
        var document: Document
    }

    private struct Contents {
        var entries: [Key: Entry] = [:]
        /// The keys of the entries, oldest first.
        var order: [Key] = []
        var bytes = 0
        var spentMicros: Int64 = 0

        mutating func remove(_ key: Key) {
            guard let entry = entries.removeValue(forKey: key) else { return }
            bytes -= entry.document.whole.body.count
            if let index = order.firstIndex(of: key) { order.remove(at: index) }
        }
    }

    private let contents = Mutex(Contents())

    /// nil when it is not there, or shows what is not true any more.
    func document(_ question: PageQuery, _ coding: ContentCoding, version: UInt64) -> Document? {
        contents.withLock {
            guard let entry = $0.entries[Key(question: question, coding: coding)], entry.version >= version else {
                return nil
            }
            return entry.document
        }
    }

    func put(
        _ document: Document, _ question: PageQuery, _ coding: ContentCoding, version: UInt64, _ limits: GatewayLimits
    ) {
        let key = Key(question: question, coding: coding)
        let size = document.whole.body.count
        guard size <= limits.questionBytes else { return }
        contents.withLock {
            $0.remove(key)
            while $0.order.count >= limits.questionsKept || $0.bytes + size > limits.questionBytes,
                let oldest = $0.order.first
            {
                $0.remove(oldest)
            }
            $0.entries[key] = Entry(version: version, document: document)
            $0.order.append(key)
            $0.bytes += size
        }
    }

    /// False when so much time went into questions that the rest of this second is for the pages.
    func mayBuild(_ limits: GatewayLimits) -> Bool {
        contents.withLock { $0.spentMicros < limits.questionMicros }
    }

    func spend(_ micros: Int64) { contents.withLock { $0.spentMicros += micros } }

    /// A new second has begun.
    func startSecond() { contents.withLock { $0.spentMicros = 0 } }
}
