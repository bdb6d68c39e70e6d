internal import Configuration
internal import StratumSession

/// Selects the row of the workers table for a miner (docs/COMPATIBILITY.md, "Worker names").
struct MinerNaming {
    let mode: Settings.WorkerNaming

    private static let unknown = "unknown"

    /// nil when the table has no rows.
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

    /// The longest name in a log line. A login may be a wallet address of 106 characters with a suffix.
    private static let logNameMax = 64

    /// The name in log lines; nil when there is none, or when it is a password. Blanks are replaced, because they would
    /// look like another field, and control characters, because they would control the terminal.
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

    /// The login, which may be empty.
    private func user(of miner: MinerIntroduction) -> String {
        miner.login.isEmpty ? MinerNaming.unknown : miner.login
    }
}
