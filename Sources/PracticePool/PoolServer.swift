internal import EventLoop
internal import HostileInput
internal import PracticeTLS
internal import StratumProtocol

/// The pool on its event loop: connections, jobs and counts.
///
/// `PoolProgram` schedules the pool's own actions; this class performs them.
final class PoolServer {
    private let loop: Loop
    private let parser = JSONParser(documentBytesMax: LineFramer.minerLineBytesMax)
    private let replyDelayMillis: UInt64
    private let firstJobDelayMillis: UInt64?
    private var rules: PoolRules
    private var history = JobHistory()
    private var connections: [UInt32: PoolConnection] = [:]
    private var verifier: HashVerifier?
    private var delayed = DelayedReplies()
    private var delay: Timer?
    private var generator = SystemRandomNumberGenerator()
    /// The reply to one chunk of input; reused.
    private var output: [UInt8] = []
    private var lastClient: UInt32 = 0

    /// Set if the pool sends malformed messages.
    private let hostility: HostileInput?
    /// Set if the pool speaks TLS.
    private let security: Security?

    private(set) var report = PoolReport()
    private(set) var isSilent = false

    init(
        on loop: Loop, rules: PoolRules, replyDelayMillis: UInt64, firstJobDelayMillis: UInt64?, verifierThreads: Int,
        hostility: HostileInput?, security: Security?
    ) throws(SystemFailure) {
        self.loop = loop
        self.rules = rules
        self.replyDelayMillis = replyDelayMillis
        self.firstJobDelayMillis = firstJobDelayMillis
        self.hostility = hostility
        self.security = security
        delay = Timer(on: loop) { [unowned self] in sendDelayed() }
        if rules.verifiesHashes {
            verifier = try HashVerifier(on: loop, threads: verifierThreads) { [unowned self] in settle($0) }
        }
        makeJob()
    }

    // MARK: - Actions of the pool

    /// Creates a job as after a new block and sends it to all clients.
    func makeJob() {
        history.makeJob(using: &generator)
        report.jobs += 1
        broadcast()
    }

    /// Sends the current job to every logged-in client.
    func broadcast() {
        guard !isSilent else { return }
        for connection in connections.values {
            output.removeAll(keepingCapacity: true)
            guard connection.session.notify(history: history, rules: rules, output: &output) else { continue }
            report.jobsSent += 1
            send(on: connection)
        }
    }

    /// A silent pool accepts connections and ignores their lines. When silence ends, all clients get the current job.
    func setSilent(_ silent: Bool) {
        isSilent = silent
        if silent { delayed.removeAll() } else { broadcast() }
    }

    /// Resets every connection, as a crashing pool does.
    func dropAll() {
        for connection in connections.values {
            report.dropped += 1
            connection.reset()
        }
        connections.removeAll()
        report.connections.now = 0
    }

    /// Sends every client a malformed message that resembles a job or an answer.
    func torment() {
        guard let hostility, !isSilent, let job = history.current else { return }
        for connection in connections.values {
            output.removeAll(keepingCapacity: true)
            if Bool.random(using: &generator) {
                output.append("{\"jsonrpc\":\"2.0\",\"method\":\"job\",\"params\":")
                job.append(
                    to: &output, client: connection.client, nonceByte: 0, target: rules.target,
                    algorithm: rules.algorithm)
                output.append("}\n")
            } else {
                PoolReply.status("OK", id: Int64.random(in: 0..<64, using: &generator), to: &output)
            }
            output = hostility.next(like: output, using: &generator)
            report.hostileInputs += 1
            send(on: connection)
        }
    }

    func close() {
        dropAll()
        delay?.close()
        verifier?.close()
    }

    // MARK: - Events of clients

    func open(on loop: Loop) -> TCPStream? {
        lastClient &+= 1
        let nonceByte = rules.hasNicehash ? UInt8(truncatingIfNeeded: lastClient) : nil
        let id = UInt64.random(in: 1 ... .max, using: &generator)
        let session = PoolSession(id: id, client: lastClient, nonceByte: nonceByte)
        let connection = PoolConnection(
            on: loop, security: security, client: lastClient, session: session, server: self)
        connections[lastClient] = connection
        report.connectionOpened()
        return connection
    }

