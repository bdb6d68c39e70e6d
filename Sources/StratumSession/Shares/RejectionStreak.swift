internal import StratumProtocol

/// What a pool's rejections say about the pool itself.
///
/// A pool that rejects every share is left for a backup. A single hostile miner must not cause that at a good pool: it
/// controls how many of its own shares are rejected, and under how many logins, but not whether those of others are
/// accepted. So the miners of rejected shares are counted too, and each accepted share halves the count
/// (`Shard.leaveIfRejecting`).
struct RejectionStreak {
    /// Rejected shares; each accepted share halves the number.
    private(set) var count: UInt8 = 0
    /// When the first of them was rejected.
    private(set) var since = Instant(microseconds: 0)
    /// The last accepted share since the pool was left; nil = none.
    private(set) var acceptedAt: Instant?
    /// The text of the last rejection blames the miner (`RefusalMeaning.badShare`).
    private(set) var blamesMiner = false
    /// Miners whose shares were rejected.
    private(set) var miners = FewKeys()
    /// The same, but all miners of an address without an accepted share are one, because logins cost nothing.
    private(set) var voices = FewKeys()
    /// The operator was told that there is no backup.
    var isTold = false
    /// When the pool was left because of a streak; nil = it was not, or has accepted a share since.
    private(set) var leftAt: Instant?

    init() {}

    /// The streak after the pool was left: a new trial of it.
    init(leftAt now: Instant) { leftAt = now }

    mutating func accept(at now: Instant) {
        acceptedAt = now
        leftAt = nil
        guard count > 0 else { return }
        count /= 2
        guard count == 0 else { return }
        self = RejectionStreak()
        acceptedAt = now
    }

    /// - Parameter keys: the sender of the share; nil when the rejection concerns the session, which has rules of its
    ///   own.
    mutating func reject(_ keys: (miner: UInt64, voice: UInt64)?, blamesMiner: Bool, at now: Instant) {
        if count == 0 { since = now }
        count = min(count, .max - 1) + 1
        guard let keys else { return }
        self.blamesMiner = blamesMiner
        miners.insert(keys.miner)
        voices.insert(keys.voice)
    }

    /// How many miners, and voices, must agree.
    var voicesWanted: Int { blamesMiner ? Limits.voicesWanted : Limits.voicesWanted - 1 }

    /// Whether these are enough rejections, if enough miners agree.
    /// - Parameter guardsPools: a new miner submits no more bad shares than `MinerRecord.unprovenRefusalsMax`.
    func isEnough(guardsPools: Bool, at now: Instant) -> Bool {
        if let acceptedAt, now < acceptedAt + Limits.acceptanceCounts {
            return count >= Limits.rejectionsOfUsefulPool && now >= since + Limits.rejectingOfUsefulPool
        }
        return count >= (blamesMiner && guardsPools ? MinerRecord.unprovenRefusalsMax : Limits.rejectionsOfNewPool)
    }
}

/// A set of at most three keys, stored inline.
struct FewKeys {
    static let countMax = 3
    private var keys: InlineArray<3, UInt64> = [0, 0, 0]
    private(set) var count = 0

    /// - Parameter key: not 0. It is ignored when there are three other keys.
    mutating func insert(_ key: UInt64) {
        for place in 0..<count where keys[place] == key { return }
        guard count < FewKeys.countMax else { return }
        keys[count] = key
        count += 1
    }
}

// MARK: - Coding

extension RejectionStreak {
    func encode(to writer: inout BinaryWriter) {
        writer.integer(count)
        writer.integer(since.microseconds)
        writer.integer(ifGiven: acceptedAt?.microseconds)
        writer.flag(blamesMiner)
        miners.encode(to: &writer)
        voices.encode(to: &writer)
        writer.flag(isTold)
        writer.integer(ifGiven: leftAt?.microseconds)
    }

    init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        count = try reader.integer()
        since = Instant(microseconds: try reader.integer())
        acceptedAt = try reader.integer(ifGiven: UInt64.self).map { Instant(microseconds: $0) }
        blamesMiner = try reader.flag()
        miners = try FewKeys(decoding: &reader)
        voices = try FewKeys(decoding: &reader)
        isTold = try reader.flag()
        leftAt = try reader.integer(ifGiven: UInt64.self).map { Instant(microseconds: $0) }
    }
}

extension FewKeys {
    fileprivate func encode(to writer: inout BinaryWriter) {
        writer.integer(UInt8(count))
        for place in 0..<count { writer.integer(keys[place]) }
    }

    fileprivate init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        let given = try reader.integer(in: 0...UInt8(FewKeys.countMax), "seat.keys")
        for _ in 0..<given { insert(try reader.integer()) }
    }
}
