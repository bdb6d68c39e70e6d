internal import Configuration
internal import StratumSession

/// Which row of the workers table a miner counts in (behaviour.md §13).
struct MinerNaming {
    let mode: Settings.WorkerNaming

    /// nil when there are no rows.
    func worker(of miner: MinerIntroduction) -> String? {
        switch mode {
        case .none: nil
        case .rigID: miner.rigID.flatMap { $0.isEmpty ? nil : $0 } ?? miner.login
        case .user: miner.login
        case .password: miner.password ?? "unknown"
        case .agent: miner.agent ?? "unknown"
        case .ip: miner.address
        }
    }
}
