internal import Configuration
internal import Control
internal import DaemonKit
internal import Logging
internal import Supervision

/// Miners move between shards, step by step, because the operator wants that.
struct RebalanceRound {
    /// Shards whose numbers are older than the last step.
    var unheard: Set<ChildName>
    /// Shards that could not give.
    var stuck: Set<ChildName> = []
    var steps = 0
    /// How many of them moved miners.
    var moves = 0

    /// Each step moves half of a difference or ends for one shard, so it takes a few for each shard.
    static let stepsMax = 4 * 256
}

extension ServiceRun {
    func rebalance() -> ControlReply {
        do throws(RestartRefusal) {
            try service.checkMaySplit()
            guard rebalancing == nil else { return .begun }
            log.notice("rebalancing requested")
            rebalancing = RebalanceRound(unheard: splittableShards)
            return .begun
        } catch {
            return .refused(error.answer(shards: settings.shards))
        }
    }

    /// Shards that can give miners and take them.
    private var splittableShards: Set<ChildName> {
        Set(
            service.occupiedShards.filter { name in
                if case .ready = service.child(name)?.state { children[name]?.hasSuccession == true } else { false }
            })
    }

    /// A shard has told how many miners it has. The next step is decided when all have since the last one.
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
            // Something else has begun meanwhile.
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
