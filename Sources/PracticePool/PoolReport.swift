internal import FoundationEssentials

/// What the pool has counted: the truth that everybody else's numbers are compared with.
struct PoolReport: Codable, Equatable, Sendable {
    struct Connections: Codable, Equatable, Sendable {
        var now = 0
        var max = 0
        var total = 0
    }

    struct Shares: Codable, Equatable, Sendable {
        var accepted = 0
        /// By `Refusal`; only what has happened.
        var rejected: [String: Int] = [:]
        /// Sum of the difficulties of the accepted ones.
        var hashes: UInt64 = 0
        /// Shares whose hash is being computed.
        var unverified = 0
    }

    var pid: Int32 = 0
    var port: UInt16 = 0
    var uptimeSeconds: Double = 0
    var connections = Connections()
    var logins = 0
    var loginsRefused = 0
    var jobs = 0
    var jobsSent = 0
    var shares = Shares()
    var keepalives = 0
    /// Lines that came while the pool was silent: neither judged nor answered.
    var unheard = 0
    /// By `ClientFault`; only what has happened.
    var protocolFaults: [String: Int] = [:]
    /// Connections given up because the client did not read.
    var overflows = 0
    /// Connections that the pool dropped because it was told to.
    var dropped = 0
    /// Malformed messages that the pool was told to send.
    var hostileInputs = 0

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

    mutating func count(_ fault: ClientFault) {
        protocolFaults[fault.rawValue, default: 0] += 1
    }

    mutating func connectionOpened() {
        connections.now += 1
        connections.total += 1
        connections.max = max(connections.max, connections.now)
    }

    /// The line of one second.
    /// - Parameter before: the report of the second before.
    func line(since before: PoolReport) -> String {
        var line = "connections \(connections.now), accepted \(shares.accepted)"
        line += " (+\(shares.accepted - before.shares.accepted)), rejected \(rejectedTotal), jobs \(jobs)"
        if shares.unverified > 0 { line += ", verifying \(shares.unverified)" }
        let faults = protocolFaults.values.reduce(0, +)
        if faults > 0 { line += ", faults \(faults)" }
        if hostileInputs > 0 { line += ", hostile inputs \(hostileInputs)" }
        return line
    }
}

/// A report in a file: whoever reads it finds a whole one, of now or of a moment ago.
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
