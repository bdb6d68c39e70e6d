/// An instruction for the performer. Orders are carried out in sequence.
public enum Order: Equatable, Sendable {
    case child(ChildName, ChildAction)
    case announce(Announcement)
}

/// A report about the service as a whole.
public enum Announcement: Equatable, Sendable {
    /// Everything was started and at least one shard serves. Reported once.
    case serving(shards: Int)
    /// The last shard has failed. The service stops: it is better to refuse miners, which then use their second proxy,
    /// than to leave them waiting in the queue of a socket that no process serves.
    case nothingServes(Failure)
    /// The planned restarts are done: every place concerned has a new process that is ready.
    case restarted
    /// The new process of this shard has failed, and the remaining restarts are cancelled: what broke one shard would
    /// break the others.
    case restartsHalted(at: ChildName)
    /// The number of shards grows to this; the new ones are started next.
    case grown(to: Int)
    /// The last shard was removed; this many are left.
    case shrunk(to: Int)
    /// The requested number of shards is reached, and each of the new ones serves or has failed.
    case scaled(to: Int)
    /// No process is left.
    case stopped
}

/// Why a planned restart, or another change of the shards, cannot begin.
public enum RestartRefusal: Error, Equatable, Sendable {
    case serviceIsStarting
    case serviceIsStopping
    /// There is no such place, or it is not wanted.
    case unknown(ChildName)
    /// It is draining.
    case isDraining(ChildName)
    /// A planned restart of it has not finished.
    case isBeingReplaced(ChildName)
    /// No other shard would serve.
    case nobodyWouldServe
    /// Miners are moving from one shard to another.
    case isRebalancing
    /// The number of shards is changing.
    case isScaling
    /// Connections end with their process, so miners cannot move.
    case keepsNoConnections
}

/// All children of a service: it starts them in order (collector, shards, gateway), stops them in reverse order, and
/// restarts each on its own in between. While the service runs, a crash of one child never affects another.
///
/// Planned restarts wait in a queue: one place at a time, each when the process of the one before is ready.
///
/// A stage of the start ends when each of its children is ready or has crashed once, or when the stage times out. A
/// stage of the stop ends when all its processes are gone.
///
/// All of it can be encoded (`Codable`) at any moment, so that a newer supervisor can continue (docs/HANDOVER.md). The
/// names of the fields are part of that format: a renamed field is a change of the format.
public struct Service: Sendable, Codable, Equatable {
    struct Member: Sendable, Codable, Equatable {
        let name: ChildName
        let stage: Int
        var child: Child
        /// False for a gateway that was switched off, and for a shard to be removed.
        var isWanted = true

        var isShard: Bool { if case .shard = name { true } else { false } }
    }

    private enum Phase: Equatable, Codable {
        case idle
        case starting(stage: Int, nextAt: Int64)
        case running
        case stopping(stage: Int)
        case stopped
    }

    /// A request to replace a process; `launches` identifies it, as the number of processes started in its place until
    /// then.
    struct RestartWish: Sendable, Codable, Equatable {
        let name: ChildName
        let launches: Int
    }

    static let lastStage = 2

    var members: [Member]
    private var phase = Phase.idle
    /// True since `Announcement.serving`.
    public private(set) var hasServed = false
    /// Planned restarts that have not begun, in order.
    var waiting: [RestartWish] = []
    /// The planned restart in progress.
    var underWay: ChildName?
    /// A scaling in progress; nil = the number of shards is the requested one.
    var scaling: ScaleWish?
    private(set) var policy = RestartPolicy()
    /// False when the connections of a shard end with its process, so that starting its successor first would be of no
    /// use.
    public var shardsHandOver = true
    /// True while no planned restart may begin; one in progress continues.
    var holdsRestarts = false

    private enum CodingKeys: CodingKey {
        case members, phase, hasServed, waiting, underWay, scaling
    }

    public init(shards: Int, hasGateway: Bool, policy: RestartPolicy) {
        self.policy = policy
        members = [Member(name: .collector, stage: 0, child: Child(policy: policy))]
        members += (0..<shards).map { Member(name: .shard($0), stage: 1, child: Child(policy: policy)) }
        if hasGateway {
            members.append(Member(name: .gateway, stage: Service.lastStage, child: Child(policy: policy)))
        }
    }

