internal import StratumProtocol

/// Our side of one upstream's dealings with one pool.
struct PoolSession {
    enum Phase: Equatable {
        /// Not wanted.
        case idle
        /// Failed; tried again then.
        case pausing(until: Instant)
        case connecting(deadline: Instant)
        case loggingIn(deadline: Instant)
        /// Logged in; a pool that gives no job is of no use.
        case awaitingJob(deadline: Instant)
        /// It has given a job.
        case active
        /// A better pool has taken over; this one may still answer what it was asked.
        case draining(deadline: Instant)
    }

    /// Every connection begins with its login, under this id.
    static let loginRequestID: Int64 = 1

    var phase = Phase.idle
    var generation: UInt32 = 0
    var session = PoolSessionID()
    /// When the pool has let us in.
    var loggedInAt: Instant?
    var hasAlgo = false
    var hasNicehash = false
    var hasKeepalive = false
    var nextRequestID = PoolSession.loginRequestID + 1
    var inFlight = SharesInFlight()
    var lastSentAt = Instant(microseconds: 0)
    /// When the keepalive went out that has not been answered; no other is sent meanwhile.
    var keepaliveSentAt: Instant?
    var keepaliveRequestID: Int64 = 0

    /// Whether a TCP connection is there or being made.
    var isConnected: Bool {
        switch phase {
        case .idle, .pausing: false
        case .connecting, .loggingIn, .awaitingJob, .active, .draining: true
        }
    }

    /// Why the pool must be given up at `now`; nil when all is well.
    func failure(at now: Instant) -> PoolFailure? {
        switch phase {
        case .idle, .pausing: return nil
        case .connecting(let deadline): return now >= deadline ? .connectTimeout : nil
        case .loggingIn(let deadline), .awaitingJob(let deadline), .draining(let deadline):
            return now >= deadline ? .noAnswer : nil
        case .active:
            if let sentAt = inFlight.oldestSentAt, now >= sentAt + Limits.poolAnswer { return .noAnswer }
            if let sentAt = keepaliveSentAt, now >= sentAt + Limits.poolAnswer { return .noAnswer }
            return nil
        }
    }

    /// Begins a new connection: nothing of the one before remains.
    mutating func restart(generation: UInt32, at now: Instant) {
        self = PoolSession()
        self.generation = generation
        phase = .connecting(deadline: now + Limits.poolConnect)
    }

    mutating func takeRequestID() -> Int64 {
        defer { nextRequestID += 1 }
        return nextRequestID
    }
}
