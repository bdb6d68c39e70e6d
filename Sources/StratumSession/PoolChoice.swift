internal import StratumProtocol

/// Which of several pools an upstream uses (behaviour.md §10).
///
/// The pools stand in order of preference. Trying begins with the first; after `retries` failures of it in a row the
/// second is tried beside it, and each further one as soon as its predecessor has failed. The first to give a job is
/// used, the other backups are let go, but the first pool is tried for ever: when it is back it takes over.
///
/// Where this differs: when an active backup fails, the pools before it are tried again too; and a first pool that keeps
/// coming and going does not take all miners with it each time: while a backup serves, it has to stay away for longer
/// after each short stay but one.
struct PoolChoice {
    private(set) var count: Int
    private(set) var retries: Int
    private(set) var active: Int?
    /// Pools before this one may be tried.
    private var reach = 1
    private var firstFailures = 0
    /// When the first pool began its stay, and how many of its stays in a row were short.
    private var firstSince = Instant.never
    private var shortStays = 0
    private var holdUntil = Instant(microseconds: 0)

    init(count: Int, retries: Int) {
        self.count = count
        self.retries = retries
    }

    /// The operator has changed the list or the number of retries. What the first pool has done counts as long as it
    /// stays the first.
    /// - Parameter active: the new place of the pool that is used; nil when none is, or it is on the list no more.
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
        self.active = active
    }

    /// Whether `pool` should be used or tried now.
    func wants(_ pool: Int, at now: Instant) -> Bool {
        guard let active else { return pool < reach }
        return pool == active || pool == 0 && now >= holdUntil
    }

    /// `pool` could not be reached, or was lost.
    mutating func failed(_ pool: Int, at now: Instant) {
        let wasActive = active == pool
        if wasActive { active = nil }
        if pool == 0 {
            if wasActive { endFirstStay(at: now) }
            firstFailures = min(firstFailures + 1, retries)
            if firstFailures >= retries { extendReach(beyond: 0) }
        } else if wasActive || active == nil {
            extendReach(beyond: pool)
        }
    }

    /// `pool` has logged us in and given a job.
    /// - Returns: true when it is to be used from now on.
    mutating func succeeded(_ pool: Int, at now: Instant) -> Bool {
        if pool == 0 { firstFailures = 0 }
        guard active == nil || pool == 0 else { return pool == active }
        if pool == 0 { firstSince = now }
        active = pool
        reach = pool + 1
        return true
    }

    /// One short stay is forgiven: any pool may be restarted.
    private mutating func endFirstStay(at now: Instant) {
        shortStays = now < firstSince + Limits.steadyStay ? shortStays + 1 : 0
        guard shortStays > 1 else { return }
        let pause = Limits.holdDown.count << UInt64(min(shortStays - 2, 16))
        holdUntil = now + Milliseconds(min(pause, Limits.holdDownMax.count))
    }

    private mutating func extendReach(beyond pool: Int) {
        reach = min(max(reach, pool + 2), count)
    }
}

// MARK: - Written form

extension PoolChoice {
    func encode(to form: inout FormWriter) {
        form.record { form in
            form.integer(UInt32(clamping: retries))
            form.integer(ifGiven: active.map { UInt16($0) })
            form.integer(UInt16(reach))
            form.integer(UInt32(clamping: firstFailures))
            form.integer(firstSince.microseconds)
            form.integer(UInt32(clamping: shortStays))
            form.integer(holdUntil.microseconds)
        }
    }

    init(decoding form: inout FormReader, count: Int) throws(FormFault) {
        var form = try form.record()
        self.init(count: count, retries: Int(try form.integer(UInt32.self)))
        active = try form.integer(ifGiven: UInt16.self).map { Int($0) }
        guard active ?? 0 < count else { throw .badField("choice.active") }
        reach = Int(try form.integer(in: 1...UInt16(Limits.poolsMax), "choice.reach"))
        firstFailures = Int(try form.integer(UInt32.self))
        firstSince = Instant(microseconds: try form.integer())
        shortStays = Int(try form.integer(UInt32.self))
        holdUntil = Instant(microseconds: try form.integer())
        guard reach <= count else { throw .badField("choice.reach") }
    }
}
