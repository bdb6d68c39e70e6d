/// What the performer shall do next, in this order.
public enum Order: Equatable, Sendable {
    case child(ChildName, ChildAction)
    case announce(Announcement)
}

/// A report about the service as a whole.
public enum Announcement: Equatable, Sendable {
    /// Everything has been started and at least one shard serves. Comes once.
    case serving(shards: Int)
    /// The last shard has failed. The service stops: better that miners are refused and go to their second
    /// proxy than that they wait in the queue of a socket which nobody serves.
    case nothingServes(Failure)
    /// The planned restarts are done: every place that was to get a new process has one that is ready.
    case restarted
    /// The new process of this shard has failed, and the restarts that were to follow are called off: what broke one
    /// shard would break the others.
    case restartsHalted(at: ChildName)
    /// From here on there are so many shards; the new ones are started next.
    case grown(to: Int)
    /// The last shard is gone for good, and so many are left.
    case shrunk(to: Int)
    /// As many shards as were asked for, and each of the new ones serves or has failed.
    case scaled(to: Int)
    /// No process is left.
    case stopped
}

/// Why a planned restart, or another change of the shards, cannot be begun.
public enum RestartRefusal: Error, Equatable, Sendable {
    case serviceIsStarting
    case serviceIsStopping
    /// There is no such place, or it is not wanted.
    case unknown(ChildName)
    /// Its miners are being sent away.
    case isDraining(ChildName)
    /// A planned restart of it is not finished.
    case isBeingReplaced(ChildName)
    /// No other shard would serve.
    case nobodyWouldServe
    /// Miners move from one shard to another.
    case isRebalancing
    /// The number of shards changes.
    case isScaling
    /// Connections end with their process, so miners cannot move.
    case keepsNoConnections
}

/// All children of a service: the order of starting (collector, shards, gateway), of stopping (the reverse), and
/// one-for-one restarts between. What happens to one child never touches another while the service runs.
///
/// Planned restarts wait in a queue: one place after the other, each when the one before has a process that is ready.
///
/// A stage of the start goes on when each of its children has had its say (ready, or dead once), or has kept the others
/// waiting for too long. A stage of the stop goes on when all its processes are gone.
///
/// All of it can be written down (`Codable`), at any moment, for a newer supervisor to go on from (docs/HANDOVER.md).
/// What is written is part of that contract: a name that is changed here is a new format there.
public struct Service: Sendable, Codable, Equatable {
    struct Member: Sendable, Codable, Equatable {
        let name: ChildName
        let stage: Int
        var child: Child
        /// False of a gateway that was switched off, and of a shard that is one too many.
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

    /// The process that was the last one of its place when it was asked for shall be replaced.
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
    /// The one that has.
    var underWay: ChildName?
    /// How many shards there shall be; nil = as many as there are.
    var scaling: ScaleWish?
    private(set) var policy = RestartPolicy()
    /// False when the connections of a shard end with its process, so that a successor beside it would be of no use.
    public var shardsHandOver = true
    /// True while no planned restart may begin; the one under way goes on.
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

    /// Another supervisor's service, from now on under these limits.
    public init(resuming service: Service, policy: RestartPolicy) {
        self = service
        self.policy = policy
        for index in members.indices { members[index].child.policy = policy }
    }

    // MARK: - Questions

    /// The places whose planned restart is not finished, the one under way first.
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

    /// When `advance` wants to be called; nil = not before the next event.
    public var deadline: Int64? {
        var times = members.compactMap(\.child.deadline)
        if case .starting(_, let nextAt) = phase { times.append(nextAt) }
        return times.min()
    }

    // MARK: - Verbs

    public mutating func start(at now: Int64) -> [Order] {
        guard phase == .idle else { return [] }
        phase = .starting(stage: 0, nextAt: now + policy.stageWithinMillis)
        return tell(.start, at: now) { $0.stage == 0 } + settle(at: now)
    }

    /// Something happened to one child.
    /// - Parameter jitter: 0 ..< 1, fresh for each call.
    public mutating func handle(
        _ event: ChildEvent, of name: ChildName, at now: Int64, jitter: Double = 0
    ) -> [Order] {
        if event == .start, isStopping { return [] }
        return tell(event, at: now, jitter: jitter) { $0.name == name && ($0.isWanted || event != .start) }
            + settle(at: now)
    }

    /// The operator wants new processes in these places. One that has failed is tried again at once.
    public mutating func restart(_ names: [ChildName], at now: Int64) throws(RestartRefusal) -> [Order] {
        try checkIsRunning()
        for name in names {
            guard let member = members.first(where: { $0.name == name && $0.isWanted }) else { throw .unknown(name) }
            if case .draining = member.child.state { throw .isDraining(name) }
        }
        return enqueue(names, at: now)
    }

    /// Throws while the service starts or stops: no time for plans.
    public func checkIsRunning() throws(RestartRefusal) {
        switch phase {
        case .idle, .starting: throw .serviceIsStarting
        case .stopping, .stopped: throw .serviceIsStopping
        case .running: break
        }
    }

    /// True while two processes are in one place, or one shard is to absorb another: no moment for the performer to become
    /// another program.
    public var isHandingOver: Bool {
        isMerging || isSplitting || members.contains { if case .handingOver = $0.child.state { true } else { false } }
    }

    /// True while the miners of a shard move to another one.
    var isMerging: Bool {
        members.contains { if case .merging = $0.child.state { true } else { false } }
    }

    /// True while a shard gives some of its miners to another one.
    public var isSplitting: Bool {
        members.contains { if case .splitting = $0.child.state { true } else { false } }
    }

    /// From now on, or no longer, planned restarts that have not begun wait.
    public mutating func holdRestarts(_ holds: Bool, at now: Int64) -> [Order] {
        holdsRestarts = holds
        return settle(at: now)
    }

    /// What is started from now on is another thing than what was started before: these places need new processes. During
    /// the start of the service this waits until everything runs; during its end it is no matter any more.
    /// Those without one by will stay so.
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

    /// Whether there shall be a gateway.
    public mutating func wantGateway(_ isWanted: Bool, at now: Int64) -> [Order] {
        guard !isStopping else { return [] }
        if let index = members.firstIndex(where: { $0.name == .gateway }) {
            members[index].isWanted = isWanted
        } else if isWanted {
            members.append(Member(name: .gateway, stage: Service.lastStage, child: Child(policy: policy)))
        }
        return settle(at: now)
    }

    /// Time has passed.
    public mutating func advance(to now: Int64, jitter: Double = 0) -> [Order] {
        tell(.deadline, at: now, jitter: jitter) { _ in true } + settle(at: now)
    }

    /// Ends everything in order, in a bounded time.
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

    // MARK: - What follows from the states of all

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
                // Whoever has no process now shall not get one any more, whatever the stage.
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

    /// True when every child of the stage has become ready or has died at least once.
    private func hasHadItsSay(stage: Int) -> Bool {
        members.allSatisfy { member in
            guard member.stage == stage else { return true }
            if case .starting = member.child.state { return member.child.deaths > 0 }
            return true
        }
    }

    /// Set when every shard has failed, of those that are not empty by will: the reason of the last one in order.
    private var failureOfAllShards: Failure? {
        var reason: Failure?
        for member in members where member.isShard && member.child.state != .drained {
            guard case .failed(let failure) = member.child.state else { return nil }
            reason = failure
        }
        return reason
    }
}