    /// The service of another supervisor, continued under these limits.
    public init(resuming service: Service, policy: RestartPolicy) {
        self = service
        self.policy = policy
        for index in members.indices { members[index].child.policy = policy }
    }

    // MARK: - Queries

    /// The places whose planned restart has not finished, the one in progress first.
    public var restarting: [ChildName] {
        (underWay.map { [$0] } ?? []) + waiting.map(\.name).filter { $0 != underWay }
    }

    /// The shards, in order.
    public var shards: [ChildName] { members.filter { $0.stage == 1 }.map(\.name) }

    /// Every child, in the order of starting.
    public var names: [ChildName] { members.map(\.name) }

    /// The same without a gateway that was switched off and is gone.
    public var wantedNames: [ChildName] {
        members.filter { $0.isWanted || $0.child.mayBeAlive }.map(\.name)
    }

    public func child(_ name: ChildName) -> Child? {
        members.first { $0.name == name }?.child
    }

    public var readyShards: Int {
        members.count { member in
            if case .ready = member.child.state { member.stage == 1 } else { false }
        }
    }

    public var isStopping: Bool {
        switch phase {
        case .stopping, .stopped: true
        case .idle, .starting, .running: false
        }
    }

    /// When `advance` must be called; nil = not before the next event.
    public var deadline: Int64? {
        var times = members.compactMap(\.child.deadline)
        if case .starting(_, let nextAt) = phase { times.append(nextAt) }
        return times.min()
    }

    // MARK: - Verbs

    /// Starts the first stage; the others follow when the stage before them ends.
    public mutating func start(at now: Int64) -> [Order] {
        guard phase == .idle else { return [] }
        phase = .starting(stage: 0, nextAt: now + policy.stageWithinMillis)
        return tell(.start, at: now) { $0.stage == 0 } + settle(at: now)
    }

    /// Handles an event of one child.
    /// - Parameter jitter: 0 ..< 1, a new random value for each call.
    public mutating func handle(
        _ event: ChildEvent, of name: ChildName, at now: Int64, jitter: Double = 0
    ) -> [Order] {
        if event == .start, isStopping { return [] }
        return tell(event, at: now, jitter: jitter) { $0.name == name && ($0.isWanted || event != .start) }
            + settle(at: now)
    }

    /// Restarts the processes of these places. A failed one is retried at once.
    /// - Throws: while the service starts or stops, and when a place is unknown or draining.
    public mutating func restart(_ names: [ChildName], at now: Int64) throws(RestartRefusal) -> [Order] {
        try checkIsRunning()
        for name in names {
            guard let member = members.first(where: { $0.name == name && $0.isWanted }) else { throw .unknown(name) }
            if case .draining = member.child.state { throw .isDraining(name) }
        }
        return enqueue(names, at: now)
    }

    /// Throws while the service starts or stops.
    public func checkIsRunning() throws(RestartRefusal) {
        switch phase {
        case .idle, .starting: throw .serviceIsStarting
        case .stopping, .stopped: throw .serviceIsStopping
        case .running: break
        }
    }

    /// True while a place has two processes or a shard is to absorb another one: the supervisor cannot be upgraded
    /// then.
    public var isHandingOver: Bool {
        isMerging || isSplitting || members.contains { if case .handingOver = $0.child.state { true } else { false } }
    }

    /// True while the miners of a shard move to another one.
    var isMerging: Bool {
        members.contains { if case .merging = $0.child.state { true } else { false } }
    }

    /// True while some miners of a shard move to another one.
    public var isSplitting: Bool {
        members.contains { if case .splitting = $0.child.state { true } else { false } }
    }

    /// Holds planned restarts that have not begun, or releases them.
    public mutating func holdRestarts(_ holds: Bool, at now: Int64) -> [Order] {
        holdsRestarts = holds
        return settle(at: now)
    }

    /// Replaces the processes of these places, because what is started from now on differs from what was started
    /// before. While the service starts this waits until everything runs; while it stops it has no effect.
    /// Intentionally empty places stay empty.
    public mutating func replace(_ names: [ChildName], at now: Int64) -> [Order] {
        enqueue(names.filter { child($0)?.isVacated == false }, at: now)
    }

