internal import StratumProtocol
internal import TLSRecords

/// The session of one upstream with one pool.
struct PoolSession {
    enum Phase: Equatable {
        /// Not wanted.
        case idle
        /// Failed; retried at `until`.
        case pausing(until: Instant)
        case connecting(deadline: Instant)
        case loggingIn(deadline: Instant)
        /// Logged in; a pool that sends no job is of no use.
        case awaitingJob(deadline: Instant)
        /// It has sent a job.
        case active
        /// A better pool has taken over; this one may still answer pending requests.
        case draining(deadline: Instant)
    }

    /// Every connection begins with its login, under this id.
    static let loginRequestID: Int64 = 1

    var phase = Phase.idle
    var generation: UInt32 = 0
    var session = PoolSessionID()
    /// When the pool accepted the login.
    var loggedInAt: Instant?
    var hasAlgo = false
    var hasNicehash = false
    var hasKeepalive = false
    /// The pool has accepted a share in this session.
    var hasAccepted = false
    /// The pool has answered a keepalive, so that its silence after another one is a failure.
    var answersKeepalives = false
    /// A job that came before the reply to the login, or sooner than miners get another one: at most one, the newest.
    var earlyJob: [Job] = []
    /// How much of `Limits.jobInterval` its jobs have spent.
    var jobs = Allowance()
    /// The address that the pool redirected to; nil = its own address.
    var redirect: PoolRedirect?
    /// Redirects in a row that led to this connection.
    var redirects: UInt8 = 0
    /// Refusals in a row which say that the pool does not know its current job.
    var unknownJobs: UInt8 = 0
    /// Lines that were not messages, since `oddLinesSince`.
    var oddLines: UInt8 = 0
    var oddLinesSince = Instant(microseconds: 0)
    var nextRequestID = PoolSession.loginRequestID + 1
    var inFlight = SharesInFlight()
    /// How early its keepalives are, in 256ths of the last quarter of their interval.
    var keepaliveLead: UInt8 = 0
    var lastSentAt = Instant(microseconds: 0)
    /// When the unanswered keepalive was sent.
    var keepaliveSentAt: Instant?
    var keepaliveRequestID: Int64 = 0
    /// Splits its bytes into lines; holds an unfinished one.
    var framer = LineFramer(lineBytesMax: LineFramer.poolLineBytesMax)
    var transport = Transport.plain
    /// Bytes received and sent since the connection was made.
    var received: UInt64 = 0
    var sent: UInt64 = 0

    /// Whether there is a TCP connection or one is being made.
    var isConnected: Bool {
        switch phase {
        case .idle, .pausing: false
        case .connecting, .loggingIn, .awaitingJob, .active, .draining: true
        }
    }

    /// Why the connection must be given up at `now`; nil when there is no reason.
    func failure(at now: Instant) -> PoolFailure? {
        switch phase {
        case .idle, .pausing: return nil
        case .connecting(let deadline): return now >= deadline ? .connectTimeout : nil
        case .loggingIn(let deadline), .awaitingJob(let deadline), .draining(let deadline):
            return now >= deadline ? .noAnswer : nil
        case .active:
            if let sentAt = inFlight.oldestSentAt, now >= sentAt + Limits.poolAnswer { return .noAnswer }
            // Some pools never answer keepalives, and work.
            if answersKeepalives, let sentAt = keepaliveSentAt, now >= sentAt + Limits.poolAnswer { return .noAnswer }
            return nil
        }
    }

    /// Begins a new connection without any state of the previous one.
    mutating func restart(generation: UInt32, limit: Milliseconds, at now: Instant) {
        self = PoolSession()
        self.generation = generation
        phase = .connecting(deadline: now + limit)
    }

    mutating func takeRequestID() -> Int64 {
        defer { nextRequestID += 1 }
        return nextRequestID
    }
}

// MARK: - Coding

extension PoolSession {
    /// A million shares per second would reach it in a hundred thousand years.
    static let requestIDMax: Int64 = 1 << 62

