internal import StratumProtocol

/// A miner's protocol session. Pure, of fixed size and without references: a hundred thousand fit in a process. It
/// behaves like XMRig: login, job, shares for the newest job, keepalive.
struct SimulatedMiner: Sendable {
    static let loginID: Int64 = 1
    static let keepaliveID: Int64 = 2

    /// The meaning of a line from the proxy.
    enum Event {
        /// `hasJob` is false when the job follows later.
        case loggedIn(hasJob: Bool)
        case loginRefused(text: String)
        case job
        case shareAccepted(id: Int64)
        case shareRefused(id: Int64, text: String)
        case keptAlive
        case keepaliveRefused(text: String)
    }

    private(set) var isLoggedIn = false
    private(set) var job: MinerJob?
    /// Shares without a reply.
    var outstanding: UInt32 = 0
    private var session = InlineBytes<64>()
    private var hasAlgo = false
    private var hasNicehash = false
    /// The next nonce; with a reserved byte only its lower 24 bits are used.
    private var nonce: UInt64 = 0

    /// True when there is a job with a nonce left to search.
    var canMine: Bool { isLoggedIn && job != nil && nonce < nonceEnd }

    private var nonceEnd: UInt64 { hasNicehash ? 1 << 24 : 1 << 32 }

    /// Processes a line.
    mutating func receive(_ line: Span<UInt8>, parser: JSONParser) throws(ProxyFault) -> Event {
        let event = try parser.parse(line) { root throws(ProxyFault) in try read(root) }
        guard let event else { throw .notJSON }
        return event
    }

    /// Appends the next share as a complete line.
    ///
    /// The hash is made up, but its last eight bytes meet the target. Nonces start at 0 with each job, so that two
    /// miners with the same nonces collide at once and a strict pool detects it.
    mutating func appendShare(id: Int64, using generator: inout SplitMix, to line: inout [UInt8]) {
        guard let job else { return }
        let tail = job.target.multipliedFullWidth(by: generator.next()).high
        begin(share: id, nonce: takeNonce(job), of: job, on: &line)
        line.append("5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a")
        line.append(hexLittleEndian: UInt32(truncatingIfNeeded: tail))
        line.append(hexLittleEndian: UInt32(truncatingIfNeeded: tail >> 32))
        endShare(of: job, on: &line)
    }

    /// Appends a share with a computed hash, whose nonce came from `takeNonce` for the newest job.
    mutating func appendShare(id: Int64, _ hashed: HashedNonce, to line: inout [UInt8]) {
        guard let job else { return }
        begin(share: id, nonce: hashed.nonce, of: job, on: &line)
        line.append(hex: hashed.hash.span)
        endShare(of: job, on: &line)
    }

    /// The next nonce to try; nil when there is none, or no job.
    mutating func takeNonce() -> UInt32? {
        guard canMine, let job else { return nil }
        return takeNonce(job)
    }

    private func begin(share id: Int64, nonce: UInt32, of job: MinerJob, on line: inout [UInt8]) {
        line.append("{\"id\":")
        line.append(decimal: id)
        line.append(",\"jsonrpc\":\"2.0\",\"method\":\"submit\",\"params\":{\"id\":\"")
        session.append(to: &line)
        line.append("\",\"job_id\":\"")
        line.append(jsonEscaped: job.id)
        line.append("\",\"nonce\":\"")
        line.append(hexLittleEndian: nonce)
        line.append("\",\"result\":\"")
    }

    private mutating func endShare(of job: MinerJob, on line: inout [UInt8]) {
        if hasAlgo, !job.algorithm.isEmpty {
            line.append("\",\"algo\":\"")
            line.append(jsonEscaped: job.algorithm)
        }
        line.append("\"}}\n")
        outstanding += 1
    }

    func appendKeepalive(to line: inout [UInt8]) {
        line.append("{\"id\":")
        line.append(decimal: Self.keepaliveID)
        line.append(",\"jsonrpc\":\"2.0\",\"method\":\"keepalived\",\"params\":{\"id\":\"")
        session.append(to: &line)
        line.append("\"}}\n")
    }

