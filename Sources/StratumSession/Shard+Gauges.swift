internal import StratumProtocol

/// The state of one upstream, for display.
public struct UpstreamView: Equatable, Sendable {
    /// As in `Shard.upstreamCounts` (docs/COMPATIBILITY.md, "Nonce slots").
    public enum State: Sendable {
        case active, sleeping, error
    }

    /// `SettledShare.upstream`
    public var id: UInt16
    public var state: State
    /// The pool that it uses or used last: an index into `Shard.poolDirectory`.
    public var pool: UInt8
    /// The miners in its nonce slots.
    public var miners: Int
    /// Of its current job; 0 = there is none, or the pool does not give it.
    public var difficulty: UInt64
    public var height: UInt64
    /// When its pool accepted the login; nil = it has no pool.
    public var loggedInAt: Instant?
    /// When its current job came; nil = there is none.
    public var jobAt: Instant?
    /// Verdicts of pools on its shares since it was opened.
    public var accepted: UInt64
    public var rejected: UInt64
    /// Shares that wait for a verdict.
    public var inFlight: Int

    /// A suspended one that was never used.
    public init(id: UInt16) {
        self.id = id
        state = .sleeping
        pool = 0
        miners = 0
        difficulty = 0
        height = 0
        accepted = 0
        rejected = 0
        inFlight = 0
    }
}

extension Shard {
    /// The names of the pools: those of the policy in its order, then former ones that upstreams still use or used
    /// last.
    public var poolDirectory: [String] { seatsByRank.map { seats[$0].pool.name } }

    /// Since when each pool of the directory is guarded; nil = it is not. Except for trials, a guarded pool gets only
    /// shares of miners with an accepted share.
    public var poolGuards: [Instant?] {
        seatsByRank.map { seats[$0].verdicts.isGuarded ? seats[$0].verdicts.guardedSince : nil }
    }

    /// All upstreams, in the order of their numbers.
    public var upstreamViews: [UpstreamView] {
        var places = [UInt8](repeating: .max, count: seats.count)
        for (place, seat) in seatsByRank.enumerated() { places[seat] = UInt8(place) }
        return upstreams.map { upstream in
            var view = upstream.view
            view.pool = places[Int(view.pool)]
            return view
        }
    }

    private var seatsByRank: [Int] {
        let used = seats.indices.filter { seat in
            seats[seat].rank != nil || upstreams.contains { Int($0.serving ?? $0.lastPool) == seat }
        }
        return used.sorted { (seats[$0].rank ?? .max, $0) < (seats[$1].rank ?? .max, $1) }
    }
}

extension Upstream {
    fileprivate var view: UpstreamView {
        var view = UpstreamView(id: index)
        if !isSuspended { view.state = activePool == nil ? .error : .active }
        view.pool = serving ?? lastPool
        view.miners = space.ownedCount
        if let current {
            view.difficulty = current.job.difficulty
            view.height = current.job.height
            view.jobAt = jobAt
        }
        view.loggedInAt = activePool.flatMap { sessions[$0].loggedInAt }
        view.accepted = accepted
        view.rejected = rejected
        view.inFlight = sessions.reduce(0) { $0 + $1.inFlight.count }
        return view
    }
}
