internal import Control
internal import DaemonKit
internal import Telemetry

/// Hashrate, miners and pools of a service: the part of `millrace status` that comes from the collector.
struct MiningReport: Encodable, Equatable {
    struct Miners: Encodable, Equatable {
        /// Miners that have a job.
        var now: UInt32
        /// Miners that have logged in and wait for their first job.
        var waiting: UInt32
        var max: UInt32
        /// Miners whose shares are not forwarded, because the pool rejects them.
        var quarantined: UInt32
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
        /// Whether a connection is logged in there.
        var isInUse = false
        /// Connections by state.
        var active = 0
        var sleeping = 0
        var error = 0
        var miners: UInt64 = 0
        /// Accepted shares of the open connections, each since it was opened; `rejected` likewise.
        var accepted: UInt64 = 0
        var rejected: UInt64 = 0
        /// Age of the oldest current job, in seconds; nil when no connection has one.
        var jobAge: UInt64?
        /// Failed attempts since it last sent a job.
        var failures: UInt32 = 0
        /// The reason of the last failed attempt.
        var lastError: String?
        /// When the pool guard was switched on, in milliseconds since 1970; nil when it is off.
        var guardedSince: UInt64?
    }

    /// Where the statistics are stored.
    struct Statistics: Encodable, Equatable {
        /// "durable", "failing" or "off".
        var state: String
        var message: String?
        /// Milliseconds since 1970.
        var committedAt: UInt64?
    }

    var hashrate: Hashrate
    var miners: Miners
    var shares: Shares
    /// In the order of the configuration.
    var pools: [Pool]
    var statistics: Statistics
    /// The start of the service and the time of the snapshot, in milliseconds since 1970.
    private let startedAt: UInt64
    private let time: UInt64

    private enum CodingKeys: String, CodingKey { case hashrate, miners, shares, pools, statistics }

    init(_ snapshot: Snapshot) {
        let rates = snapshot.hashrates
        hashrate = Hashrate(
            oneMinute: rates.oneMinute, tenMinutes: rates.tenMinutes, oneHour: rates.oneHour, oneDay: rates.oneDay)
        miners = Miners(
            now: snapshot.minersNow, waiting: snapshot.minersWaiting, max: snapshot.minersMax,
            quarantined: snapshot.minersQuarantined)
        shares = Shares(
            accepted: snapshot.results.accepted, rejected: snapshot.results.rejected, invalid: snapshot.results.invalid)
        statistics = Statistics(
            state: "\(snapshot.database.state)",
            message: snapshot.database.message.isEmpty ? nil : snapshot.database.message,
            committedAt: snapshot.database.committedAt > 0 ? snapshot.database.committedAt : nil)
        (startedAt, time) = (snapshot.startedAt, snapshot.time)
        pools = []
        for (place, address) in snapshot.pools.enumerated() where !pools.contains(where: { $0.address == address }) {
            var pool = Pool(address: address)
            if snapshot.poolConditions.indices.contains(place) { pool.add(snapshot.poolConditions[place]) }
            pools.append(pool)
        }
        for row in snapshot.openUpstreams where snapshot.pools.indices.contains(Int(row.gauge.pool)) {
            let address = snapshot.pools[Int(row.gauge.pool)]
            if let place = pools.firstIndex(where: { $0.address == address }) {
                pools[place].add(row.gauge, at: snapshot.time)
            }
        }
    }

