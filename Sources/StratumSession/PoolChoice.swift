/// Which of several pools an upstream uses (behaviour.md §10).
///
/// The pools stand in order of preference. Trying begins with the first; after `retries` failures of it in a row the
/// second is tried beside it, and each further one as soon as its predecessor has failed. The first to give a job is
/// used, the other backups are let go, but the first pool is tried for ever: when it is back it takes over.
///
/// Where this differs: when an active backup fails, the pools before it are tried again too.
struct PoolChoice {
    let count: Int
    let retries: Int
    private(set) var active: Int?
    /// Pools before this one may be tried.
    private var reach = 1
    private var firstFailures = 0

    init(count: Int, retries: Int) {
        self.count = count
        self.retries = retries
    }

    /// Whether `pool` should be used or tried now.
    func wants(_ pool: Int) -> Bool {
        guard let active else { return pool < reach }
        return pool == active || pool == 0
    }

    /// `pool` could not be reached, or was lost.
    mutating func failed(_ pool: Int) {
        let wasActive = active == pool
        if wasActive { active = nil }
        if pool == 0 {
            firstFailures = min(firstFailures + 1, retries)
            if firstFailures >= retries { extendReach(beyond: 0) }
        } else if wasActive || active == nil {
            extendReach(beyond: pool)
        }
    }

    /// `pool` has logged us in and given a job.
    /// - Returns: true when it is to be used from now on.
    mutating func succeeded(_ pool: Int) -> Bool {
        if pool == 0 { firstFailures = 0 }
        guard active == nil || pool == 0 else { return pool == active }
        active = pool
        reach = pool + 1
        return true
    }

    private mutating func extendReach(beyond pool: Int) {
        reach = min(max(reach, pool + 2), count)
    }
}
