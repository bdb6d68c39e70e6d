internal import StratumProtocol

/// The choice of an upstream between several pools.
///
/// The pools are in order of preference. At first only the first one is tried. After `retries` failures of it in a row
/// the second is tried too, and each further one as soon as the one before it has failed. The first pool to send a job
/// is used and the other backups are released, but the first pool is always retried: it takes over as soon as it is
/// back.
///
/// A login and a job do not make a pool useful: it has proved itself when it has accepted a share, or has served for
/// `Limits.steadyStay` without rejecting one. Until then its failures add up, so that a pool that logs in and then
/// fails leads to the backup like one that is down.
///
/// Differences from xmrig-proxy: when an active backup fails, the pools before it are tried again too; and a first pool
/// that repeatedly comes and goes is held down for longer each time while a backup serves.
struct PoolChoice {
    private(set) var count: Int
    private(set) var retries: Int
    private(set) var active: Int?
    /// Pools before this one may be tried.
    private var reach = 1
    /// Failures of the first pool since it last proved itself.
    private var firstFailures = 0
    /// When the first pool began to serve, and how many of its stays in a row were short.
    private var firstSince = Instant.never
    private var shortStays = 0
    private var holdUntil = Instant(microseconds: 0)
    /// When the active pool began to serve, and whether it has proved itself since.
    private var activeSince = Instant.never
    private var isProved = false
    /// A pool that is not tried before `until`, because another one is.
    private var resting: (pool: Int, until: Instant)?

    init(count: Int, retries: Int) {
        self.count = count
        self.retries = retries
    }

    /// Applies a changed list or number of retries. The failures of the first pool count as long as it stays the first.
    /// - Parameter active: the new place of the active pool; nil when none is active, or it is not in the list any
    ///   more.
    mutating func adopt(count: Int, retries: Int, active: Int?, keepsFirst: Bool, at now: Instant) {
        self.count = count
        self.retries = retries
        if !keepsFirst {
            firstFailures = 0
            firstSince = active == 0 ? now : .never
            shortStays = 0
            holdUntil = Instant(microseconds: 0)
            reach = 1
        }
        firstFailures = min(firstFailures, retries)
        reach = min(active.map { $0 + 1 } ?? reach, count)
        resting = nil
        self.active = active
    }

    /// Whether `pool` should be used or tried now.
    func wants(_ pool: Int, at now: Instant) -> Bool {
        guard let active else {
            if let resting, resting.pool == pool, now < resting.until { return false }
            return pool < reach
        }
        return pool == active || pool == 0 && now >= holdUntil
    }

    /// `pool` could not be reached, was lost, or is of no use.
    /// - Parameters:
    ///   - isRuledOut: retries are useless for now, so the next pool is tried at once.
    ///   - isOfNoUse: it counts as useless, even if it has proved itself before.
    mutating func failed(_ pool: Int, isRuledOut: Bool = false, isOfNoUse: Bool = false, at now: Instant) {
        let wasActive = active == pool
        let wasUseless = wasActive && (isOfNoUse || !isProved)
        if wasActive { active = nil }
        if pool == 0 {
            firstFailures = isRuledOut ? retries : min(firstFailures + 1, retries)
            if firstFailures >= retries {
                if wasActive { endFirstStay(wasUseless: wasUseless, at: now) }
                extendReach(beyond: 0)
            }
        } else if wasActive || active == nil {
            extendReach(beyond: pool)
        }
        if wasUseless, reach > 1 { resting = (pool, now + Limits.rest) }
    }

    /// `pool` redirects to another of its addresses, which is not a failure.
    mutating func moved(_ pool: Int) {
        guard pool == active else { return }
        active = nil
        reach = max(reach, pool + 1)
    }

    /// `pool` has accepted the login and sent a job.
    /// - Returns: true when it is used from now on.
    mutating func succeeded(_ pool: Int, at now: Instant) -> Bool {
        guard active == nil || pool == 0 else { return pool == active }
        if pool == 0 { firstSince = now }
        active = pool
        activeSince = now
        isProved = false
        reach = pool + 1
        return true
    }

    /// `pool` has accepted a share.
    mutating func proved(_ pool: Int) {
        guard pool == active, !isProved else { return }
        isProved = true
        if pool == 0 { firstFailures = 0 }
    }

    /// Checks whether the active pool has proved itself by serving.
    /// - Parameter isRejecting: the active pool has rejected shares and accepted none since.
    mutating func tick(isRejecting: Bool, at now: Instant) {
        guard let active, !isProved, !isRejecting, now >= activeSince + Limits.steadyStay else { return }
        proved(active)
    }

    /// The first pool is lost, and a backup may be tried. One short stay of a useful pool is forgiven: any pool may be
    /// restarted.
    private mutating func endFirstStay(wasUseless: Bool, at now: Instant) {
        shortStays = wasUseless || now < firstSince + Limits.steadyStay ? shortStays + 1 : 0
        let counted = wasUseless ? shortStays : shortStays - 1
        guard counted > 0 else { return }
        let pause = Limits.holdDown.count << UInt64(min(counted - 1, 16))
        holdUntil = now + Milliseconds(min(pause, Limits.holdDownMax.count))
    }

    private mutating func extendReach(beyond pool: Int) {
        reach = min(max(reach, pool + 2), count)
    }
}

// MARK: - Coding

extension PoolChoice {
    func encode(to writer: inout BinaryWriter) {
        writer.record { writer in
            writer.integer(UInt32(clamping: retries))
            writer.integer(ifGiven: active.map { UInt16($0) })
            writer.integer(UInt16(reach))
            writer.integer(UInt32(clamping: firstFailures))
            writer.integer(firstSince.microseconds)
            writer.integer(UInt32(clamping: shortStays))
            writer.integer(holdUntil.microseconds)
            writer.integer(activeSince.microseconds)
            writer.flag(isProved)
            writer.integer(ifGiven: resting.map { UInt16($0.pool) })
            writer.integer((resting?.until ?? .never).microseconds)
        }
    }

    init(decoding reader: inout BinaryReader, count: Int) throws(DecodingFault) {
        var reader = try reader.record()
        self.init(count: count, retries: Int(try reader.integer(UInt32.self)))
        active = try reader.integer(ifGiven: UInt16.self).map { Int($0) }
        guard active ?? 0 < count else { throw .badField("choice.active") }
        reach = Int(try reader.integer(in: 1...UInt16(Limits.poolsMax), "choice.reach"))
        firstFailures = Int(try reader.integer(UInt32.self))
        firstSince = Instant(microseconds: try reader.integer())
        shortStays = Int(try reader.integer(UInt32.self))
        holdUntil = Instant(microseconds: try reader.integer())
        guard reach <= count else { throw .badField("choice.reach") }
        isProved = true
        guard reader.remaining > 0 else { return }
        activeSince = Instant(microseconds: try reader.integer())
        isProved = try reader.flag()
        let restingPool = try reader.integer(ifGiven: UInt16.self)
        let restingUntil = Instant(microseconds: try reader.integer())
        resting = restingPool.map { (Int($0), restingUntil) }
    }
}
