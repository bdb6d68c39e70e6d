internal import StratumProtocol

/// Why reading from a miner's connection is paused.
enum MinerPause: UInt8 {
    case none
    /// Its budget of requests is spent (`RequestBudget`).
    case budget
    /// Its share is at the pool, which has accepted none of its shares before. Such a miner may have one share in
    /// flight, so that a miner with only bad shares is known by its second one.
    case verdict
}

/// The rate limit for requests of a miner. Each request costs time, and the connection is read again when that time has
/// passed: a rate with a burst, enforced by TCP flow control. A share that the pool accepts costs nothing, so the rate
/// of an honest miner has no limit.
enum RequestBudget {
    /// 20 per second of requests without use: refused shares, keepalives, unknown methods.
    static let request = Milliseconds(50)
    /// 100 per second of shares that only meet the miner's own difficulty.
    static let localShare = Milliseconds(10)
    /// The most that can be spent at once: 500 requests.
    static let burst = Milliseconds(25_000)
    /// 50 requests for a miner without an accepted share, which limits a large number of strangers.
    static let burstOfNewMiner = Milliseconds(2_500)
}

extension MinerSession {
    func hasBudget(at now: Instant) -> Bool {
        !requests.isExceeded(record.isProven ? RequestBudget.burst : RequestBudget.burstOfNewMiner, at: now)
    }
}

/// A pool's verdicts on the shares of a miner, or of all new miners at an address. Pools ban addresses, not miners: the
/// bad shares of one affect all miners behind this proxy.
struct MinerRecord: Equatable {
    /// The points that a rejected share costs; an accepted one earns one. The scale is that of P2Pool.
    private static let refusalPoints: Int8 = 5
    private static let quarantineScore: Int8 = -15
    private static let scoreMax: Int8 = 100
    /// Rejected shares of a miner without an accepted share.
    static let unprovenRefusalsMax: UInt8 = 2

    /// Accepted shares, at most 255.
    private(set) var accepted: UInt8 = 0
    /// Rejected shares while none was accepted.
    private(set) var refused: UInt8 = 0
    private(set) var score: Int8 = 0
    private(set) var quarantines: UInt8 = 0
    /// Until then none of its shares is forwarded.
    private(set) var quarantinedUntil = Instant(microseconds: 0)

    /// The pool has accepted one of its shares: its shares are forwarded even to a guarded pool.
    var isProven: Bool { accepted > 0 }
    /// Whether the record holds nothing.
    var isBlank: Bool { self == MinerRecord() }

    func isQuarantined(at now: Instant) -> Bool { now < quarantinedUntil }

    /// It was quarantined repeatedly: it cannot log in before this quarantine ends.
    func isBanned(at now: Instant) -> Bool {
        quarantines >= Limits.quarantinesMax && isQuarantined(at: now)
    }

    /// Another shard has quarantined it.
    mutating func learn(_ known: KnownQuarantine) {
        guard known.until > quarantinedUntil else { return }
        quarantinedUntil = known.until
        quarantines = max(quarantines, known.count)
        (accepted, refused, score) = (0, 0, 0)
    }

    mutating func accept() {
        accepted = min(accepted, .max - 1) + 1
        refused = 0
        score = min(score + 1, MinerRecord.scoreMax)
    }

    /// - Parameter isDoubtful: the fault may be the pool's.
    /// - Returns: the length of a quarantine that begins now.
    mutating func refuse(at now: Instant, isDoubtful: Bool) -> Milliseconds? {
        score = max(score, -100) - MinerRecord.refusalPoints
        if !isProven { refused = min(refused, .max - 1) + 1 }
        let isUnproven = !isProven && refused >= MinerRecord.unprovenRefusalsMax
        guard isUnproven || score <= MinerRecord.quarantineScore else { return nil }
        return quarantine(at: now, isDoubtful: isDoubtful)
    }

    /// In the record of an address: a share of a new miner there was rejected.
    mutating func refuseNewMiner(at now: Instant, isDoubtful: Bool) -> Milliseconds? {
        refused = min(refused, .max - 1) + 1
        guard refused >= Limits.newMinersRefusedMax else { return nil }
        return quarantine(at: now, isDoubtful: isDoubtful)
    }

