internal import StratumSession

/// The shard's connections to pools, and the bytes that leave on them at the end of a turn.
final class PoolLinks {
    private var links: [PoolConnectionID: PoolLink] = [:]
    /// With bytes to send at the end of the turn.
    private var unflushed: [PoolLink] = []
    private var flushing: [PoolLink] = []
    /// Where the hosts of pools are found.
    let addresses: PoolAddresses
    var contexts = ClientContexts()

    init(addresses: PoolAddresses) { self.addresses = addresses }

    var count: Int { links.count }
    var all: Dictionary<PoolConnectionID, PoolLink>.Values { links.values }

    subscript(id: PoolConnectionID) -> PoolLink? { links[id] }

    func enter(_ link: PoolLink) { links[link.id] = link }

    /// Does not end the connection.
    @discardableResult
    func remove(_ id: PoolConnectionID) -> PoolLink? { links.removeValue(forKey: id) }

    func hangUpAll() {
        for link in links.values { link.hangUp() }
        links.removeAll()
    }

    /// Keeps bytes for the end of the turn.
    /// - Returns: the link when its bytes should be sent before that.
    func append(_ bytes: UnsafeRawBufferPointer, to id: PoolConnectionID) -> PoolLink? {
        guard let link = links[id] else { return nil }
        if link.append(bytes) { unflushed.append(link) }
        return link.isFull ? link : nil
    }

    /// Calls `flush` with each link that has bytes of this turn.
    /// - Returns: false when there was none.
    func flush(_ flush: (PoolLink) -> Void) -> Bool {
        guard !unflushed.isEmpty else { return false }
        swap(&unflushed, &flushing)
        for link in flushing { flush(link) }
        flushing.removeAll(keepingCapacity: true)
        return true
    }
}
