internal import Configuration
internal import Continuity
internal import Control
internal import DaemonKit
internal import Logging
internal import Supervision

/// A rebalancing that the operator requested. It moves miners between shards in steps.
struct RebalanceRound {
    /// Shards that have not reported their load since the last step.
    var unheard: Set<ChildName>
    /// Shards from which no miners could be moved.
    var stuck: Set<ChildName> = []
    var steps = 0
    /// The number of steps that moved miners.
    var moves = 0

    /// Each step moves half of a difference or excludes one shard, so there are a few steps for each shard.
    static let stepsMax = 4 * 256
}

extension ServiceRun {
    /// - Parameter isRequested: by the operator.
    func rebalance(isRequested: Bool = true) -> ControlReply {
        do throws(RestartRefusal) {
            try service.checkMaySplit()
            guard rebalancing == nil else { return .begun }
            if isRequested { log.notice("rebalancing requested") }
            rebalancing = RebalanceRound(unheard: splittableShards)
            return .begun
        } catch {
            return .refused(error.answer(shards: settings.shards))
        }
    }

    /// Shards that can give and receive miners.
    private var splittableShards: Set<ChildName> {
        Set(
            service.occupiedShards.filter { name in
                if case .ready = service.child(name)?.state { children[name]?.hasSuccession == true } else { false }
            })
    }

    /// Called when a shard has reported its load. The next step is decided when all shards have reported since the last
    /// one.
    func goOnRebalancing(heard name: ChildName) {
        guard var round = rebalancing, !service.isSplitting else { return }
        round.unheard.remove(name)
        let shards = splittableShards
        round.unheard.formIntersection(shards)
        rebalancing = round
        guard round.unheard.isEmpty else { return }
        let miners = shards.reduce(into: [:]) { $0[$1] = children[$1]?.load?.miners ?? 0 }
        guard round.steps < RebalanceRound.stepsMax, let step = Rebalancing.step(miners, except: round.stuck) else {
            return endRebalancing(miners)
        }
        rebalancing?.steps += 1
        rebalancing?.unheard = shards
        do throws(RestartRefusal) {
            perform(try service.split(miners: step.miners, of: step.from, at: now))
        } catch {
            // Another operation has started meanwhile.
            endRebalancing(miners)
        }
    }

    private func endRebalancing(_ miners: [ChildName: Int]) {
        let moves = rebalancing?.moves ?? 0
        rebalancing = nil
        let shards = miners.sorted { "\($0.key)" < "\($1.key)" }.map { "\($0.key) \($0.value)" }
        log.notice("rebalanced in \(counted(moves, "move")): miners of \(shards.joined(separator: ", "))")
    }
}
