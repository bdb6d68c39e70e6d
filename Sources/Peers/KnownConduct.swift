/// A quarantine of a miner as all shards share it, by the miner's address and login data: a miner that connects to
/// another shard is in quarantine there too. A shard publishes its own quarantines, and gets those of the others as an
/// input (`ShardInput.conduct`).
public struct KnownConduct: Equatable, Sendable {
    static let entriesMax = 16_384
    static let entryWords = 4
    private static let ways = 4

    /// The end, in microseconds of the machine's monotonic clock.
    public var until: UInt64
    /// The number of recent quarantines, including this one.
    public var quarantines: UInt8

    public init(until: UInt64, quarantines: UInt8) {
        self.until = until
        self.quarantines = quarantines
    }

    enum Field {
        static let tag = 0
        static let until = 1
        static let quarantines = 2
    }

    /// The places that a key may have.
    static func places(of tag: UInt64) -> [Int] {
        let first = (Int(truncatingIfNeeded: tag >> 24) & (entriesMax / ways - 1)) * ways
        return (first..<first + ways).map { PeerTable.Place.conduct + $0 * entryWords }
    }
}

extension PeerTable {
    /// The salt of the keys: the same in all processes, and unknown to miners.
    public var conductSalt: UInt64 { hash(.max, 0) }

    /// - Parameters:
    ///   - key: identifies the miner, in the same way in all shards.
    ///   - now: microseconds of the machine's monotonic clock.
    public func conduct(of key: UInt64, at now: UInt64) -> KnownConduct? {
        let tag = hash(key, ~key)
        guard let place = KnownConduct.places(of: tag).first(where: { words[$0] == tag }) else { return nil }
        words.fenceLoads()
        let conduct = KnownConduct(
            until: words[place + KnownConduct.Field.until],
            quarantines: UInt8(clamping: words[place + KnownConduct.Field.quarantines]))
        // The place may have been given to another key meanwhile.
        words.fenceLoads()
        guard words[place] == tag else { return nil }
        return conduct.until > now ? conduct : nil
    }

    /// Publishes a quarantine. When all places of its key are taken, it replaces the one that ends first.
    public func know(_ conduct: KnownConduct, of key: UInt64) {
        let tag = hash(key, ~key)
        let places = KnownConduct.places(of: tag)
        let place =
            places.first { words[$0] == tag }
            ?? places.min { words[$0 + KnownConduct.Field.until] < words[$1 + KnownConduct.Field.until] }
        guard let place else { return }
        // The tag is cleared first: a search between these stores finds nothing, not the quarantine of another key.
        if words[place] != tag { words[place] = 0 }
        words.fenceStores()
        words[place + KnownConduct.Field.until] = conduct.until
        words[place + KnownConduct.Field.quarantines] = UInt64(conduct.quarantines)
        words.fenceStores()
        words[place] = tag
    }
}
