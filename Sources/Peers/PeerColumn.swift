/// The connections of an address in one shard, packed into one word: both counts change at once, and a part of the tag
/// says which address they belong to.
struct PeerCounts {
    private static let bits: UInt64 = 20
    private static let max = (1 << bits) - 1

    private let check: UInt64
    var connections: Int
    var waiting: Int

    /// - Parameter word: counts of another address are read as 0.
    init(_ word: UInt64, of peer: PeerTable.Peer) {
        check = peer.tag >> (2 * PeerCounts.bits)
        let isOurs = word >> (2 * PeerCounts.bits) == check
        connections = isOurs ? Int(word & UInt64(PeerCounts.max)) : 0
        waiting = isOurs ? Int(word >> PeerCounts.bits & UInt64(PeerCounts.max)) : 0
    }

    /// Whether `word` belongs to the same address, whatever its counts are.
    func owns(_ word: UInt64) -> Bool { word >> (2 * PeerCounts.bits) == check }

    var word: UInt64 {
        check << (2 * PeerCounts.bits) | clamped(waiting) << PeerCounts.bits | clamped(connections)
    }

    private func clamped(_ count: Int) -> UInt64 { UInt64(Swift.min(Swift.max(count, 0), PeerCounts.max)) }
}

/// How often something happened in the last complete window of ten seconds and in the current one, packed into one
/// word.
struct PeerRate {
    static let windowMicroseconds: UInt64 = 10_000_000
    private static let bits: UInt64 = 20
    private static let max: UInt64 = (1 << bits) - 1

    private var window: UInt64
    private var former: UInt64
    private var current: UInt64

    init(_ word: UInt64, at now: UInt64) {
        window = now / PeerRate.windowMicroseconds & 0xff_ffff
        let written = word >> (2 * PeerRate.bits)
        let counted = word & PeerRate.max
        switch window &- written & 0xff_ffff {
        case 0: (former, current) = (word >> PeerRate.bits & PeerRate.max, counted)
        case 1: (former, current) = (counted, 0)
        default: (former, current) = (0, 0)
        }
    }

    mutating func add(_ count: Int) { current = Swift.min(current + UInt64(count), PeerRate.max) }

    var word: UInt64 { window << (2 * PeerRate.bits) | former << PeerRate.bits | current }

    /// The number in the last complete window.
    var count: Int { Int(former) }
}

/// The counts of one shard, which alone writes them. Times are in microseconds of the machine's monotonic clock.
public struct PeerColumn {
    enum Field {
        static let counts = 0
        static let connects = 1
        static let logins = 2
        static let requests = 3
        static let goodShares = 4
        static let badShares = 5
        static let unsent = 6
    }

    private let table: PeerTable
    private let shard: Int

    /// Continues with the counts that the shard's previous process left.
    public init(_ table: PeerTable, shard: Int) {
        self.table = table
        self.shard = min(max(shard, 0), PeerTable.shardsMax - 1)
        table.use(shards: self.shard + 1)
    }

    /// Sets all counts to 0.
    public func clear() { table.clear(shard: shard) }

    public func connected(_ peer: PeerTable.Peer, at now: UInt64) {
        change(peer) { $0.connections += 1 }
        add(1, to: Field.connects, of: peer, at: now)
    }

    /// Counts a connection that the previous process accepted.
    public func found(_ peer: PeerTable.Peer) { change(peer) { $0.connections += 1 } }

    public func disconnected(_ peer: PeerTable.Peer) { change(peer) { $0.connections -= 1 } }

    /// Counts a connection as waiting to log in, or no longer.
    public func waits(_ peer: PeerTable.Peer, _ waits: Bool) { change(peer) { $0.waiting += waits ? 1 : -1 } }

    public func loggedIn(_ peer: PeerTable.Peer, at now: UInt64) { add(1, to: Field.logins, of: peer, at: now) }

    public func requested(_ count: Int, by peer: PeerTable.Peer, at now: UInt64) {
        add(count, to: Field.requests, of: peer, at: now)
    }

    /// - Parameter isGood: accepted by the pool, or good for the miner's own difficulty.
    public func shared(_ peer: PeerTable.Peer, isGood: Bool, at now: UInt64) {
        add(1, to: isGood ? Field.goodShares : Field.badShares, of: peer, at: now)
    }

    /// Sets the number of bytes that wait to be sent to the miners of the address.
    public func unsent(_ bytes: Int, by peer: PeerTable.Peer) {
        guard let row = row(of: peer) else { return }
        table.words[row + Field.unsent] = UInt64(bytes)
    }

    private func change(_ peer: PeerTable.Peer, _ body: (inout PeerCounts) -> Void) {
        guard let row = row(of: peer) else { return }
        var counts = PeerCounts(table.words[row + Field.counts], of: peer)
        body(&counts)
        table.words[row + Field.counts] = counts.word
    }

    private func add(_ count: Int, to field: Int, of peer: PeerTable.Peer, at now: UInt64) {
        guard let row = row(of: peer) else { return }
        var rate = PeerRate(table.words[row + field], at: now)
        rate.add(count)
        table.words[row + field] = rate.word
    }

    /// The row of the address; nil when another address has the place.
    private func row(of peer: PeerTable.Peer) -> Int? {
        guard table.isCurrent(peer) else { return nil }
        let row = table.row(peer.index, shard: shard)
        let counts = PeerCounts(table.words[row + Field.counts], of: peer)
        if !counts.owns(table.words[row + Field.counts]) {
            for field in 0..<PeerTable.Place.rowWords { table.words[row + field] = 0 }
            table.words[row + Field.counts] = counts.word
        }
        return row
    }
}
