internal import DaemonKit
internal import Logging
internal import StratumSession

/// Tracks which pool a shard mines at, why a preferred one is not used, and how long there is none.
///
/// A value without side effects: events and their times are arguments, log lines are results.
struct PoolOutlook {
    struct Line: Equatable {
        var level: Logger.Level
        var text: String
    }

    /// A new login at the only pool takes a second or two, and does not count as an outage.
    static let grace = Milliseconds.seconds(2)
    /// How often an outage is logged while it lasts.
    static let reminder = Milliseconds.seconds(60)

    /// Failed attempts at a pool since it last sent a job.
    private struct Trouble {
        var tries = 0
        var reason = ""
    }

    /// In order of preference.
    private let pools: [String]
    private var troubles: [String: Trouble] = [:]
    private var current: String?
    /// When the first pool was last left.
    private var firstLeftAt: Instant?
    private var outage: (since: Instant, toldAt: Instant, refusedBefore: UInt64)?

    /// - Parameter pools: names of the pools in order of preference.
    init(pools: [String]) {
        self.pools = pools
    }

    /// A connection to a pool has failed.
    mutating func failed(_ pool: String, _ reason: String) {
        troubles[pool, default: Trouble()].tries += 1
        troubles[pool]?.reason = reason
    }

    /// The failed attempts at a pool since it last sent a job, and the reason of the last one; nil when there are none.
    func failures(of pool: String) -> (tries: Int, reason: String)? { troubles[pool].map { ($0.tries, $0.reason) } }

    /// The limitation to report as degraded; nil when the first pool is used, or no failure of it is known.
    /// - Parameters:
    ///   - used: pools that an upstream uses now.
    ///   - isNeeded: at least one upstream is not asleep.
    func limitation(used: [String], isNeeded: Bool) -> String? {
        guard isNeeded, let first = pools.first, !used.contains(first) else { return nil }
        let reasons = pools.filter { !used.contains($0) }.compactMap { pool in
            troubles[pool].map { "\(pool): \($0.reason)" }
        }
        if used.isEmpty {
            // A new login takes a moment.
            guard let outage, outage.toldAt != .never else { return nil }
            return "none can be used (\(reasons.joined(separator: "; ")))"
        }
        guard let trouble = troubles[first] else { return nil }
        return "\(first) cannot be used (\(trouble.reason)); mining at \(used.joined(separator: ", "))"
    }

    /// A pool has accepted the login and sent a job.
    /// - Returns: a line when this is not the pool used before, or a backup is the first pool used.
    mutating func active(_ pool: String, at now: Instant) -> Line? {
        defer {
            // The pools after it are no longer tried, so their failures are outdated.
            for name in pools.drop(while: { $0 != pool }) { troubles[name] = nil }
            troubles[pool] = nil
            current = pool
        }
        guard current != pool, current != nil || pool != pools.first else { return nil }
        if pool == pools.first {
            let away = firstLeftAt.map { " after " + PoolOutlook.duration(from: $0, to: now) } ?? ""
            firstLeftAt = nil
            return Line(level: .notice, text: "back at \(pool)\(away)")
        }
        if current == nil || current == pools.first { firstLeftAt = now }
        let better = pools.prefix { $0 != pool }.compactMap(trouble)
        let why = better.isEmpty ? "" : " (\(better.joined(separator: "; ")))"
        return Line(level: .notice, text: "now mining at \(pool)\(why)")
    }

    /// Called once a second.
    /// - Parameters:
    ///   - hasPool: at least one upstream has a pool, or none needs one.
    ///   - waiting: miners that cannot mine meanwhile.
    ///   - refused: shares refused for lack of a pool since the process started.
    mutating func second(hasPool: Bool, waiting: Int, refused: UInt64, at now: Instant) -> Line? {
        guard !hasPool else {
            guard let outage else { return nil }
            self.outage = nil
            guard outage.toldAt != .never else { return nil }
            let time = PoolOutlook.duration(from: outage.since, to: now)
            let shares = counted(refused - outage.refusedBefore, "share")
            return Line(level: .notice, text: "mining again after \(time) without a pool; \(shares) refused meanwhile")
        }
        var outage = self.outage ?? (now, .never, refused)
        defer { self.outage = outage }
        // Nothing is logged during the first attempt.
        guard !troubles.isEmpty, now >= outage.since + PoolOutlook.grace else { return nil }
        guard outage.toldAt == .never || now >= outage.toldAt + PoolOutlook.reminder else { return nil }
        outage.toldAt = now
        let time = PoolOutlook.duration(from: outage.since, to: now)
        let reasons = pools.compactMap(trouble).joined(separator: "; ")
        return Line(
            level: .error,
            text: "no pool for \(time): \(counted(waiting, "miner")) waiting, "
                + "\(counted(refused - outage.refusedBefore, "share")) refused since; \(reasons)")
    }

    /// "pool.example:3333: connection refused, 2 tries"
    private func trouble(of pool: String) -> String? {
        guard let trouble = troubles[pool] else { return nil }
        return "\(pool): \(trouble.reason), \(trouble.tries) \(trouble.tries == 1 ? "try" : "tries")"
    }

    /// "42 s", "7 min", "3 h 20 min"
    private static func duration(from start: Instant, to now: Instant) -> String {
        let seconds = now.microseconds(since: start) / 1_000_000
        if seconds < 120 { return "\(seconds) s" }
        if seconds < 7_200 { return "\(seconds / 60) min" }
        return "\(seconds / 3_600) h \(seconds / 60 % 60) min"
    }
}
