internal import StratumProtocol

/// What a pool's refusal means for the session, beyond the refused request.
///
/// Pools of the node families forget a session after some minutes, or ban an address, and keep the connection open:
/// every later share is refused. Only the text of the refusal shows that.
enum RefusalMeaning: Equatable {
    /// It concerns only the request.
    case request
    /// The share is wrong, which is its miner's fault: the refusals that pools count before they ban an address.
    case badShare
    /// The pool does not know the job. That is normal for a job that it has replaced; for its current job, several
    /// times in a row, it means that the session is broken.
    case unknownJob
    /// The same in the text of pools that check the session by its jobs: once for the current job means that the
    /// session is broken.
    case invalidJobID
    /// The pool does not know the session: log in again.
    case forgotten
    /// The pool refuses this proxy's address or login for some time.
    case banned

    /// - Parameter text: the pool's text. Letter case and leading blanks do not matter.
    init(_ text: String) {
        let words = text.lowercased().drop { $0 == " " || $0 == "\t" }
        if RefusalMeaning.bans.contains(where: { words.contains($0) }) {
            self = .banned
        } else if RefusalMeaning.forgets.contains(where: { words.hasPrefix($0) }) {
            self = .forgotten
        } else if words.hasPrefix("invalid job id") || words.hasPrefix("invalid jobid") {
            self = .invalidJobID
        } else if RefusalMeaning.unknownJobs.contains(where: { words.hasPrefix($0) }) {
            self = .unknownJob
        } else if RefusalMeaning.badShares.contains(where: { words.contains($0) }) {
            self = .badShare
        } else {
            self = .request
        }
    }

    /// The refusal that miners get instead of the pool's text; nil when that can be relayed. XMRig drops its connection
    /// on refusals that begin with `Unauthenticated`, `your IP is banned`, `IP Address currently banned` or
    /// `Invalid job id`, and waits for its retry pause (docs/decisions/0003).
    var relayedAs: MinerReply.Refusal? {
        switch self {
        case .request, .badShare, .unknownJob: nil
        case .invalidJobID: .staleShare
        case .forgotten, .banned: .badGateway
        }
    }

    /// Anywhere in the text: "Your IP is banned", "IP Address currently banned", "You have been blacklisted".
    private static let bans = ["banned", "blacklisted", "blocklisted", "ip is blocked", "address is blocked"]

    /// Anywhere in the text: "Rejected share: invalid result", "Low difficulty share". Late shares ("Block expired",
    /// "Stale share") and rate limits ("Throttled") are not included.
    private static let badShares = [
        "duplicate", "invalid share", "share is invalid", "invalid pow", "bad hash", "wrong hash", "invalid hash",
        "rejected share", "low diff", "invalid result", "invalid nonce", "malformed", "above target",
    ]

    /// At the start of the text.
    private static let forgets = [
        "unauthenticated", "unauthorized", "unauthorised", "not authenticated", "not authorized", "not authorised",
        "not logged in", "not subscribed", "login first", "please login", "please log in", "login required",
        "no session", "no such session", "invalid session", "unknown session", "session ", "invalid client id",
        "unknown client", "invalid miner id", "unknown miner", "miner not found", "invalid rpc id",
    ]

    /// At the start of the text.
    private static let unknownJobs = [
        "invalid job", "unknown job", "job not found", "job id not found", "no such job", "job does not exist",
        "unknown work",
    ]
}
