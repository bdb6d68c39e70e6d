internal import FoundationEssentials
internal import PracticeTLS

/// The results of the swarm. Durations are in milliseconds; times end in `nanos` and are from the monotonic clock.
struct SwarmReport: Codable, Sendable {
    struct Connections: Codable, Sendable {
        var now = 0
        var made = 0
        /// Ended by the peer while the miner wanted to stay.
        var lost = 0
        /// Failed attempts by the system's error text.
        var failed: [String: Int] = [:]
        /// Miners that disconnected intentionally.
        var left = 0
        /// From the TCP connection to the end of the TLS handshake; nil without any.
        var handshakeMillis: Percentiles?
    }

    struct Logins: Codable, Sendable {
        var now = 0
        var ok = 0
        var refused: [String: Int] = [:]
        /// From the start of the run until all requested miners were logged in; nil until then.
        var allAfterMillis: Double?
        /// From the call of connect(2) to the reply.
        var millis = Percentiles()
    }

    struct Jobs: Codable, Sendable {
        var atLogin = 0
        var pushed = 0
        var broadcasts = 0
        /// From the first to the last miner that received a job, over the jobs that reached at least two.
        var spreadMillis = Spread()
        /// The newest broadcasts, to be combined with those of other processes.
        var recent: [BroadcastWatch.Broadcast] = []
    }

    struct Spread: Codable, Sendable {
        var min: Double = 0
        var median: Double = 0
        var max: Double = 0
    }

    struct Shares: Codable, Sendable {
        var sent = 0
        var ok = 0
        var refused: [String: Int] = [:]
        /// Without a reply when the connection was lost, or at the end of the run.
        var lost = 0
        /// Still without a reply.
        var outstanding = 0
        /// Replies to shares that were never sent or already answered.
        var unexpectedReplies = 0
        /// Shares that the swarm could not send at the requested rate.
        var missed = 0
        var millis = Percentiles()
        /// [upper end in nanoseconds, count], to be added to those of other processes.
        var histogram: [[UInt64]] = []
    }

    struct Percentiles: Codable, Sendable {
        var p50: Double = 0
        var p90: Double = 0
        var p99: Double = 0
        var max: Double = 0

        init() {}

        init(_ histogram: Histogram) {
            p50 = Double(histogram.nanos(atPart: 0.5)) / 1e6
            p90 = Double(histogram.nanos(atPart: 0.9)) / 1e6
            p99 = Double(histogram.nanos(atPart: 0.99)) / 1e6
            max = Double(histogram.maxNanos) / 1e6
        }
    }

    struct Keepalives: Codable, Sendable {
        var sent = 0
        var ok = 0
        var refused: [String: Int] = [:]
    }

    var pid: Int32 = 0
    var miners = 0
    var seconds: Double = 0
    var cpuSeconds: Double = 0
    var connections = Connections()
    var logins = Logins()
    var jobs = Jobs()
    var shares = Shares()
    var keepalives = Keepalives()
    /// Miners that searched the same nonces of a job at the same time.
    var nonceConflicts = 0
    /// Miners that searched nonces of a job that another one had searched before it left.
    var nonceReuses = 0
    var protocolFaults: [String: Int] = [:]
    /// nil without TLS.
    var tls: TLSCounts?

    var refusedShares: Int { shares.refused.values.reduce(0, +) }
    var failedConnections: Int { connections.failed.values.reduce(0, +) }

    /// True when there were only events that are normal with a healthy proxy.
    var isClean: Bool {
        connections.lost == 0 && failedConnections == 0 && logins.refused.isEmpty && shares.refused.isEmpty
            && shares.lost == 0 && shares.unexpectedReplies == 0 && keepalives.refused.isEmpty && nonceConflicts == 0
            && nonceReuses == 0 && protocolFaults.isEmpty && tls?.isClean ?? true
    }

    /// The line printed every second.
    func line(since before: SwarmReport) -> String {
        let fresh = shares.ok - before.shares.ok
        var line = "miners \(logins.now)/\(miners), shares ok \(shares.ok) (+\(fresh)), refused \(refusedShares)"
        line += ", waiting \(shares.outstanding), lost \(shares.lost), p50 \(Self.format(shares.millis.p50)) ms"
        line += ", p99 \(Self.format(shares.millis.p99)) ms, disconnects \(connections.lost)"
        if nonceConflicts + nonceReuses > 0 { line += ", NONCE CONFLICTS \(nonceConflicts)+\(nonceReuses)" }
        return line
    }

    /// The text printed at the end.
    var summary: String {
        let made = "\(connections.made) made, \(failedConnections) failed"
        let allIn = logins.allAfterMillis.map { ", all in after \(Self.format($0)) ms" } ?? ""
        let late = shares.missed > 0 ? ", \(shares.missed) not sent in time" : ""
        let spread = "\(Self.format(jobs.spreadMillis.median)) ms (max \(Self.format(jobs.spreadMillis.max)))"
        let trip = shares.millis
        var lines = [
            "connections: \(made), \(connections.lost) lost, \(connections.left) left",
            "logins: \(logins.ok) ok, \(logins.refused.values.reduce(0, +)) refused\(allIn)",
            "jobs: \(jobs.atLogin) at login, \(jobs.pushed) pushed in \(jobs.broadcasts) broadcasts",
            "first to last miner of a job: median \(spread)",
            "shares: \(shares.sent) sent, \(shares.ok) ok, \(refusedShares) refused, \(shares.lost) lost\(late)",
            "round trip: p50 \(Self.format(trip.p50)) ms, p90 \(Self.format(trip.p90)), p99 \(Self.format(trip.p99))"
                + ", max \(Self.format(trip.max))",
            "nonces: \(nonceConflicts) conflicts, \(nonceReuses) reuses",
        ]
        if let tls {
            let time = connections.handshakeMillis ?? Percentiles()
            lines += [
                "TLS: \(tls.securedTotal) handshakes, \(tls.failedTotal) failed, \(tls.brokenTotal) connections broken",
                "TLS handshake: p50 \(Self.format(time.p50)) ms, p90 \(Self.format(time.p90)), "
                    + "p99 \(Self.format(time.p99)), max \(Self.format(time.max))",
                "TLS keys: \(tls.keyUpdatesRequested) updates requested, \(tls.keyUpdatesReceived) received, "
                    + "\(tls.ticketsReceived) tickets",
            ]
        }
        let texts = [
            ("not connected", connections.failed), ("login refused", logins.refused), ("refused", shares.refused),
            ("fault", protocolFaults), ("TLS", tls?.secured ?? [:]), ("TLS handshake failed", tls?.failed ?? [:]),
            ("TLS connection broken", tls?.broken ?? [:]),
        ]
        for (what, counts) in texts {
            lines += counts.sorted { $0.key < $1.key }.map { "  \(what) \($0.value): \($0.key)" }
        }
        return lines.joined(separator: "\n")
    }

    /// Three decimals are enough for any duration here.
    private static func format(_ millis: Double) -> String {
        let thousandths = Int((millis * 1_000).rounded())
        let rest = String(thousandths % 1_000)
        return "\(thousandths / 1_000)." + String(repeating: "0", count: 3 - rest.count) + rest
    }
}

/// Writes a report to a file atomically: a reader always finds a complete one.
enum ReportFile {
    static func replace(at path: String, with report: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        try (encoder.encode(report) + [0x0a]).write(to: URL(filePath: path), options: .atomic)
    }
}
