internal import StratumProtocol

/// What a shard knows of one miner: a row of fixed size without references, changed in place.
///
/// It is flat on purpose, not an enum with data in its cases: so it can lie in memory that outlives the process, and a
/// successor can go on with it.
struct MinerSession {
    enum Phase: UInt8 {
        /// Nobody has this row.
        case vacant
        case awaitingLogin
        /// Logged in and placed at an upstream that has no job yet: its login is answered with the first one.
        case awaitingJob
        case mining
    }

    var phase = Phase.vacant
    /// Grows each time the row is given to another connection.
    var generation: UInt32 = 0
    /// The session id that the miner must show with each share.
    var session: UInt64 = 0
    /// Names the miner in events; unique in the life of the shard.
    var key: UInt64 = 0
    /// When it is closed unless something happens: the login timeout, later the idle timeout.
    var deadline = Instant.never
    /// 0 = none.
    var customDifficulty: UInt64 = 0
    /// The request that waits for an answer in `awaitingJob`, in the parts of a `RequestID`; a text is kept in `MinerConnectionState`.
    var loginIDKind = RequestID.Kind.integer
    var loginIDBits: Int64 = 0
    /// Its place from `awaitingJob` on.
    var upstream: UInt16 = 0
    var slot: UInt8 = 0
    /// `ActiveJob.serial` of the work that it was given at this place; 0 = none yet.
    var workSerial: UInt32 = 0
    /// The nonce byte that its job bears, and the one that its job bore before that changed: a late share still has it.
    var nonceByte: UInt8?
    var formerNonceByte: UInt8?
    /// When it was given its place, and whether it has submitted a share there.
    var placedAt = Instant(microseconds: 0)
    var hasSubmitted = false
    /// The place from which it was moved to this one: what it finds there it may still hand in. 0 = none, else the upstream
    /// and 1.
    var formerUpstream: UInt16 = 0
    var formerSlot: UInt8 = 0
    /// Bytes of this connection, from its beginning: taken in, and given to be sent.
    var received: UInt64 = 0
    var sent: UInt64 = 0
    /// Before the PROXY header of a balancer's connection was read, and the bytes of it afterwards: lines begin behind it.
    var awaitsHeader = false
    var headerBytes: UInt16 = 0
    /// What it has spent of its `RequestBudget`.
    var requests = Allowance()
    /// Why nothing is read from it now.
    var pause = MinerPause.none
    /// Pauses for want of budget, since the pool has accepted a share of it.
    var pauses: UInt8 = 0
    /// What the pool thought of its shares.
    var record = MinerRecord()

    /// It moves to another place: what it was given at the one before does not count there.
    mutating func settle(at upstream: UInt16, slot: UInt8, now: Instant) {
        self.upstream = upstream
        self.slot = slot
        workSerial = 0
        placedAt = now
        hasSubmitted = false
        formerUpstream = 0
    }

    /// The upstream that a share with this nonce byte belongs to.
    func upstream(forNonceByte byte: UInt8?) -> Int {
        guard formerUpstream > 0, byte != slot, byte == formerSlot else { return Int(upstream) }
        return Int(formerUpstream) - 1
    }

    /// It has been given this work.
    mutating func take(_ serial: UInt32, nonceByte byte: UInt8) {
        workSerial = serial
        if let told = nonceByte, told != byte { formerNonceByte = told }
        nonceByte = byte
    }

    /// The difficulty it must reach on work of this pool difficulty.
    func difficulty(atPoolDifficulty pool: UInt64) -> UInt64 {
        customDifficulty > 0 ? min(customDifficulty, pool) : pool
    }

    /// The custom difficulty when it is the lower one: only then it has an effect.
    func effectiveCustomDifficulty(atPoolDifficulty pool: UInt64) -> UInt64? {
        customDifficulty > 0 && customDifficulty < pool ? customDifficulty : nil
    }
}

// MARK: - Coding

extension MinerSession {
    /// Bytes of one row.
    static let rowBytes = 112
    /// Of programs that had no budgets.
    static let rowBytesMin = 72
    /// What came behind that, without the PROXY header.
    private static let conductBytes = 36

    /// Every field at its place in the row (docs/HANDOVER.md).
    func encode(to writer: inout BinaryWriter) {
        writer.integer(phase.rawValue)
        writer.integer(
            UInt8((nonceByte != nil ? 1 : 0) | (formerNonceByte != nil ? 2 : 0) | (hasSubmitted ? 4 : 0)))
        writer.integer(nonceByte ?? 0)
        writer.integer(formerNonceByte ?? 0)
        writer.integer(generation)
        writer.integer(session)
        writer.integer(key)
        writer.integer(deadline.microseconds)
        writer.integer(customDifficulty)
        writer.integer(loginIDBits)
        writer.integer(upstream)
        writer.integer(slot)
        writer.integer(loginIDKind.rawValue)
        writer.integer(workSerial)
        writer.integer(received)
        writer.integer(sent)
        requests.encode(to: &writer)
        record.encode(to: &writer)
        writer.integer(pause.rawValue)
        writer.integer(pauses)
        writer.integer(formerUpstream)
        writer.integer(placedAt.microseconds)
        writer.integer(UInt32(formerSlot))
        writer.integer(headerBytes)
        writer.integer(UInt16(awaitsHeader ? 1 : 0))
    }

    /// - Parameter reader: the row, of at least `rowBytesMin` bytes.
    init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        guard let phase = Phase(rawValue: try reader.integer()) else { throw .badField("miner.phase") }
        self.phase = phase
        let given = try reader.integer(in: 0...7, "miner.flags") as UInt8
        let bytes: (UInt8, UInt8) = (try reader.integer(), try reader.integer())
        nonceByte = given & 1 != 0 ? bytes.0 : nil
        formerNonceByte = given & 2 != 0 ? bytes.1 : nil
        hasSubmitted = given & 4 != 0
        generation = try reader.integer()
        session = try reader.integer()
        key = try reader.integer()
        deadline = Instant(microseconds: try reader.integer())
        customDifficulty = try reader.integer()
        loginIDBits = try reader.integer()
        upstream = try reader.integer()
        slot = try reader.integer()
        // Older programs write 0 here: their ids are integers.
        guard let kind = RequestID.Kind(rawValue: try reader.integer()) else { throw .badField("miner.loginIDKind") }
        loginIDKind = kind
        workSerial = try reader.integer()
        received = try reader.integer()
        sent = try reader.integer()
        guard reader.remaining >= MinerSession.conductBytes else { return }
        requests = try Allowance(decoding: &reader)
        record = try MinerRecord(decoding: &reader)
        guard let pause = MinerPause(rawValue: try reader.integer()) else { throw .badField("miner.pause") }
        self.pause = pause
        pauses = try reader.integer()
        formerUpstream = try reader.integer()
        placedAt = Instant(microseconds: try reader.integer())
        formerSlot = UInt8(try reader.integer(in: 0...255, "miner.formerSlot") as UInt32)
        guard reader.remaining >= 4 else { return }
        headerBytes = try reader.integer(in: 0...UInt16(clamping: received), "miner.headerBytes")
        awaitsHeader = try reader.integer(in: 0...1, "miner.awaitsHeader") as UInt16 == 1
    }
}
