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

    /// The difficulty it must reach on work of this pool difficulty.
    func difficulty(atPoolDifficulty pool: UInt64) -> UInt64 {
        customDifficulty > 0 ? min(customDifficulty, pool) : pool
    }

    /// The custom difficulty when it is the lower one: only then it has an effect.
    func effectiveCustomDifficulty(atPoolDifficulty pool: UInt64) -> UInt64? {
        customDifficulty > 0 && customDifficulty < pool ? customDifficulty : nil
    }
}