    /// In the record of an address: the first share of a new miner there was accepted.
    mutating func acceptNewMiner() {
        refused -= min(refused, 1)
    }

    /// The pool that rejected its shares was left because it accepted none: its verdicts do not count any more.
    /// - Parameter since: when the pool began to reject everything.
    /// - Returns: true when this ends a quarantine.
    mutating func forgive(since: Instant, at now: Instant) -> Bool {
        refused = 0
        score = max(score, 0)
        guard isQuarantined(at: now) else { return false }
        if quarantines > 0, quarantinedUntil >= since + MinerRecord.length(ofQuarantine: quarantines - 1) {
            quarantines -= 1
        } else if quarantinedUntil > now + Limits.doubtfulQuarantine {
            return false
        }
        quarantinedUntil = Instant(microseconds: 0)
        return true
    }

    /// Each quarantine is twice as long as the previous one; after it the miner has to prove itself again. A doubtful
    /// one is short, and affects neither the length of the next one nor the accepted shares.
    private mutating func quarantine(at now: Instant, isDoubtful: Bool) -> Milliseconds {
        (refused, score) = (0, 0)
        let length = isDoubtful ? Limits.doubtfulQuarantine : MinerRecord.length(ofQuarantine: quarantines)
        quarantinedUntil = now + length
        if !isDoubtful {
            accepted = 0
            quarantines = min(quarantines, .max - 1) + 1
        }
        return length
    }

    /// - Parameter number: the number of quarantines before.
    private static func length(ofQuarantine number: UInt8) -> Milliseconds {
        Milliseconds(min(Limits.quarantine.count << UInt64(min(number, 6)), Limits.quarantineMax.count))
    }
}

extension MinerRecord {
    func encode(to writer: inout BinaryWriter) {
        writer.integer(quarantinedUntil.microseconds)
        writer.integer(accepted)
        writer.integer(refused)
        writer.integer(score)
        writer.integer(quarantines)
    }

    init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        quarantinedUntil = Instant(microseconds: try reader.integer())
        accepted = try reader.integer()
        refused = try reader.integer()
        score = try reader.integer()
        quarantines = try reader.integer()
    }
}

/// A pool's last verdicts on shares. With too many rejections of the kind that its filters count, the pool is guarded
/// (`Shard.isHandedOn`). Pools ban at a quarter of 30.
struct RecentVerdicts {
    static let size = 30
    /// More rejections than `guardAbove` start the guard; at most `guardEndsAt` end it.
    private static let guardAbove = 3
    private static let guardEndsAt = 1

    private var bits: UInt32 = 0
    private var count: UInt8 = 0
    private(set) var isGuarded = false
    /// When a guarded pool gets the next share of a new miner: without any it would be guarded for ever.
    var nextTrialAt = Instant(microseconds: 0)
    /// When the guard began or ended.
    var guardedSince = Instant(microseconds: 0)

    var refused: Int { bits.nonzeroBitCount }
    var hasAccepted: Bool { refused < Int(count) }

    /// - Returns: whether this verdict starts or ends the guard.
    mutating func add(isRefusal: Bool) -> Bool {
        bits = (bits << 1 | (isRefusal ? 1 : 0)) & (1 << UInt32(RecentVerdicts.size) - 1)
        count = min(count + 1, UInt8(RecentVerdicts.size))
        let was = isGuarded
        if isGuarded {
            isGuarded = refused > RecentVerdicts.guardEndsAt
        } else {
            isGuarded = Int(count) == RecentVerdicts.size && refused > RecentVerdicts.guardAbove
        }
        return was != isGuarded
    }
}

extension RecentVerdicts {
    func encode(to writer: inout BinaryWriter) {
        writer.integer(bits)
        writer.integer(count)
        writer.flag(isGuarded)
        writer.integer(nextTrialAt.microseconds)
        writer.integer(guardedSince.microseconds)
    }

    init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        bits = try reader.integer(in: 0...(1 << UInt32(RecentVerdicts.size) - 1), "seat.answers")
        count = try reader.integer(in: 0...UInt8(RecentVerdicts.size), "seat.answers")
        isGuarded = try reader.flag()
        nextTrialAt = Instant(microseconds: try reader.integer())
        // An earlier version ends here.
        if reader.remaining > 0 { guardedSince = Instant(microseconds: try reader.integer()) }
    }
}
