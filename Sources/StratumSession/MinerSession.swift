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
    /// The request that waits for an answer in `awaitingJob`.
    var loginRequestID: Int64 = 0
    /// Its place from `awaitingJob` on.
    var upstream: UInt16 = 0
    var slot: UInt8 = 0
    /// `Work.serial` of the work that it was given at this place; 0 = none yet.
    var workSerial: UInt32 = 0
    /// The nonce byte that its job bears, and the one that its job bore before that changed: a late share still has it.
    var nonceByte: UInt8?
    var formerNonceByte: UInt8?

    /// It moves to another place: what it was given at the one before does not count there.
    mutating func settle(at upstream: UInt16, slot: UInt8) {
        self.upstream = upstream
        self.slot = slot
        workSerial = 0
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
