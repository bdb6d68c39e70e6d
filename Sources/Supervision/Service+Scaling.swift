/// Scaling while the service runs, and shards that stay empty.
extension Service {
    /// The requested number of shards, and the time in milliseconds in which the miners of removed shards are
    /// disconnected if they cannot be moved.
    struct ScaleWish: Sendable, Codable, Equatable {
        var shards: Int
        var withinMillis: Int64
    }

    /// The shards that have a process or are to have one, in order.
    public var occupiedShards: [ChildName] {
        members.filter { $0.isShard && $0.isWanted && !$0.child.isVacated }.map(\.name)
    }

    /// The number of shards that a scaling in progress leads to; nil when none is in progress.
    public var scalesTo: Int? { scaling?.shards }

    /// The shard accepts no new miners, disconnects its own within `millis` milliseconds, and stays empty until
    /// `restart`.
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

    /// Changes the number of shards, at least 1.
    /// - Throws: while the service starts or stops, and when no shard would serve.
    public mutating func scale(
        to shards: Int, withinMillis millis: Int64, at now: Int64
    ) throws(RestartRefusal) -> [Order] {
        try checkIsRunning()
        // The shards to be removed may be the only ones that serve.
        let staysEmpty = self.shards.prefix(shards).allSatisfy { child($0)?.isVacated == true }
        if shards <= self.shards.count, staysEmpty { throw .nobodyWouldServe }
        return want(shards: shards, withinMillis: millis, at: now)
    }

    /// The same without checks: scales as soon as possible.
    public mutating func want(shards: Int, withinMillis millis: Int64, at now: Int64) -> [Order] {
        guard !isStopping else { return [] }
        scaling = ScaleWish(shards: shards, withinMillis: millis)
        return settle(at: now)
    }

    /// Adds or removes shards until their number is the requested one. Planned restarts are finished first.
    mutating func advanceScaling(at now: Int64) -> [Order] {
        var orders = removeDeparted()
        guard let wish = scaling, restarting.isEmpty, !isSplitting else { return orders }
        if shards.count > wish.shards { orders += sendAwayShards(beyond: wish, at: now) + removeDeparted() }
        // An exiting shard keeps its place until it is gone.
        guard members.allSatisfy({ $0.isWanted || !$0.isShard }) else { return orders }
        if shards.count < wish.shards { orders += add(shardsUpTo: wish.shards, at: now) }
        if members.allSatisfy({ !$0.isShard || $0.isSettled }), shards.count == wish.shards {
            scaling = nil
            orders.append(.announce(.scaled(to: wish.shards)))
        }
        return orders
    }

    /// Moves at most this many miners of a shard to another one. No other change may be in progress.
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

    /// Removes the highest-numbered shards: their miners move to the others, or are disconnected if connections end
    /// with processes.
    private mutating func sendAwayShards(beyond wish: ScaleWish, at now: Int64) -> [Order] {
        guard members.contains(where: { $0.isServingShard && $0.isShard(below: wish.shards) }) else { return [] }
        // A shard that could not be merged, and was started again.
        let back = members.filter { !$0.isWanted && $0.isShard && $0.child.isReady }.map(\.name)
        let leaving = members.indices.filter { members[$0].isWanted && members[$0].isShard(from: wish.shards) }
        for index in leaving { members[index].isWanted = false }
        let names = leaving.map { members[$0].name }
        let drain = ChildEvent.drain(withinMillis: wish.withinMillis)
        let way: ChildEvent =
            shardsHandOver ? .move(drainWithinMillis: wish.withinMillis) : drain
        return tell(drain, at: now) { back.contains($0.name) } + tell(way, at: now) { names.contains($0.name) }
    }

    /// Removes from the last one down, so that the numbers of the remaining shards have no gap.
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

    /// Nothing of it is in progress.
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
