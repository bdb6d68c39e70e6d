internal import StratumProtocol

/// A client's protocol session. Pure: it receives lines, appends bytes to a buffer, and returns what is to be counted.
///
/// A login comes first, then shares and keepalives. A violation of the protocol is a `ClientFault` and ends the
/// session. A wrong share gets an error reply and the session continues, as in real pools.
struct PoolSession: Sendable {
    /// The result of a line.
    enum Event {
        case loggedIn(user: String)
        /// The refusal is in the buffer; close the connection after sending it.
        case loginRefused
        case share(Verdict, requestID: Int64)
        case keepalive
    }

    private(set) var judge: ShareJudge
    private(set) var isLoggedIn = false

    init(id: UInt64, client: UInt32, nonceByte: UInt8?) {
        judge = ShareJudge(session: id, client: client, nonceByte: nonceByte)
    }

    /// Processes a line. Appends its reply to `output`, except for an unverified share, whose reply `settle` writes.
    mutating func receive(
        _ line: Span<UInt8>, parser: JSONParser, history: JobHistory, rules: inout PoolRules,
        using generator: inout some RandomNumberGenerator, output: inout [UInt8]
    ) throws(ClientFault) -> Event {
        let parsed = try parser.parse(line) { root throws(ClientFault) in
            try ClientRequest(root, algorithm: rules.algorithm)
        }
        guard let request = parsed else { throw .notJSON }
        switch request {
        case .login(let id, let user):
            guard !isLoggedIn else { throw .secondLogin }
            return logIn(id: id, user: user, history: history, rules: rules, output: &output)
        case .submit(let id, let claim):
            guard isLoggedIn else { throw .requestBeforeLogin }
            let verdict = judge.judge(claim, history: history, rules: rules)
            if case .unverified = verdict { return .share(verdict, requestID: id) }
            let final = settle(verdict, requestID: id, rules: &rules, using: &generator, output: &output)
            return .share(final, requestID: id)
        case .keepalived(let id, let session):
            guard isLoggedIn else { throw .requestBeforeLogin }
            guard session == judge.session else { throw .foreignKeepalive }
            PoolReply.status("KEEPALIVED", id: id, to: &output)
            return .keepalive
        case .other:
            throw isLoggedIn ? .unknownMethod : .requestBeforeLogin
        }
    }

    /// Appends the reply to a judged share, after applying `PoolRules.rejection`.
    /// - Returns: the verdict that the client receives.
    func settle(
        _ verdict: Verdict, requestID: Int64, rules: inout PoolRules,
        using generator: inout some RandomNumberGenerator, output: inout [UInt8]
    ) -> Verdict {
        switch verdict {
        case .rejected(let refusal):
            PoolReply.error(refusal.text.description, id: requestID, to: &output)
            return verdict
        case .accepted, .unverified:
            guard !rules.rejection.strikes(using: &generator) else {
                PoolReply.error(rules.rejection.text, id: requestID, to: &output)
                return .rejected(.injected)
            }
            PoolReply.status("OK", id: requestID, to: &output)
            return .accepted(difficulty: rules.target.difficulty)
        }
    }

    /// Appends the current job as a notification. Appends nothing before the login, without a job, or when the client
    /// already has the job: proxies treat a repeated job as a fault of the pool.
    /// - Returns: whether a job was appended.
    @discardableResult
    mutating func notify(history: JobHistory, rules: PoolRules, output: inout [UInt8]) -> Bool {
        guard isLoggedIn, let job = history.current, job.number != judge.lastJob else { return false }
        output.append("{\"jsonrpc\":\"2.0\",\"method\":\"job\",\"params\":")
        append(job, history: history, rules: rules, to: &output)
        output.append("}\n")
        return true
    }

    private mutating func logIn(
        id: Int64, user: String?, history: JobHistory, rules: PoolRules, output: inout [UInt8]
    ) -> Event {
        guard rules.loginError == nil, let user else {
            PoolReply.error(rules.loginError ?? "Missing login", id: id, to: &output)
            return .loginRefused
        }
        isLoggedIn = true
        output.append("{\"id\":")
        output.append(decimal: id)
        output.append(",\"jsonrpc\":\"2.0\",\"error\":null,\"result\":{\"id\":\"")
        output.append(hex64: judge.session)
        output.append("\"")
        if rules.loginCarriesJob, let job = history.current {
            output.append(",\"job\":")
            append(job, history: history, rules: rules, to: &output)
        }
        PoolReply.extensions(of: rules, to: &output)
        output.append(",\"status\":\"OK\"}}\n")
        return .loggedIn(user: user)
    }

    private mutating func append(
        _ job: PracticeJob, history: JobHistory, rules: PoolRules, to output: inout [UInt8]
    ) {
        judge.sent(job: job.number, history: history)
        job.append(
            to: &output, client: judge.client, nonceByte: judge.nonceByte ?? 0, target: rules.target,
            algorithm: rules.algorithm)
    }
}

/// Appends the pool's replies to a buffer, each a complete line.
enum PoolReply {
    static func status(_ status: StaticString, id: Int64, to output: inout [UInt8]) {
        output.append("{\"id\":")
        output.append(decimal: id)
        output.append(",\"jsonrpc\":\"2.0\",\"error\":null,\"result\":{\"status\":\"")
        output.append(status)
        output.append("\"}}\n")
    }

    static func error(_ text: String, id: Int64, to output: inout [UInt8]) {
        output.append("{\"id\":")
        output.append(decimal: id)
        output.append(",\"jsonrpc\":\"2.0\",\"error\":{\"code\":-1,\"message\":\"")
        output.append(jsonEscaped: text)
        output.append("\"}}\n")
    }

    static func extensions(of rules: PoolRules, to output: inout [UInt8]) {
        guard rules.hasAlgo || rules.hasNicehash || rules.hasKeepalive else { return }
        output.append(",\"extensions\":[")
        var isFirst = true
        func name(_ name: StaticString) {
            output.append(isFirst ? "\"" : ",\"")
            output.append(name)
            output.append("\"")
            isFirst = false
        }
        if rules.hasAlgo { name("algo") }
        if rules.hasNicehash { name("nicehash") }
        if rules.hasKeepalive { name("keepalive") }
        output.append("]")
    }
}
