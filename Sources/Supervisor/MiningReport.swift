internal import Control
internal import DaemonKit
internal import Telemetry

/// Hashrate, miners and pools of a service: the part of `millrace status` that the collector knows.
struct MiningReport: Encodable, Equatable {
    struct Miners: Encodable, Equatable {
        /// Those that have a job.
        var now: UInt32
        /// Those that have logged in and wait for their first job.
        var waiting: UInt32
        var max: UInt32
    }

    /// Hashes per second.
    struct Hashrate: Encodable, Equatable {
        var oneMinute: Double
        var tenMinutes: Double
        var oneHour: Double
        var oneDay: Double
    }

    struct Shares: Encodable, Equatable {
        var accepted: UInt64
        var rejected: UInt64
        var invalid: UInt64
    }

    /// A pool of the configuration, or a former one that still has connections.
    struct Pool: Encodable, Equatable {
        var address: String
        /// A connection is logged in there.
        var isInUse = false
        /// Connections by state.
        var active = 0
        var sleeping = 0
        var error = 0
        var miners: UInt64 = 0
        /// Shares of the connections that are there now, since each was opened.
        var accepted: UInt64 = 0
        var rejected: UInt64 = 0
        /// Age of the oldest current job, in seconds; nil when no connection has one.
        var jobAge: UInt64?
    }

    var hashrate: Hashrate
    var miners: Miners
    var shares: Shares
    /// In the order of the configuration.
    var pools: [Pool]

    init(_ snapshot: Snapshot) {
        let rates = snapshot.hashrates
        hashrate = Hashrate(
            oneMinute: rates.oneMinute, tenMinutes: rates.tenMinutes, oneHour: rates.oneHour, oneDay: rates.oneDay)
        miners = Miners(now: snapshot.minersNow, waiting: snapshot.minersWaiting, max: snapshot.minersMax)
        shares = Shares(
            accepted: snapshot.results.accepted, rejected: snapshot.results.rejected, invalid: snapshot.results.invalid)
        pools = []
        for address in snapshot.pools where !pools.contains(where: { $0.address == address }) {
            pools.append(Pool(address: address))
        }
        for row in snapshot.openUpstreams where snapshot.pools.indices.contains(Int(row.gauge.pool)) {
            let address = snapshot.pools[Int(row.gauge.pool)]
            if let place = pools.firstIndex(where: { $0.address == address }) {
                pools[place].add(row.gauge, at: snapshot.time)
            }
        }
    }

    var text: String {
        let waiting = miners.waiting > 0 ? " (+\(miners.waiting) waiting for a job)" : ""
        var lines = [
            "hashrate: \(Kilohashes(hashrate.oneMinute)) kH/s (1 min), \(Kilohashes(hashrate.tenMinutes)) (10 min), "
                + "\(Kilohashes(hashrate.oneHour)) (1 h), \(Kilohashes(hashrate.oneDay)) (24 h)",
            "miners: \(miners.now)\(waiting), max \(miners.max)",
            "shares: \(shares.accepted) accepted, \(shares.rejected) rejected by pools, \(shares.invalid) refused here",
        ]
        if pools.contains(where: { $0.error > 0 }), !pools.contains(where: \.isInUse) {
            lines.append("NO POOL serves; the log says why each fails")
        }
        if !pools.isEmpty { lines += [""] + table }
        return lines.joined(separator: "\n") + "\n"
    }

    private var table: [String] {
        var rows = [["POOL", "STATE", "ACTIVE", "ERROR", "MINERS", "ACCEPTED", "REJECTED", "JOB AGE"]]
        rows += pools.map { pool in
            [
                pool.address, pool.state, "\(pool.active)", "\(pool.error)", "\(pool.miners)", "\(pool.accepted)",
                "\(pool.rejected)", pool.jobAge.map { StatusTable.duration(from: 0, to: $0 * 1_000) } ?? "-",
            ]
        }
        return StatusTable.aligned(rows)
    }
}

extension MiningReport.Pool {
    fileprivate mutating func add(_ gauge: UpstreamGauge, at time: UInt64) {
        switch gauge.state {
        case .active: active += 1
        case .sleeping: sleeping += 1
        case .error: error += 1
        }
        isInUse = active > 0
        miners += UInt64(gauge.miners)
        accepted &+= gauge.accepted
        rejected &+= gauge.rejected
        guard gauge.state == .active, gauge.jobAt > 0 else { return }
        jobAge = max(jobAge ?? 0, time > gauge.jobAt ? (time - gauge.jobAt) / 1_000 : 0)
    }

    fileprivate var state: String {
        if isInUse { return "in use" }
        return error > 0 ? "failing" : sleeping > 0 ? "asleep" : "standby"
    }
}

extension LatestSnapshot {
    var report: Result<MiningReport, Missing> { result.map(MiningReport.init) }
}

extension Result<MiningReport, LatestSnapshot.Missing> {
    var text: String {
        switch self {
        case .success(let report): report.text
        case .failure(let missing): "hashrate, miners and pools are not known: \(missing.reason)\n"
        }
    }
}

/// What `millrace status --json` prints: the supervisor's status, and what the collector knows as `mining`.
struct StatusDocument: Encodable {
    var service: ServiceStatus
    /// nil when the collector does not tell; the key is missing then.
    var mining: MiningReport?

    private enum CodingKeys: String, CodingKey { case mining }

    func encode(to encoder: any Encoder) throws {
        try service.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(mining, forKey: .mining)
    }
}

/// "12.35" of 12,345 H/s.
struct Kilohashes: CustomStringConvertible {
    let description: String

    init(_ rate: Double) {
        let hundredths = UInt64(min(max(rate / 10, 0), 1e18).rounded())
        let fraction = hundredths % 100
        description = "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }
}
