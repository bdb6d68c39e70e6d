/// Connections of an address in one shard, in one word: so both numbers change at once, and the check says whose they are.
struct PeerCounts {
    private static let bits: UInt64 = 20
    private static let max = (1 << bits) - 1

    private let check: UInt64
    var connections: Int
    var waiting: Int

    /// - Parameter word: counts for another address read as none.
    init(_ word: UInt64, of peer: PeerTable.Peer) {
        check = peer.tag >> (2 * PeerCounts.bits)
        let isOurs = word >> (2 * PeerCounts.bits) == check
        connections = isOurs ? Int(word & UInt64(PeerCounts.max)) : 0
        waiting = isOurs ? Int(word >> PeerCounts.bits & UInt64(PeerCounts.max)) : 0
    }

    /// Whether `word` is of the same address, whatever its counts are.
    func owns(_ word: UInt64) -> Bool { word >> (2 * PeerCounts.bits) == check }

    var word: UInt64 {
        check << (2 * PeerCounts.bits) | clamped(waiting) << PeerCounts.bits | clamped(connections)
    }

    private func clamped(_ count: Int) -> UInt64 { UInt64(Swift.min(Swift.max(count, 0), PeerCounts.max)) }
}

/// How often something happened in the last whole ten seconds and in those that run, in one word.
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

    /// In the last ten whole seconds.
    var count: Int { Int(former) }
}

/// What one shard counts, the only writer of its column.
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

    /// The column of a shard, as a process before has left it.
    public init(_ table: PeerTable, shard: Int) {
        self.table = table
        self.shard = min(max(shard, 0), PeerTable.shardsMax - 1)
        table.use(shards: self.shard + 1)
    }

    /// Begins to count: nothing is counted.
    public func clear() { table.clear(shard: shard) }

    public func connected(_ peer: PeerTable.Peer, at now: UInt64) {
        change(peer) { $0.connections += 1 }
        add(1, to: Field.connects, of: peer, at: now)
    }

    /// A connection that a process before has accepted.
    public func found(_ peer: PeerTable.Peer) { change(peer) { $0.connections += 1 } }

    public func disconnected(_ peer: PeerTable.Peer) { change(peer) { $0.connections -= 1 } }

    /// A connection counts as waiting from now on, or does not any more.
    public func waits(_ peer: PeerTable.Peer, _ waits: Bool) { change(peer) { $0.waiting += waits ? 1 : -1 } }

    public func loggedIn(_ peer: PeerTable.Peer, at now: UInt64) { add(1, to: Field.logins, of: peer, at: now) }

    public func requested(_ count: Int, by peer: PeerTable.Peer, at now: UInt64) {
        add(count, to: Field.requests, of: peer, at: now)
    }

    /// - Parameter isGood: accepted by the pool, or good for the miner's own difficulty.
    public func shared(_ peer: PeerTable.Peer, isGood: Bool, at now: UInt64) {
        add(1, to: isGood ? Field.goodShares : Field.badShares, of: peer, at: now)
    }

    /// Bytes that the miners of the address have not taken.
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

    /// The row, as this address's; nil when another one has the place.
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
