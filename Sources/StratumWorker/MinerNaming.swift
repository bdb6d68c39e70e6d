internal import Configuration
internal import StratumSession

/// Which row of the workers table a miner counts in (docs/COMPATIBILITY.md, "Worker names").
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

    /// The longest name in a log line; a login may be a wallet address of 106 characters with more behind.
    private static let logNameMax = 64

    /// The name as log lines show it; nil when there is none, or when it is a password. A blank or a control character in it would
    /// look like another field, or command a terminal.
    func logName(of miner: MinerIntroduction) -> String? {
        guard mode != .password, let name = worker(of: miner) else { return nil }
        let clean = name.unicodeScalars.prefix(MinerNaming.logNameMax).map { (scalar) -> Unicode.Scalar in
            switch scalar.properties.generalCategory {
            case .spaceSeparator: "_"
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: "?"
            default: scalar
            }
        }
        return String(String.UnicodeScalarView(clean))
    }

    /// A miner may log in without a name.
    private func user(of miner: MinerIntroduction) -> String {
        miner.login.isEmpty ? MinerNaming.unknown : miner.login
    }
}
