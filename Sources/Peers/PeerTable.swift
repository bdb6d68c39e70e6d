public import Addresses
internal import Glibc
internal import Linux

/// The table of the addresses that miners connect from, for the whole machine: shared memory that the supervisor
/// creates, and that all shards and the gateway map.
///
/// It holds counts and times, but no decisions of a shard. A shard reads it before it accepts a connection; its core
/// never does, so a replay of the shard's inputs does not depend on the table. Processes write with single atomic
/// stores and without locks: one that is killed or stopped at any point blocks none of the others. The counts of one
/// shard are in its own column, which its next process writes again (`PeerColumn`).
///
/// It is bounded: 65,536 addresses in sets of eight, found by a keyed hash. In a full set a new address replaces the
/// one seen longest ago among those without a connection and without a ban. If there is none, the new address is not
/// tracked (`untracked`), and only the lists apply to it.
public final class PeerTable: Sendable {
    public static let peersMax = 65_536
    /// Equal to `Settings.shardsLimit`: each shard has a column.
    public static let shardsMax = 256
    static let ways = 8

    /// The layout, in words of 8 bytes. A page uses memory only once it is touched, so a table of few addresses is
    /// small.
    enum Place {
        /// "MLRPEER" and the version of the layout.
        static let magic: UInt64 = 0x4d4c_5250_4545_5201
        static let format = 0
        static let salt = 1
        static let shards = 3
        static let untracked = 4
        /// Odd while the lists are being written (`AddressLists`).
        static let listVersion = 5
        static let refusals = 16
        static let dryRefusals = 32
        static let tags = 512
        static let records = tags + peersMax
        static let recordWords = 16
        static let conduct = records + peersMax * recordWords
        static let lists = conduct + KnownConduct.entriesMax * KnownConduct.entryWords
        static let columns = lists + 2 * AddressLists.bufferWords
        static let rowWords = 8
        static let end = columns + shardsMax * peersMax * rowWords
    }

    /// The words of a record.
    enum Field {
        static let high = 0
        static let low = 1
        static let touched = 2
        static let loginsPaid = 3
        static let faultsPaid = 4
        static let bannedUntil = 5
        static let bans = 6
        static let provenAt = 7
        static let refusals = 8
    }

    let words: Words
    private let descriptor: Int32
    private let salt: (UInt64, UInt64)

    /// Creates a table.
    /// - Returns: its descriptor, which the caller owns and passes to the processes; nil when the system is out of
    ///   resources (see `errno`).
    public static func make(random: () -> UInt64) -> Int32? {
        guard let descriptor = try? SharedMemory.makeFile(name: "millrace-peers") else { return nil }
        guard let memory = try? SharedMemory.map(descriptor, byteCount: Place.end * 8), let start = memory.baseAddress
        else {
            close(descriptor)
            return nil
        }
        let words = Words(start)
        words[Place.salt] = random()
        words[Place.salt + 1] = random()
        words[Place.format] = Place.magic
        SharedMemory.unmap(memory)
        return descriptor
    }

    /// Maps the table. It stays mapped until the process ends, and the descriptor must stay open. nil when it cannot be
    /// mapped, or when its layout is that of another program.
    public init?(descriptor: Int32) {
        guard let memory = try? SharedMemory.map(descriptor, byteCount: Place.end * 8), let start = memory.baseAddress
        else {
            return nil
        }
        words = Words(start)
        guard words[Place.format] == Place.magic else {
            SharedMemory.unmap(memory)
            return nil
        }
        self.descriptor = descriptor
        salt = (words[Place.salt], words[Place.salt + 1])
    }

    /// A keyed hash that is never 0.
    func hash(_ high: UInt64, _ low: UInt64) -> UInt64 {
        PeerTable.mixed(PeerTable.mixed(high ^ salt.0) ^ low ^ salt.1) | 1
    }

