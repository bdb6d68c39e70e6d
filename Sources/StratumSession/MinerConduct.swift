internal import StratumProtocol

/// Why nothing is read from a miner's connection for a while.
enum MinerPause: UInt8 {
    case none
    /// Its budget of requests is spent (`RequestBudget`).
    case budget
    /// Its share is at the pool, and the pool has not accepted one of it before: one at a time, so that a miner whose
    /// shares are all bad is known by its second one.
    case verdict
}

/// How many requests a miner may send. Each has its cost in time, and the connection is read again when the time has
/// passed: a rate with a burst, and the peer's own TCP is what slows it down. A share that the pool accepts costs nothing,
/// however many there are: so the rate of an honest miner has no limit.
enum RequestBudget {
    /// 20 a second of everything that is of no use: shares that are refused, keepalives, unknown methods.
    static let request = Milliseconds(50)
    /// 100 a second of shares that are good for the miner's own difficulty only.
    static let localShare = Milliseconds(10)
    /// What may be spent at once: 500 requests.
    static let burst = Milliseconds(25_000)
    /// 50 of a miner without an accepted share: a crowd of strangers has less to spend.
    static let burstOfNewMiner = Milliseconds(2_500)
}

extension MinerSession {
    func hasBudget(at now: Instant) -> Bool {
        !requests.isExceeded(record.isProven ? RequestBudget.burst : RequestBudget.burstOfNewMiner, at: now)
    }
}

/// What a pool has thought of the shares of a miner, or of all miners that are new at an address. Pools ban addresses,
/// not miners: the junk of one costs everybody behind this proxy.
struct MinerRecord: Equatable {
    /// Points that a refused share costs; an accepted one is worth one. P2Pool's scale.
    private static let refusalPoints: Int8 = 5
    private static let quarantineScore: Int8 = -15
    private static let scoreMax: Int8 = 100
    /// Refused shares of a miner that the pool has never accepted one of.
    static let unprovenRefusalsMax: UInt8 = 2

    /// Accepted shares, at most 255.
    private(set) var accepted: UInt8 = 0
    /// Refused shares, while none was accepted.
    private(set) var refused: UInt8 = 0
    private(set) var score: Int8 = 0
    private(set) var quarantines: UInt8 = 0
    /// None of its shares is handed on before.
    private(set) var quarantinedUntil = Instant(microseconds: 0)

    /// The pool has accepted one of its shares: it is handed on even to a pool that is guarded.
    var isProven: Bool { accepted > 0 }
    /// Whether there is something to remember of it.
    var isBlank: Bool { self == MinerRecord() }

    func isQuarantined(at now: Instant) -> Bool { now < quarantinedUntil }

    /// It was quarantined again and again: it is not let in before this quarantine ends.
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
    /// - Returns: how long it is quarantined, if that begins now.
    mutating func refuse(at now: Instant, isDoubtful: Bool) -> Milliseconds? {
        score = max(score, -100) - MinerRecord.refusalPoints
        if !isProven { refused = min(refused, .max - 1) + 1 }
        let isUnproven = !isProven && refused >= MinerRecord.unprovenRefusalsMax
        guard isUnproven || score <= MinerRecord.quarantineScore else { return nil }
        return quarantine(at: now, isDoubtful: isDoubtful)
    }

    /// As the record of an address: a share of a new miner there was refused.
    mutating func refuseNewMiner(at now: Instant, isDoubtful: Bool) -> Milliseconds? {
        refused = min(refused, .max - 1) + 1
        guard refused >= Limits.newMinersRefusedMax else { return nil }
        return quarantine(at: now, isDoubtful: isDoubtful)
    }

    /// As the record of an address: the first share of a new miner there was accepted.
    mutating func acceptNewMiner() {
        refused -= min(refused, 1)
    }

    /// The pool that has refused its shares was left because it accepted none: what it thought counts no more.
    /// - Parameter since: when the pool began to refuse everything.
    /// - Returns: true when a quarantine ends by this.
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

    /// Each quarantine is twice as long as the one before; after it everything has to be proven again. One that is
    /// doubtful is short, and counts neither for the next one nor against accepted shares.
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

    /// - Parameter number: how many there were before.
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

/// The last verdicts of a pool on shares: when too many of them are refusals that its filters count, the pool is guarded
/// (`Shard.isHandedOn`). Pools ban at a quarter of 30.
struct RecentVerdicts {
    static let size = 30
    /// More refusals begin the guard; so few end it.
    private static let guardAbove = 3
    private static let guardEndsAt = 1

    private var bits: UInt32 = 0
    private var count: UInt8 = 0
    private(set) var isGuarded = false
    /// A guarded pool gets a share of a new miner only then: without any it would be guarded for ever.
    var nextTrialAt = Instant(microseconds: 0)
    /// When the guard began.
    var guardedSince = Instant(microseconds: 0)

    var refused: Int { bits.nonzeroBitCount }
    var hasAccepted: Bool { refused < Int(count) }

    /// - Returns: whether the guard has begun or ended with this verdict.
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
