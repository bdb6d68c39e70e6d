/// The shares that wait for a reply, of all miners together: a ring in which a share's request id names its place.
///
/// Fixed memory and no search: what a load generator can afford at a hundred thousand shares a second. The ring is
/// longer than any proxy may fall behind.
struct ShareLedger {
    private struct Entry {
        var id: UInt64 = 0
        var sentNanos: UInt64 = 0
        var holder = ConnectionID(index: 0, serial: 0)
        var isOpen = false
    }

    /// At 50,000 shares a second, five seconds without a reply. A power of two: an id's low bits are its place.
    static let capacityDefault = 1 << 18
    /// Lower ids belong to logins and keepalives.
    static let firstID: UInt64 = 16

    private var ring: [Entry]
    private let mask: Int
    private var nextID = firstID

    init(capacity: Int = capacityDefault) {
        precondition(capacity > 0 && capacity & (capacity - 1) == 0, "\(capacity) is no power of two")
        ring = [Entry](repeating: Entry(), count: capacity)
        mask = capacity - 1
    }

    /// Enters a share.
    /// - Parameter isLive: whether a connection still waits for replies; places of others are free.
    /// - Returns: the request id; nil when the place whose turn it is still waits, once round the ring. The next call
    ///   tries the next place.
    mutating func open(_ holder: ConnectionID, now: UInt64, isLive: (ConnectionID) -> Bool) -> Int64? {
        let id = nextID
        nextID += 1
        let place = Int(truncatingIfNeeded: id) & mask
        if ring[place].isOpen, isLive(ring[place].holder) { return nil }
        ring[place] = Entry(id: id, sentNanos: now, holder: holder, isOpen: true)
        return Int64(id)
    }

    /// Takes the share out that is answered.
    /// - Returns: when it was sent; nil when that connection has no such share open (any more).
    mutating func close(id: Int64, of holder: ConnectionID) -> UInt64? {
        let place = Int(truncatingIfNeeded: id) & mask
        let entry = ring[place]
        guard id >= 0, entry.isOpen, entry.id == UInt64(id), entry.holder == holder else { return nil }
        ring[place].isOpen = false
        return entry.sentNanos
    }
}

/// One connection of the run: the miner's place, and a number that is never used again.
struct ConnectionID: Equatable, Sendable {
    let index: UInt32
    let serial: UInt32
}
