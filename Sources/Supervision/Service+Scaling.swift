/// More and fewer shards while the service runs, and shards that stay empty.
extension Service {
    /// So many shards, and how long the miners of those that go may take.
    struct ScaleWish: Sendable, Codable, Equatable {
        var shards: Int
        var withinMillis: Int64
    }

    /// The shards in which a process is or shall be, in order.
    public var occupiedShards: [ChildName] {
        members.filter { $0.isShard && $0.isWanted && !$0.child.isVacated }.map(\.name)
    }

    /// The number of shards that is on its way; nil when there are as many as there shall be.
    public var scalesTo: Int? { scaling?.shards }

    /// The shard takes no new miners, sends its own away within so many milliseconds, and stays empty until `restart`.
    public mutating func drain(
        _ name: ChildName, withinMillis millis: Int64, at now: Int64
    ) throws(RestartRefusal) -> [Order] {
        try checkIsRunning()
        guard let member = members.first(where: { $0.name == name && $0.isShard && $0.isWanted }) else {
            throw .unknown(name)
        }
        if member.child.isVacated { return [] }
        if restarting.contains(name) { throw .isBeingReplaced(name) }
        if isSplitting { throw .isRebalancing }
        guard members.contains(where: { $0.name != name && $0.isServingShard }) else { throw .nobodyWouldServe }
        return tell(.drain(withinMillis: millis), at: now) { $0.name == name } + settle(at: now)
    }

    /// The operator wants so many shards, at least 1.
    public mutating func scale(
        to shards: Int, withinMillis millis: Int64, at now: Int64
    ) throws(RestartRefusal) -> [Order] {
        try checkIsRunning()
        // Those that are too many now may be the only ones that serve.
        let staysEmpty = self.shards.prefix(shards).allSatisfy { child($0)?.isVacated == true }
        if shards <= self.shards.count, staysEmpty { throw .nobodyWouldServe }
        return want(shards: shards, withinMillis: millis, at: now)
    }

    /// The same, whatever the service is doing: it is done as soon as it can be.
    public mutating func want(shards: Int, withinMillis millis: Int64, at now: Int64) -> [Order] {
        guard !isStopping else { return [] }
        scaling = ScaleWish(shards: shards, withinMillis: millis)
        return settle(at: now)
    }

    /// Goes on from the number of shards that there are to that which is wanted. Planned restarts are finished first.
    mutating func advanceScaling(at now: Int64) -> [Order] {
        var orders = removeDeparted()
        guard let wish = scaling, restarting.isEmpty, !isSplitting else { return orders }
        if shards.count > wish.shards { orders += sendAwayShards(beyond: wish, at: now) + removeDeparted() }
        // A shard that is still on its way out keeps its place until it is gone.
        guard members.allSatisfy({ $0.isWanted || !$0.isShard }) else { return orders }
        if shards.count < wish.shards { orders += add(shardsUpTo: wish.shards, at: now) }
        if members.allSatisfy({ !$0.isShard || $0.isSettled }), shards.count == wish.shards {
            scaling = nil
            orders.append(.announce(.scaled(to: wish.shards)))
        }
        return orders
    }

    /// A shard shall give at most that many miners to another one. Nothing else may be under way.
    public mutating func split(
        miners: Int, of name: ChildName, at now: Int64
    ) throws(RestartRefusal) -> [Order] {
        try checkMaySplit()
        return tell(.split(miners: miners), at: now) { $0.name == name } + settle(at: now)
    }

    /// Throws while miners cannot move from one shard that stays to another.
    public func checkMaySplit() throws(RestartRefusal) {
        try checkIsRunning()
        if let name = restarting.first { throw .isBeingReplaced(name) }
        guard scaling == nil, !isMerging else { throw .isScaling }
        guard shardsHandOver else { throw .keepsNoConnections }
    }

    private mutating func add(shardsUpTo count: Int, at now: Int64) -> [Order] {
        for number in shards.count..<count {
            let place = members.firstIndex { $0.stage == Service.lastStage } ?? members.endIndex
            members.insert(Member(name: .shard(number), stage: 1, child: Child(policy: policy)), at: place)
        }
        return [.announce(.grown(to: count))] + meetWishes(at: now)
    }

    /// The highest-numbered shards go: their miners move to those that stay, or are sent away where connections end with processes.
    private mutating func sendAwayShards(beyond wish: ScaleWish, at now: Int64) -> [Order] {
        guard members.contains(where: { $0.isServingShard && $0.isShard(below: wish.shards) }) else { return [] }
        // One that could not give its miners away, and was started again.
        let back = members.filter { !$0.isWanted && $0.isShard && $0.child.isReady }.map(\.name)
        let leaving = members.indices.filter { members[$0].isWanted && members[$0].isShard(from: wish.shards) }
        for index in leaving { members[index].isWanted = false }
        let names = leaving.map { members[$0].name }
        let drain = ChildEvent.drain(withinMillis: wish.withinMillis)
        let way: ChildEvent =
            shardsHandOver ? .move(drainWithinMillis: wish.withinMillis) : drain
        return tell(drain, at: now) { back.contains($0.name) } + tell(way, at: now) { names.contains($0.name) }
    }

    /// From the last one down, so that the numbers of those that are left have no gap.
    private mutating func removeDeparted() -> [Order] {
        var orders: [Order] = []
        while let last = members.lastIndex(where: \.isShard), !members[last].isWanted, members[last].child.isGone {
            members.remove(at: last)
            orders.append(.announce(.shrunk(to: shards.count)))
        }
        return orders
    }
}

extension Service.Member {
    fileprivate var isServingShard: Bool {
        switch child.state {
        case .ready, .handingOver, .splitting: isShard && isWanted
        case .idle, .starting, .terminating, .replacing, .merging, .draining, .backoff, .stopping, .killing, .failed,
            .stopped, .drained:
            false
        }
    }

    fileprivate func isShard(below count: Int) -> Bool {
        if case .shard(let number) = name { number < count } else { false }
    }

    fileprivate func isShard(from count: Int) -> Bool {
        if case .shard(let number) = name { number >= count } else { false }
    }

    /// Nothing more is to be waited for.
    fileprivate var isSettled: Bool {
        switch child.state {
        case .ready, .failed, .drained: true
        case .idle, .starting, .terminating, .replacing, .handingOver, .merging, .splitting, .draining, .backoff,
            .stopping,
            .killing, .stopped:
            false
        }
    }
}
