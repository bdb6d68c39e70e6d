/// The measurements of a swarm in fixed memory, and the report made from them.
struct SwarmMeter {
    var counts = SwarmReport()
    var latency = Histogram()
    var handshakes = Histogram()
    var nonces: NonceWatch
    var broadcasts = BroadcastWatch()
    private var loginTimes = Histogram()
    private let startedNanos: UInt64

    init(miners: Int, startedNanos: UInt64) {
        self.startedNanos = startedNanos
        nonces = NonceWatch(miners: miners)
        counts.miners = miners
    }

    /// Records a login reply.
    /// - Parameter began: when the miner began to connect.
    mutating func loggedIn(startedNanos began: UInt64, at now: UInt64) {
        counts.logins.ok += 1
        counts.logins.now += 1
        loginTimes.add(nanos: now - began)
        if counts.logins.now == counts.miners, counts.logins.allAfterMillis == nil {
            counts.logins.allAfterMillis = Double(now - startedNanos) / 1e6
        }
    }

    /// - Parameters:
    ///   - missed: shares that the pace has skipped.
    ///   - withHistograms: whether to include the long lists, which only the last report needs.
    func report(at now: UInt64, missed: Int, withHistograms: Bool) -> SwarmReport {
        var report = counts
        report.seconds = Double(now - startedNanos) / 1e9
        report.shares.missed += missed
        report.shares.millis = .init(latency)
        report.logins.millis = .init(loginTimes)
        if handshakes.count > 0 { report.connections.handshakeMillis = .init(handshakes) }
        report.nonceConflicts = nonces.conflicts
        report.nonceReuses = nonces.reuses
        report.jobs.broadcasts = broadcasts.count
        let spreads = broadcasts.broadcasts.filter { $0.miners > 1 }.map(\.spreadMillis).sorted()
        if let least = spreads.first, let most = spreads.last {
            report.jobs.spreadMillis = .init(min: least, median: spreads[spreads.count / 2], max: most)
        }
        if withHistograms {
            report.jobs.recent = broadcasts.broadcasts
            report.shares.histogram = latency.filled
        }
        return report
    }
}
