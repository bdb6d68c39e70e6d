internal import StratumProtocol

/// The state of one miner: a row of fixed size without references, changed in place.
///
/// It is flat, not an enum with associated values, so that each row is encoded with one length and a successor can
/// continue with it.
struct MinerSession {
    enum Phase: UInt8 {
        /// The row is not in use.
        case vacant
        case awaitingLogin
        /// Logged in and assigned to an upstream without a job: its login is answered with the first job.
        case awaitingJob
        case mining
    }

    var phase = Phase.vacant
    /// Incremented each time the row becomes vacant.
    var generation: UInt32 = 0
    /// The session id that the miner must send with each share.
    var session: UInt64 = 0
    /// Identifies the miner in events; unique within the shard.
    var key: UInt64 = 0
    /// When it is closed unless something happens: the login timeout, later the idle timeout.
    var deadline = Instant.never
    /// 0 = none.
    var customDifficulty: UInt64 = 0
    /// The id of the login request that waits for an answer in `awaitingJob`, in the parts of a `RequestID`; a string
    /// is kept in `MinerConnectionState`.
    var loginIDKind = RequestID.Kind.integer
    var loginIDBits: Int64 = 0
    /// Its upstream and nonce slot from `awaitingJob` on.
    var upstream: UInt16 = 0
    var slot: UInt8 = 0
    /// `ActiveJob.serial` of the last job that it got at this upstream; 0 = none yet.
    var workSerial: UInt32 = 0
    /// The nonce byte of its job, and the one of its job before that changed: late shares still have it.
    var nonceByte: UInt8?
    var formerNonceByte: UInt8?
    /// When it was assigned to its slot, and whether it has submitted a share since.
    var placedAt = Instant(microseconds: 0)
    var hasSubmitted = false
    /// The upstream that it was moved from, plus 1, and its slot there: late shares found there are still accepted. 0 =
    /// none.
    var formerUpstream: UInt16 = 0
    var formerSlot: UInt8 = 0
    /// Bytes received and sent since the connection was made.
    var received: UInt64 = 0
    var sent: UInt64 = 0
    /// True until the PROXY header of a balancer's connection was read.
    var awaitsHeader = false
    /// The length of that header. Only older programs, which may continue this state, need it.
    var headerBytes: UInt16 = 0
    /// How the connection begins.
    var terms = ConnectionTerms()
    /// Its connection's transport is not plain. The same as the transport says, in the row that is read anyway.
    var hasTLS = false
    /// The first bytes of Stratum have come: from then on lines are read as they come.
    var speaksStratum = false
    /// How much of its `RequestBudget` is spent.
    var requests = Allowance()
    /// Why reading from it is paused.
    var pause = MinerPause.none
    /// Pauses for exceeding the budget, since the pool last accepted a share of it.
    var pauses: UInt8 = 0
    /// The pool's verdicts on its shares.
    var record = MinerRecord()

    /// Assigns it to a slot: jobs and shares of the previous one do not count there.
    mutating func assign(to upstream: UInt16, slot: UInt8, now: Instant) {
        self.upstream = upstream
        self.slot = slot
        workSerial = 0
        placedAt = now
        hasSubmitted = false
        formerUpstream = 0
    }

    /// The upstream that a share with this nonce byte is for.
    func upstream(forNonceByte byte: UInt8?) -> Int {
        guard formerUpstream > 0, byte != slot, byte == formerSlot else { return Int(upstream) }
        return Int(formerUpstream) - 1
    }

    /// Records that it gets this job.
    mutating func recordJob(_ serial: UInt32, nonceByte byte: UInt8) {
        workSerial = serial
        if let told = nonceByte, told != byte { formerNonceByte = told }
        nonceByte = byte
    }

    /// The difficulty it must meet for a job of this pool difficulty.
    func difficulty(atPoolDifficulty pool: UInt64) -> UInt64 {
        customDifficulty > 0 ? min(customDifficulty, pool) : pool
    }

    /// The custom difficulty when it is lower than the pool's: only then does it have an effect.
    func effectiveCustomDifficulty(atPoolDifficulty pool: UInt64) -> UInt64? {
        customDifficulty > 0 && customDifficulty < pool ? customDifficulty : nil
    }
}

// MARK: - Coding

extension MinerSession {
    /// The length of a row.
    static let rowBytes = 116
    /// The length of a row from programs without request budgets.
    static let rowBytesMin = 72
    /// The length of the fields that were added next, without those of the PROXY header.
    private static let conductBytes = 36

    /// Each field has a fixed offset in the row (docs/HANDOVER.md).
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
        writer.integer(terms.rawValue)
        writer.integer(UInt8(speaksStratum ? 1 : 0))
        writer.integer(UInt16(0))
    }

    /// - Parameter reader: a row of at least `rowBytesMin` bytes.
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
        // An older program does not write it: the bytes of a login that is not complete are looked at again.
        speaksStratum = phase == .awaitingJob || phase == .mining
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
        guard reader.remaining >= 4 else { return }
        terms = ConnectionTerms(rawValue: try reader.integer())
        speaksStratum = try reader.integer(in: 0...1, "miner.speaksStratum") as UInt8 == 1
    }
}