    func encode(to writer: inout BinaryWriter) {
        writer.record { writer in
            phase.encode(to: &writer)
            writer.integer(generation)
            writer.bytes(session)
            writer.flag(hasAlgo)
            writer.flag(hasNicehash)
            writer.flag(hasKeepalive)
            writer.integer(nextRequestID)
            writer.integer(lastSentAt.microseconds)
            writer.integer(ifGiven: keepaliveSentAt?.microseconds)
            writer.integer(keepaliveRequestID)
            writer.integer(received)
            writer.integer(sent)
            framer.encode(to: &writer)
            inFlight.encode(to: &writer)
            writer.integer(ifGiven: loggedInAt?.microseconds)
            writer.flag(answersKeepalives)
            writer.flag(!earlyJob.isEmpty)
            earlyJob.first?.encode(to: &writer)
            writer.flag(redirect != nil)
            redirect?.encode(to: &writer)
            writer.integer(redirects)
            writer.integer(unknownJobs)
            writer.integer(oddLines)
            writer.integer(oddLinesSince.microseconds)
            writer.integer(keepaliveLead)
            writer.flag(hasAccepted)
            jobs.encode(to: &writer)
            transport.encode(to: &writer)
        }
    }

    init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        var reader = try reader.record()
        phase = try Phase(decoding: &reader)
        generation = try reader.integer()
        session = try reader.opaqueID("session.id")
        hasAlgo = try reader.flag()
        hasNicehash = try reader.flag()
        hasKeepalive = try reader.flag()
        nextRequestID = try reader.integer(in: 1...PoolSession.requestIDMax, "session.nextRequestID")
        lastSentAt = Instant(microseconds: try reader.integer())
        keepaliveSentAt = try reader.integer(ifGiven: UInt64.self).map { Instant(microseconds: $0) }
        keepaliveRequestID = try reader.integer()
        received = try reader.integer()
        sent = try reader.integer()
        framer = try LineFramer(decoding: &reader, lineBytesMax: LineFramer.poolLineBytesMax)
        inFlight = try SharesInFlight(decoding: &reader)
        guard nextRequestID >= inFlight.requestIDBound else { throw .badField("session.nextRequestID") }
        guard reader.remaining > 0 else { return }
        loggedInAt = try reader.integer(ifGiven: UInt64.self).map { Instant(microseconds: $0) }
        answersKeepalives = try reader.flag()
        earlyJob = try reader.flag() ? [try Job(decoding: &reader)] : []
        redirect = try reader.flag() ? try PoolRedirect(decoding: &reader) : nil
        redirects = try reader.integer()
        unknownJobs = try reader.integer()
        oddLines = try reader.integer()
        oddLinesSince = Instant(microseconds: try reader.integer())
        keepaliveLead = try reader.integer()
        guard reader.remaining > 0 else { return }
        hasAccepted = try reader.flag()
        jobs = try Allowance(decoding: &reader)
        if reader.remaining > 0 { transport = try Transport(decoding: &reader, as: .client) }
    }
}

extension PoolSession.Phase {
    fileprivate func encode(to writer: inout BinaryWriter) {
        let (kind, moment): (UInt8, Instant) =
            switch self {
            case .idle: (0, .never)
            case .pausing(let until): (1, until)
            case .connecting(let deadline): (2, deadline)
            case .loggingIn(let deadline): (3, deadline)
            case .awaitingJob(let deadline): (4, deadline)
            case .active: (5, .never)
            case .draining(let deadline): (6, deadline)
            }
        writer.integer(kind)
        writer.integer(moment.microseconds)
    }

    fileprivate init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        let kind: UInt8 = try reader.integer()
        let moment = Instant(microseconds: try reader.integer())
        switch kind {
        case 0: self = .idle
        case 1: self = .pausing(until: moment)
        case 2: self = .connecting(deadline: moment)
        case 3: self = .loggingIn(deadline: moment)
        case 4: self = .awaitingJob(deadline: moment)
        case 5: self = .active
        case 6: self = .draining(deadline: moment)
        default: throw .badField("session.phase")
        }
    }
}