    /// - Parameter database: the file of the statistics; nil when it is not known.
    func text(database: String? = nil) -> String {
        let waiting = miners.waiting > 0 ? " (+\(miners.waiting) waiting for a job)" : ""
        var lines = [
            "hashrate: \(Kilohashes(hashrate.oneMinute)) kH/s (1 min), \(Kilohashes(hashrate.tenMinutes)) (10 min), "
                + "\(Kilohashes(hashrate.oneHour)) (1 h), \(Kilohashes(hashrate.oneDay)) (24 h)"
                + MiningReport.remark(startedAt: startedAt, time: time),
            "miners: \(miners.now)\(waiting), max \(miners.max)"
                + (miners.quarantined > 0 ? ", \(miners.quarantined) quarantined: the pool rejects their shares" : ""),
            "shares: \(shares.accepted) accepted, \(shares.rejected) rejected by pools, \(shares.invalid) refused here",
        ]
        if pools.contains(where: { $0.error > 0 }), !pools.contains(where: \.isInUse) {
            lines.append("NO POOL is usable; the log says why")
        }
        lines.append(statistics.text(database: database, at: time))
        if !pools.isEmpty { lines += [""] + table + troubles }
        return lines.joined(separator: "\n") + "\n"
    }

    /// A remark for a service that runs for less than a day. An average is divided by its whole window, as in the API,
    /// so it is too low until the service is that old.
    static func remark(startedAt: UInt64, time: UInt64) -> String {
        guard startedAt > 0, time >= startedAt, time - startedAt < 86_400_000 else { return "" }
        return "; running for \(StatusTable.duration(from: startedAt, to: time)): "
            + "averages over longer include the time before the start"
    }

    /// Lines below the table: pools that fail or are guarded.
    private var troubles: [String] {
        let failing = pools.filter { $0.state == "failing" && $0.failures > 0 }.map { pool in
            "\(pool.address): \(pool.lastError ?? "?"), "
                + "\(pool.failures) \(pool.failures == 1 ? "try" : "tries")"
        }
        let guarded = pools.compactMap { pool in
            pool.guardedSince.map { since in
                "\(pool.address): pool guard on for \(StatusTable.duration(from: since, to: time)): it rejects shares; "
                    + "only miners whose shares it accepts are forwarded"
            }
        }
        return failing.isEmpty && guarded.isEmpty ? [] : [""] + failing + guarded
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

extension MiningReport.Statistics {
    /// "statistics: /var/lib/millrace/statistics.sqlite, durable, committed 2s ago"
    func text(database: String?, at time: UInt64) -> String {
        var parts = [database, state, message].compactMap(\.self)
        if let committedAt { parts.append("committed \(StatusTable.duration(from: committedAt, to: time)) ago") }
        return "statistics: " + parts.joined(separator: ", ")
    }
}

extension MiningReport.Pool {
    fileprivate mutating func add(_ condition: PoolCondition) {
        failures = condition.failures
        lastError = condition.reason.isEmpty ? nil : condition.reason
        guardedSince = condition.guardedAt > 0 ? condition.guardedAt : nil
    }

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
        return error > 0 || failures > 0 ? "failing" : sleeping > 0 ? "asleep" : "standby"
    }
}

extension LatestSnapshot {
    var report: Result<MiningReport, Missing> { result.map(MiningReport.init) }
}

extension Result<MiningReport, LatestSnapshot.Missing> {
    /// - Parameter database: the file of the statistics; nil when it is not known.
    func text(database: String?) -> String {
        switch self {
        case .success(let report): report.text(database: database)
        case .failure(let missing):
            "hashrate, miners and pools are not available: \(missing.reason)\n"
                + (database.map { "statistics: \($0)\n" } ?? "")
        }
    }
}

/// The output of `millrace status --json`: the supervisor's status, with the collector's part under `mining`.
struct StatusDocument: Encodable {
    var service: ServiceStatus
    /// nil when the collector does not answer; then the key is missing.
    var mining: MiningReport?

    private enum CodingKeys: String, CodingKey { case mining }

    func encode(to encoder: any Encoder) throws {
        try service.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encodeIfPresent(mining, forKey: .mining)
    }
}

/// "12.35" for 12,345 H/s.
struct Kilohashes: CustomStringConvertible {
    let description: String

    init(_ rate: Double) {
        let hundredths = UInt64(min(max(rate / 10, 0), 1e18).rounded())
        let fraction = hundredths % 100
        description = "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
    }
}
