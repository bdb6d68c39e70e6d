internal import Configuration
internal import StratumSession

/// Which row of the workers table a miner counts in (behaviour.md §13).
struct MinerNaming {
    let mode: Settings.WorkerNaming

    private static let unknown = "unknown"

    /// nil when there are no rows.
    func worker(of miner: MinerIntroduction) -> String? {
        switch mode {
        case .none: nil
        case .rigID: miner.rigID.flatMap { $0.isEmpty ? nil : $0 } ?? user(of: miner)
        case .user: user(of: miner)
        case .password: miner.password ?? MinerNaming.unknown
        case .agent: miner.agent ?? MinerNaming.unknown
        case .ip: miner.address
        }
    }

    /// A miner may log in without a name.
    private func user(of miner: MinerIntroduction) -> String {
        miner.login.isEmpty ? MinerNaming.unknown : miner.login
    }
}