    private mutating func takeNonce(_ job: MinerJob) -> UInt32 {
        defer { nonce += 1 }
        let low = UInt32(truncatingIfNeeded: nonce)
        return hasNicehash ? UInt32(job.nonceByte) << 24 | low & 0xff_ffff : low
    }

    // MARK: - Reading

    private mutating func read(_ root: JSONValue) throws(ProxyFault) -> Event {
        guard root.isObject else { throw .notJSON }
        if root["method"].exists {
            guard root["method"].equals("job"), isLoggedIn else { throw .unknownMessage }
            try begin(try MinerJob(root["params"]))
            return .job
        }
        guard let id = root["id"].int64 else { throw .unknownMessage }
        let error = root["error"]
        let text = error.exists && !error.isNull ? error["message"].string ?? "error without a message" : nil
        switch id {
        case Self.loginID:
            guard !isLoggedIn else { throw .unknownMessage }
            if let text { return .loginRefused(text: text) }
            return try logIn(root["result"])
        case Self.keepaliveID:
            if let text { return .keepaliveRefused(text: text) }
            guard root["result"]["status"].equals("KEEPALIVED") else { throw .unknownMessage }
            return .keptAlive
        default:
            if let text { return .shareRefused(id: id, text: text) }
            guard root["result"]["status"].equals("OK") else { throw .unknownMessage }
            return .shareAccepted(id: id)
        }
    }

    private mutating func logIn(_ result: JSONValue) throws(ProxyFault) -> Event {
        guard let id = result["id"].withBytes({ InlineBytes<64>($0) }) ?? nil, !id.isEmpty else { throw .badLogin }
        session = id
        var position = 0
        // There are five extensions; a longer list is not read to its end.
        while position < 16, result["extensions"][position].exists {
            let name = result["extensions"][position]
            if name.equals("algo") { hasAlgo = true }
            if name.equals("nicehash") { hasNicehash = true }
            position += 1
        }
        isLoggedIn = true
        guard result["job"].exists, !result["job"].isNull else { return .loggedIn(hasJob: false) }
        try begin(try MinerJob(result["job"]))
        return .loggedIn(hasJob: true)
    }

    /// XMRig treats a repeated job as a fault of the pool and reconnects. With a new id for the same work, the miner
    /// continues with the next nonce.
    private mutating func begin(_ new: MinerJob) throws(ProxyFault) {
        if let job {
            guard new != job else { throw .repeatedJob }
            if new.work != job.work || new.nonceByte != job.nonceByte { nonce = 0 }
        }
        job = new
    }
}

/// The login line of each miner: the patterns of the command line with the miner's number in place of `{n}`.
struct LoginPattern: Sendable {
    var login = "miner{n}"
    var password = "x"
    var rigID = ""
    var agent = "XMRig/6.26.0 (Linux x86_64) millrace-swarm"
    /// Names repeat after this number of miners; 0 = never.
    var names = 0

    func append(miner: Int, to line: inout [UInt8]) {
        let number = String(names > 0 ? miner % names : miner)
        line.append("{\"id\":")
        line.append(decimal: SimulatedMiner.loginID)
        line.append(",\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"login\":\"")
        line.append(jsonEscaped: Self.fill(login, number))
        line.append("\",\"pass\":\"")
        line.append(jsonEscaped: Self.fill(password, number))
        line.append("\",\"agent\":\"")
        line.append(jsonEscaped: agent)
        if !rigID.isEmpty {
            line.append("\",\"rigid\":\"")
            line.append(jsonEscaped: Self.fill(rigID, number))
        }
        line.append("\",\"algo\":[\"rx/0\",\"rx/wow\",\"rx/arq\",\"cn/r\"]}}\n")
    }

    private static func fill(_ pattern: String, _ number: String) -> String {
        guard let mark = pattern.firstIndex(of: "{"), pattern[mark...].hasPrefix("{n}") else { return pattern }
        return pattern[..<mark] + number + pattern[pattern.index(mark, offsetBy: 3)...]
    }
}
