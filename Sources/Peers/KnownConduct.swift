/// Quarantines of miners, by address and what they say of themselves: a miner that comes back to another shard is in quarantine there
/// too. A shard tells what it has decided, and is told what others have by an input of its own (`ShardInput.conduct`).
public struct KnownConduct: Equatable, Sendable {
    static let entriesMax = 16_384
    static let entryWords = 4
    private static let ways = 4

    /// Microseconds of the machine's monotonic clock.
    public var until: UInt64
    /// How many there were lately, with this one.
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

    /// Places that a key may have.
    static func places(of tag: UInt64) -> [Int] {
        let first = (Int(truncatingIfNeeded: tag >> 24) & (entriesMax / ways - 1)) * ways
        return (first..<first + ways).map { PeerTable.Place.conduct + $0 * entryWords }
    }
}

extension PeerTable {
    /// For keys: the same in all processes, and unknown to miners.
    public var conductSalt: UInt64 { hash(.max, 0) }

    /// - Parameter key: what names the miner, the same in all shards.
    public func conduct(of key: UInt64, at now: UInt64) -> KnownConduct? {
        let tag = hash(key, ~key)
        guard let place = KnownConduct.places(of: tag).first(where: { words[$0] == tag }) else { return nil }
        let conduct = KnownConduct(
            until: words[place + KnownConduct.Field.until],
            quarantines: UInt8(clamping: words[place + KnownConduct.Field.quarantines]))
        return conduct.until > now ? conduct : nil
    }

    public func know(_ conduct: KnownConduct, of key: UInt64) {
        let tag = hash(key, ~key)
        let places = KnownConduct.places(of: tag)
        let place =
            places.first { words[$0] == tag }
            ?? places.min { words[$0 + KnownConduct.Field.until] < words[$1 + KnownConduct.Field.until] }
        guard let place else { return }
        // One that reads between these is told too little for a moment, never of another's quarantine.
        if words[place] != tag { words[place] = 0 }
        words[place + KnownConduct.Field.until] = conduct.until
        words[place + KnownConduct.Field.quarantines] = UInt64(conduct.quarantines)
        words[place] = tag
    }
}
