/// Planned restarts: what follows from the states of all while the service runs.
extension Service {
    /// The gateway comes and goes with the configuration; shards that are not wanted any more see to it themselves (`advanceScaling`).
    mutating func meetWishes(at now: Int64) -> [Order] {
        tell(.start, at: now) { $0.isWanted && ($0.child.state == .stopped || $0.child.state == .idle) }
            + tell(.stop, at: now) { !$0.isWanted && !$0.isShard }
    }

    /// Goes on to the next place as soon as the one under way is done with.
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
            // The connections of a shard outlive it, so its successor can come first.
            let isShard = if case .shard = next.name { true } else { false }
            orders += tell(isShard && shardsHandOver ? .handOver : .restart, at: now) { member in
                // Whose process has been replaced meanwhile, for whatever reason, has what was asked for.
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
        // Each of these ends: in `ready`, or after ten deaths in `failed`.
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
