internal import ApiDocuments
internal import HTTPServing
internal import Synchronization

/// The bodies that were built for queries, such as one worker or a sorted table: a limited number, as long as their
/// content is current. However many different queries a client sends, their memory and their time are limited.
final class QueryCache: Sendable {
    private struct Key: Hashable {
        var query: PageQuery
        var coding: ContentCoding
    }

    private struct Entry {
        var version: UInt64
        var representation: Representation
    }

    private struct Contents {
        var entries: [Key: Entry] = [:]
        /// The keys of the entries, oldest first.
        var order: [Key] = []
        var bytes = 0
        var spentMicros: Int64 = 0

        mutating func remove(_ key: Key) {
            guard let entry = entries.removeValue(forKey: key) else { return }
            bytes -= entry.representation.whole.body.count
            if let index = order.firstIndex(of: key) { order.remove(at: index) }
        }
    }

    private let contents = Mutex(Contents())

    /// nil if it is not kept, or out of date.
    func representation(_ query: PageQuery, _ coding: ContentCoding, version: UInt64) -> Representation? {
        contents.withLock {
            guard let entry = $0.entries[Key(query: query, coding: coding)], entry.version >= version else {
                return nil
            }
            return entry.representation
        }
    }

    /// Keeps a body, unless it is larger than the limit for all of them.
    func keep(
        _ representation: Representation, _ query: PageQuery, _ coding: ContentCoding, version: UInt64,
        _ limits: GatewayLimits
    ) {
        let key = Key(query: query, coding: coding)
        let size = representation.whole.body.count
        guard size <= limits.queryBytes else { return }
        contents.withLock {
            $0.remove(key)
            while $0.order.count >= limits.queriesKept || $0.bytes + size > limits.queryBytes,
                let oldest = $0.order.first
            {
                $0.remove(oldest)
            }
            $0.entries[key] = Entry(version: version, representation: representation)
            $0.order.append(key)
            $0.bytes += size
        }
    }

    /// False if queries have used up their time of this second: the rest of it is for the pages.
    func mayBuild(_ limits: GatewayLimits) -> Bool {
        contents.withLock { $0.spentMicros < limits.queryMicros }
    }

    /// Adds the time that a body took, in microseconds.
    func addTime(_ micros: Int64) { contents.withLock { $0.spentMicros += micros } }

    /// A new second has begun.
    func startSecond() { contents.withLock { $0.spentMicros = 0 } }
}