    /// MurmurHash3's finalizer: each bit of the result depends on each bit of the number.
    private static func mixed(_ number: UInt64) -> UInt64 {
        var bits = (number ^ number >> 33) &* 0xff51_afd7_ed55_8ccd
        bits = (bits ^ bits >> 33) &* 0xc4ce_b9fe_1a85_ec53
        return bits ^ bits >> 33
    }

    // MARK: - Finding an address

    /// The place of an address in the table. It is valid until another address takes the place, which cannot happen
    /// while the address has a connection.
    public struct Peer: Equatable, Sendable {
        let index: Int
        let tag: UInt64
    }

    /// Finds the place of an address, or gives it one.
    /// - Parameter now: microseconds of the machine's monotonic clock, as everywhere in this type.
    /// - Returns: nil when all places that the address may have are in use.
    public func peer(_ network: Network, at now: UInt64) -> Peer? {
        let tag = hash(network.high, network.low)
        let first = set(of: tag)
        // Two processes may try to take the same place at once.
        for _ in 0..<PeerTable.ways {
            if let peer = find(tag) {
                words[record(peer.index) + Field.touched] = now
                return peer
            }
            guard let index = placeToTake(in: first, at: now) else { break }
            guard words.replace(words[Place.tags + index], by: tag, at: Place.tags + index) else { continue }
            let record = record(index)
            for field in 0..<Place.recordWords { words[record + field] = 0 }
            words[record + Field.high] = network.high
            words[record + Field.low] = network.low
            words[record + Field.touched] = now
            return Peer(index: index, tag: tag)
        }
        words.add(1, at: Place.untracked)
        return nil
    }

    /// The place of an address, if it has one.
    public func find(_ network: Network) -> Peer? { find(hash(network.high, network.low)) }

    private func find(_ tag: UInt64) -> Peer? {
        let first = set(of: tag)
        return (first..<first + PeerTable.ways).first { words[Place.tags + $0] == tag }.map {
            Peer(index: $0, tag: tag)
        }
    }

    private func set(of tag: UInt64) -> Int {
        (Int(truncatingIfNeeded: tag >> 20) & (PeerTable.peersMax / PeerTable.ways - 1)) * PeerTable.ways
    }

    private func placeToTake(in first: Int, at now: UInt64) -> Int? {
        var oldest: Int?
        for index in first..<first + PeerTable.ways {
            let tag = words[Place.tags + index]
            if tag == 0 { return index }
            let record = record(index)
            guard words[record + Field.bannedUntil] <= now, counts(of: Peer(index: index, tag: tag)).connections == 0
            else {
                continue
            }
            if oldest.map({ words[record + Field.touched] < words[self.record($0) + Field.touched] }) ?? true {
                oldest = index
            }
        }
        return oldest
    }

    func record(_ index: Int) -> Int { Place.records + index * Place.recordWords }

    func row(_ index: Int, shard: Int) -> Int {
        Place.columns + (shard * PeerTable.peersMax + index) * Place.rowWords
    }

    /// Whether the place still belongs to that address.
    func isCurrent(_ peer: Peer) -> Bool { words[Place.tags + peer.index] == peer.tag }

    // MARK: - Shards

    /// The number of columns in use.
    var shards: Int { min(Int(words[Place.shards]), PeerTable.shardsMax) }

    /// Sets the number of shards that may count to at least this.
    public func use(shards: Int) { words[Place.shards] = max(words[Place.shards], UInt64(shards)) }

    /// Deletes the counts of a shard: it has no process, or its next process counts its connections again.
    public func clear(shard: Int) {
        let start = Place.columns + shard * PeerTable.peersMax * Place.rowWords
        let end = start + PeerTable.peersMax * Place.rowWords
        SharedMemory.release(descriptor, start * 8..<end * 8)
    }

    /// The connections of an address in all shards, and how many of them wait to log in.
    func counts(of peer: Peer) -> (connections: Int, waiting: Int) {
        var sum = (connections: 0, waiting: 0)
        for shard in 0..<shards {
            let counts = PeerCounts(words[row(peer.index, shard: shard)], of: peer)
            sum.connections += counts.connections
            sum.waiting += counts.waiting
        }
        return sum
    }
}
