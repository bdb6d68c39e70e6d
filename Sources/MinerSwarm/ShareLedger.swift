/// The shares of all miners that wait for a reply: a ring indexed by request id.
///
/// Fixed memory without searching, for a hundred thousand shares a second. The ring is larger than the backlog of any
/// usable proxy.
struct ShareLedger {
    private struct Entry {
        var id: UInt64 = 0
        var sentNanos: UInt64 = 0
        var holder = ConnectionID(index: 0, serial: 0)
        var isOpen = false
    }

    /// Five seconds without a reply at 50,000 shares a second. A power of two: the low bits of an id are its index.
    static let capacityDefault = 1 << 18
    /// Lower ids are used for logins and keepalives.
    static let firstID: UInt64 = 16

    private var ring: [Entry]
    private let mask: Int
    private var nextID = firstID

    init(capacity: Int = capacityDefault) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0, "\(capacity) is no power of two")
        ring = [Entry](repeating: Entry(), count: capacity)
        mask = capacity - 1
    }

    /// Adds a share.
    /// - Parameter isLive: whether a connection still waits for replies; entries of others are free.
    /// - Returns: the request id; nil when the next entry is still waiting, a full round later. The next call tries the
    ///   entry after it.
    mutating func open(_ holder: ConnectionID, now: UInt64, isLive: (ConnectionID) -> Bool) -> Int64? {
        let id = nextID
        nextID += 1
        let place = Int(truncatingIfNeeded: id) & mask
        if ring[place].isOpen, isLive(ring[place].holder) { return nil }
        ring[place] = Entry(id: id, sentNanos: now, holder: holder, isOpen: true)
        return Int64(id)
    }

    /// Removes an answered share.
    /// - Returns: when it was sent; nil when the connection has no such open share.
    mutating func close(id: Int64, of holder: ConnectionID) -> UInt64? {
        let place = Int(truncatingIfNeeded: id) & mask
        let entry = ring[place]
        guard id >= 0, entry.isOpen, entry.id == UInt64(id), entry.holder == holder else { return nil }
        ring[place].isOpen = false
        return entry.sentNanos
    }
}

/// Identifies a connection: the miner's index and a number that is never reused.
struct ConnectionID: Equatable, Sendable {
    let index: UInt32
    let serial: UInt32
}