    private mutating func enqueue(_ names: [ChildName], at now: Int64) -> [Order] {
        guard !isStopping else { return [] }
        for name in names {
            guard let child = child(name) else { continue }
            let wish = RestartWish(name: name, launches: child.launches)
            if let index = waiting.firstIndex(where: { $0.name == name }) {
                waiting[index] = wish
            } else {
                waiting.append(wish)
            }
        }
        return settle(at: now)
    }

    /// Switches the gateway on or off.
    public mutating func wantGateway(_ isWanted: Bool, at now: Int64) -> [Order] {
        guard !isStopping else { return [] }
        if let index = members.firstIndex(where: { $0.name == .gateway }) {
            members[index].isWanted = isWanted
        } else if isWanted {
            members.append(Member(name: .gateway, stage: Service.lastStage, child: Child(policy: policy)))
        }
        return settle(at: now)
    }

    /// Handles passed deadlines.
    public mutating func advance(to now: Int64, jitter: Double = 0) -> [Order] {
        tell(.deadline, at: now, jitter: jitter) { _ in true } + settle(at: now)
    }

    /// Stops everything in order, in a bounded time.
    public mutating func stop(at now: Int64) -> [Order] {
        switch phase {
        case .stopping, .stopped:
            return []
        case .idle, .starting, .running:
            phase = .stopping(stage: Service.lastStage)
            callOffRestarts()
            return tell(.stop, at: now) { $0.stage == Service.lastStage } + settle(at: now)
        }
    }

    /// Kills everything that is left.
    public mutating func stopAtOnce(at now: Int64) -> [Order] {
        guard phase != .stopped else { return [] }
        phase = .stopping(stage: 0)
        callOffRestarts()
        return tell(.stopAtOnce, at: now) { _ in true } + settle(at: now)
    }

    // MARK: - Transitions of the service

    mutating func tell(
        _ event: ChildEvent, at now: Int64, jitter: Double = 0, _ isMeant: (Member) -> Bool
    ) -> [Order] {
        var orders: [Order] = []
        for index in members.indices where isMeant(members[index]) {
            let actions = members[index].child.handle(event, at: now, jitter: jitter)
            orders += actions.map { .child(members[index].name, $0) }
        }
        return orders
    }

    mutating func settle(at now: Int64) -> [Order] {
        var orders: [Order] = []
        while true {
            switch phase {
            case .starting(let stage, let nextAt):
                if let failure = failureOfAllShards { return orders + giveUp(failure, at: now) }
                guard now >= nextAt || hasHadItsSay(stage: stage) else { return orders }
                if stage == Service.lastStage {
                    phase = .running
                } else {
                    phase = .starting(stage: stage + 1, nextAt: now + policy.stageWithinMillis)
                    orders += tell(.start, at: now) { $0.stage == stage + 1 && $0.isWanted }
                }
            case .running:
                if let failure = failureOfAllShards { return orders + giveUp(failure, at: now) }
                if !hasServed, readyShards > 0 {
                    hasServed = true
                    orders.append(.announce(.serving(shards: readyShards)))
                }
                orders += meetWishes(at: now)
                orders += advanceRestarts(at: now)
                return orders + advanceScaling(at: now)
            case .stopping(let stage):
                // In any stage, a place without a process must not get one any more.
                orders += tell(.stop, at: now) { !$0.child.mayBeAlive || $0.child.isReplacing }
                guard members.allSatisfy({ $0.stage < stage || !$0.child.mayBeAlive }) else { return orders }
                if stage == 0 {
                    phase = .stopped
                    return orders + [.announce(.stopped)]
                }
                phase = .stopping(stage: stage - 1)
                orders += tell(.stop, at: now) { $0.stage == stage - 1 }
            case .idle, .stopped:
                return orders
            }
        }
    }

    private mutating func giveUp(_ failure: Failure, at now: Int64) -> [Order] {
        [.announce(.nothingServes(failure))] + stop(at: now)
    }

    /// True when every child of the stage is ready or has crashed at least once.
    private func hasHadItsSay(stage: Int) -> Bool {
        members.allSatisfy { member in
            guard member.stage == stage else { return true }
            if case .starting = member.child.state { return member.child.deaths > 0 }
            return true
        }
    }

    /// Set when all shards have failed, apart from drained ones: the reason of the last one in order.
    private var failureOfAllShards: Failure? {
        var reason: Failure?
        for member in members where member.isShard && member.child.state != .drained {
            guard case .failed(let failure) = member.child.state else { return nil }
            reason = failure
        }
        return reason
    }
}
