internal import FoundationEssentials
internal import PracticeTLS

/// The pool's counts: the reference for all other programs' numbers.
struct PoolReport: Codable, Equatable, Sendable {
    struct Connections: Codable, Equatable, Sendable {
        var now = 0
        var max = 0
        var total = 0
    }

    struct Shares: Codable, Equatable, Sendable {
        var accepted = 0
        /// By `Refusal`, without zero counts.
        var rejected: [String: Int] = [:]
        /// The sum of the difficulties of accepted shares.
        var hashes: UInt64 = 0
        /// Shares whose hash is being computed.
        var unverified = 0
    }

    var pid: Int32 = 0
    var port: UInt16 = 0
    var uptimeSeconds: Double = 0
    var connections = Connections()
    var logins = 0
    /// By user: those of the first users.
    var loginsByUser: [String: Int] = [:]
    var loginsRefused = 0
    var jobs = 0
    var jobsSent = 0
    var shares = Shares()
    var keepalives = 0
    /// Lines received while the pool was silent: neither judged nor answered.
    var unheard = 0
    /// By `ClientFault`, without zero counts.
    var protocolFaults: [String: Int] = [:]
    /// Connections closed because the client did not read.
    var overflows = 0
    /// Connections dropped on request.
    var dropped = 0
    /// Malformed messages sent on request.
    var hostileInputs = 0
    /// nil without TLS.
    var tls: TLSCounts?

    var rejectedTotal: Int { shares.rejected.values.reduce(0, +) }

    mutating func count(_ verdict: Verdict) {
        switch verdict {
        case .accepted(let difficulty):
            shares.accepted += 1
            shares.hashes &+= difficulty
        case .rejected(let refusal): shares.rejected[refusal.rawValue, default: 0] += 1
        case .unverified: shares.unverified += 1
        }
    }

    /// A client has logged in.
    mutating func countLogin(of user: String) {
        logins += 1
        guard loginsByUser[user] != nil || loginsByUser.count < PoolReport.usersMax else { return }
        loginsByUser[user, default: 0] += 1
    }

    /// Enough for a test, and little to write twice a second.
    private static let usersMax = 100

    mutating func count(_ fault: ClientFault) {
        protocolFaults[fault.rawValue, default: 0] += 1
    }

    mutating func connectionOpened() {
        connections.now += 1
        connections.total += 1
        connections.max = max(connections.max, connections.now)
    }

    /// The line printed every second.
    /// - Parameter before: the report of a second before.
    func line(since before: PoolReport) -> String {
        var line = "connections \(connections.now), accepted \(shares.accepted)"
        line += " (+\(shares.accepted - before.shares.accepted)), rejected \(rejectedTotal), jobs \(jobs)"
        if shares.unverified > 0 { line += ", verifying \(shares.unverified)" }
        let faults = protocolFaults.values.reduce(0, +)
        if faults > 0 { line += ", faults \(faults)" }
        if let tls, tls.failedTotal + tls.brokenTotal > 0 {
            line += ", TLS handshakes failed \(tls.failedTotal), connections broken \(tls.brokenTotal)"
        }
        if hostileInputs > 0 { line += ", hostile inputs \(hostileInputs)" }
        return line
    }
}

/// Writes a report to a file atomically: a reader always finds a complete one.
enum ReportFile {
    static func json(_ report: some Encodable) throws -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return try [UInt8](encoder.encode(report)) + [0x0a]
    }

    static func replace(at path: String, with report: some Encodable) throws {
        try Data(json(report)).write(to: URL(filePath: path), options: .atomic)
    }
}
