/// Planned restarts, while the service runs.
extension Service {
    /// Starts and stops the gateway as configured, and starts shards that are wanted. Shards that are not wanted any
    /// more are stopped by `advanceScaling`.
    mutating func meetWishes(at now: Int64) -> [Order] {
        tell(.start, at: now) { $0.isWanted && ($0.child.state == .stopped || $0.child.state == .idle) }
            + tell(.stop, at: now) { !$0.isWanted && !$0.isShard }
    }

    /// Begins the next planned restart as soon as the one in progress has ended.
    mutating func advanceRestarts(at now: Int64) -> [Order] {
        var orders: [Order] = []
        while true {
            if let name = underWay {
                switch progress(of: name) {
                case .goesOn: return orders
                case .failed:
                    callOffRestarts()
                    return orders + [.announce(.restartsHalted(at: name))]
                case .over: underWay = nil
                }
                if waiting.isEmpty { return orders + [.announce(.restarted)] }
            }
            guard !waiting.isEmpty, !holdsRestarts, !isMerging, !isSplitting else { return orders }
            let next = waiting.removeFirst()
            underWay = next.name
            // The connections of a shard outlive it, so its successor can be started first.
            let isShard = if case .shard = next.name { true } else { false }
            orders += tell(isShard && shardsHandOver ? .handOver : .restart, at: now) { member in
                // A process replaced meanwhile, for whatever reason, needs no other restart.
                member.name == next.name && member.isWanted && member.child.launches == next.launches
            }
        }
    }

    mutating func callOffRestarts() {
        waiting = []
        underWay = nil
    }

    private enum Progress { case goesOn, over, failed }

    private func progress(of name: ChildName) -> Progress {
        guard let child = child(name) else { return .over }
        switch child.state {
        case .ready: return child.handoverFault == nil ? .over : .failed
        // Each of these states ends: in `ready`, or in `failed` after ten crashes.
        case .starting, .terminating, .replacing, .handingOver, .merging, .splitting, .backoff, .stopping, .killing:
            return .goesOn
        case .failed:
            // Mining does not depend on the others.
            if case .shard = name { return .failed }
            return .over
        case .idle, .stopped, .draining, .drained: return .over
        }
    }
}
