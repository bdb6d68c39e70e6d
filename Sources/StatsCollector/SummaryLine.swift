internal import Telemetry

/// The summary line written once per `print-time`. Its fields are in the order of xmrig-proxy's line, so that people
/// and scripts find them:
///
///     12.35 kH/s, shares: 1204/3 +57, upstreams: 7, miners: 300 (max 310) +4/-2, pool pool.example:3333
///
/// Without miners and changes, only the first such line is written.
struct SummaryLine {
    /// More names of pools would make the line too long.
    static let poolNamesMax = 3

    private let periodSeconds: UInt64
    /// Milliseconds of the monotonic clock.
    private var dueAt: UInt64
    private var last: Snapshot?
    private var saidQuiet = false

    /// - Parameters:
    ///   - periodSeconds: `Settings.printSeconds`; 0 = never.
    ///   - now: milliseconds of the monotonic clock.
    init(everySeconds periodSeconds: Int, at now: UInt64) {
        self.periodSeconds = UInt64(max(periodSeconds, 0))
        dueAt = now + self.periodSeconds * 1_000
    }

    /// The line, if it is due and there is something to report. The first snapshot is only the base for comparison.
    /// - Parameter now: milliseconds of the monotonic clock.
    mutating func line(of snapshot: Snapshot, at now: UInt64) -> String? {
        guard periodSeconds > 0 else { return nil }
        guard let before = last else {
            last = Self.figures(of: snapshot)
            return nil
        }
        guard now >= dueAt else { return nil }
        dueAt = now + periodSeconds * 1_000
        last = Self.figures(of: snapshot)
        let change = Change(from: before, to: snapshot)
        let isQuiet = snapshot.minersNow == 0 && snapshot.minersWaiting == 0 && change.isNothing
        defer { saidQuiet = isQuiet }
        return isQuiet && saidQuiet ? nil : text(of: snapshot, change)
    }

    /// Only the values that the next line compares: a complete snapshot holds every worker.
    private static func figures(of snapshot: Snapshot) -> Snapshot {
        var figures = Snapshot()
        figures.minersNow = snapshot.minersNow
        figures.results.accepted = snapshot.results.accepted
        figures.results.rejected = snapshot.results.rejected
        figures.results.joined = snapshot.results.joined
        return figures
    }

    private struct Change {
        let accepted: UInt64
        let rejected: UInt64
        let joined: UInt64
        let left: UInt64

        init(from before: Snapshot, to after: Snapshot) {
            func growth(_ figure: KeyPath<Snapshot, UInt64>) -> UInt64 {
                let (old, new) = (before[keyPath: figure], after[keyPath: figure])
                return new > old ? new - old : 0
            }
            accepted = growth(\.results.accepted)
            rejected = growth(\.results.rejected)
            joined = growth(\.results.joined)
            let ever = UInt64(before.minersNow) + joined
            left = ever > UInt64(after.minersNow) ? ever - UInt64(after.minersNow) : 0
        }

        var isNothing: Bool { accepted == 0 && rejected == 0 && joined == 0 && left == 0 }
    }

    private func text(of snapshot: Snapshot, _ change: Change) -> String {
        let results = snapshot.results
        let waiting = snapshot.minersWaiting > 0 ? " (+\(snapshot.minersWaiting) waiting)" : ""
        return """
            \(Self.kilohashes(rate(of: snapshot.hashrates))) kH/s, \
            shares: \(results.accepted)/\(results.rejected) +\(change.accepted), \
            upstreams: \(snapshot.upstreams.active), \
            miners: \(snapshot.minersNow)\(waiting) (max \(snapshot.minersMax)) +\(change.joined)/-\(change.left)\
            \(Self.pools(of: snapshot))
            """
    }

    /// The hashrate of the longest window that `print-time` covers.
    private func rate(of hashrates: Hashrates) -> Double {
        switch periodSeconds {
        case 3_600...: hashrates.oneHour
        case 600...: hashrates.tenMinutes
        default: hashrates.oneMinute
        }
    }

    /// Formats H/s as kH/s: "12.35" for 12,345 H/s.
    static func kilohashes(_ rate: Double) -> String {
        let hundredths = UInt64(min(max(rate / 10, 0), 1e18).rounded())
        let fraction = hundredths % 100
        return "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }

    /// ", pool a:1", or ", pools a:1 (200), b:2 (100)" with the miners of each, or ", no pool" when upstreams wait for
    /// one.
    private static func pools(of snapshot: Snapshot) -> String {
        var miners = [UInt64?](repeating: nil, count: snapshot.pools.count)
        for row in snapshot.openUpstreams where row.gauge.state == .active {
            let pool = Int(row.gauge.pool)
            if pool < miners.count { miners[pool] = (miners[pool] ?? 0) + UInt64(row.gauge.miners) }
        }
        let used = zip(snapshot.pools, miners).compactMap { name, miners in miners.map { (name, $0) } }
        switch used.count {
        case 0: return snapshot.upstreams.active == 0 && snapshot.upstreams.error > 0 ? ", no pool" : ""
        case 1: return ", pool \(used[0].0)"
        case ...poolNamesMax: return ", pools " + used.map { "\($0) (\($1))" }.joined(separator: ", ")
        default: return ", \(used.count) pools"
        }
    }
}