    func received(_ chunk: Span<UInt8>, from connection: PoolConnection) {
        output.removeAll(keepingCapacity: true)
        var isOver = false
        do {
            try connection.framer.feed(chunk) { line in
                isOver = !handle(line, from: connection)
                return !isOver
            }
        } catch {
            report.count(ClientFault.lineTooLong)
            isOver = true
        }
        reply(on: connection)
        if isOver { ended(connection) }
    }

    func ended(_ connection: PoolConnection) {
        connection.sendCloseNotify()
        connection.close()
        if connections.removeValue(forKey: connection.client) != nil { report.connections.now -= 1 }
    }

    /// - Returns: false when the connection must be closed.
    private func handle(_ line: Span<UInt8>, from connection: PoolConnection) -> Bool {
        guard !isSilent else {
            report.unheard += 1
            return true
        }
        do throws(ClientFault) {
            let event = try connection.session.receive(
                line, parser: parser, history: history, rules: &rules, using: &generator, output: &output)
            switch event {
            case .loggedIn(let user):
                report.countLogin(of: user)
                if rules.loginCarriesJob { report.jobsSent += 1 } else { sendFirstJobLater(to: connection.client) }
                if let hostility, Bool.random(using: &generator) {
                    output = hostility.next(like: output, using: &generator)
                    report.hostileInputs += 1
                }
            case .loginRefused:
                report.loginsRefused += 1
                return false
            case .share(.unverified(let share), let id): verify(share, requestID: id, from: connection)
            case .share(let verdict, _): report.count(verdict)
            case .keepalive: report.keepalives += 1
            }
            return true
        } catch {
            report.count(error)
            return false
        }
    }
}

// MARK: - Replies

extension PoolServer {
    /// Queues the share for verification; the reply follows when the hash is known.
    private func verify(_ share: UnverifiedShare, requestID: Int64, from connection: PoolConnection) {
        guard let verifier else { return }
        let question = HashVerifier.Question(client: connection.client, requestID: requestID, share: share)
        if verifier.ask(question) {
            report.shares.unverified += 1
        } else {
            conclude(.rejected(.overload), requestID: requestID, on: connection)
        }
    }

    /// Called when a hash is known.
    private func settle(_ answer: HashVerifier.Answer) {
        report.shares.unverified -= 1
        guard let connection = connections[answer.client] else { return }
        output.removeAll(keepingCapacity: true)
        let verdict: Verdict =
            answer.isRight ? .accepted(difficulty: rules.target.difficulty) : .rejected(.badHash)
        conclude(verdict, requestID: answer.requestID, on: connection)
        reply(on: connection)
    }

    private func conclude(_ verdict: Verdict, requestID: Int64, on connection: PoolConnection) {
        let final = connection.session.settle(
            verdict, requestID: requestID, rules: &rules, using: &generator, output: &output)
        report.count(final)
    }

    private func sendFirstJobLater(to client: UInt32) {
        guard let firstJobDelayMillis else { return }
        var timer: Timer?
        timer = Timer(on: loop) { [unowned self] in
            timer?.close()
            timer = nil
            guard !isSilent, let connection = connections[client] else { return }
            output.removeAll(keepingCapacity: true)
            if connection.session.notify(history: history, rules: rules, output: &output) { report.jobsSent += 1 }
            send(on: connection)
        }
        timer?.start(after: firstJobDelayMillis)
    }

    /// Sends `output`, now or after the configured delay.
    private func reply(on connection: PoolConnection) {
        guard replyDelayMillis > 0, !output.isEmpty else { return send(on: connection) }
        let due = loop.nanoseconds / 1_000_000 + replyDelayMillis
        let wasEmpty = delayed.isEmpty
        delayed.add(.init(dueMillis: due, client: connection.client, bytes: output))
        if wasEmpty { delay?.start(after: replyDelayMillis) }
    }

    private func sendDelayed() {
        let now = loop.nanoseconds / 1_000_000
        while let entry = delayed.take(atMillis: now) {
            guard let connection = connections[entry.client] else { continue }
            output.removeAll(keepingCapacity: true)
            output.append(entry.bytes.span)
            send(on: connection)
        }
        if let next = delayed.nextDueMillis { delay?.start(after: max(1, next - min(now, next))) }
    }

    private func send(on connection: PoolConnection) {
        switch output.withUnsafeBytes({ connection.write($0) }) {
        case .sent, .queued, .closed: break
        case .overflow:
            report.overflows += 1
            ended(connection)
        }
    }
}
