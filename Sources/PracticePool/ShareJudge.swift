internal import StratumProtocol

/// What the pool says to a share.
enum Verdict: Sendable {
    case accepted(difficulty: UInt64)
    case rejected(Refusal)
    /// Everything is right as far as the message tells; the hash itself is still to be computed.
    case unverified(UnverifiedShare)
}

/// A share whose hash is to be computed: that of `blob` must be `claimed`.
struct UnverifiedShare: Sendable {
    let blob: HashingBlob
    let claimed: InlineArray<32, UInt8>

    /// - Parameter hash: that of the blob, computed.
    func isRight(_ hash: InlineArray<32, UInt8>) -> Bool {
        for index in 0..<32 where hash[index] != claimed[index] { return false }
        return true
    }
}

/// Why a share is refused; the raw value names it in the report.
enum Refusal: String, Codable, CaseIterable, Sendable {
    case unauthenticated
    case malformed
    case unknownJob = "unknown_job"
    case foreignJob = "foreign_job"
    case expiredJob = "expired_job"
    case wrongAlgorithm = "wrong_algorithm"
    case badNonceByte = "bad_nonce_byte"
    case duplicate
    case tooMany = "too_many"
    case lowDifficulty = "low_difficulty"
    case badHash = "bad_hash"
    case overload
    case injected

    /// The words on the wire; `injected` has those of the rules instead.
    var text: StaticString {
        switch self {
        case .unauthenticated: "Unauthenticated"
        case .malformed: "Malformed share"
        case .unknownJob, .foreignJob: "Invalid job id"
        case .expiredJob: "Block expired"
        case .wrongAlgorithm: "Incorrect algorithm"
        case .badNonceByte: "Invalid nonce; the first byte is reserved"
        case .duplicate: "Duplicate share"
        case .tooMany: "Too many shares for one job"
        case .lowDifficulty: "Low difficulty share"
        case .badHash: "Invalid result hash"
        case .overload: "The pool is busy"
        case .injected: "Rejected"
        }
    }
}

/// Judges the shares of one client as a strict pool does. Pure: it knows neither sockets nor time.
///
/// The order of the checks is from the cheap to the dear, and a nonce counts as seen only after everything that the
/// sender can get wrong about it: a pool that remembered bad shares could be filled with them.
struct ShareJudge: Sendable {
    let session: UInt64
    let client: UInt32
    /// The reserved nonce byte; nil when the whole nonce is the client's.
    let nonceByte: UInt8?
    /// The first job that this client was sent; 0 before any.
    private(set) var firstJob: UInt32 = 0
    /// The last one; 0 before any.
    private(set) var lastJob: UInt32 = 0
    private var seen: [SeenNonces] = []

    private struct SeenNonces: Sendable {
        let job: UInt32
        var nonces = NonceSet()
    }

    init(session: UInt64, client: UInt32, nonceByte: UInt8?) {
        self.session = session
        self.client = client
        self.nonceByte = nonceByte
    }

    /// The client was sent job `number`.
    mutating func sent(job number: UInt32, history: JobHistory) {
        if firstJob == 0 { firstJob = number }
        lastJob = number
        seen.removeAll { $0.job < history.oldest }
    }

    mutating func judge(_ claim: ShareClaim, history: JobHistory, rules: PoolRules) -> Verdict {
        guard claim.session == session else { return .rejected(.unauthenticated) }
        guard let nonce = claim.nonce, let hash = claim.hash else { return .rejected(.malformed) }
        guard let name = claim.job, name.job > 0, name.job <= history.made else { return .rejected(.unknownJob) }
        guard name.client == client else { return .rejected(.foreignJob) }
        guard firstJob > 0, name.job >= firstJob else { return .rejected(.unknownJob) }
        guard let job = history[name.job] else { return .rejected(.expiredJob) }
        guard claim.algorithm != .different else { return .rejected(.wrongAlgorithm) }
        if let nonceByte, UInt8(truncatingIfNeeded: nonce >> 24) != nonceByte { return .rejected(.badNonceByte) }
        guard rules.target.isMet(byHash: hash) else { return .rejected(.lowDifficulty) }
        switch remember(nonce, of: job.number) {
        case .seen: return .rejected(.duplicate)
        case .full: return .rejected(.tooMany)
        case .new: break
        }
        guard rules.verifiesHashes else { return .accepted(difficulty: rules.target.difficulty) }
        var blob = job.blob(client: client, nonceByte: nonceByte ?? 0)
        for index in 0..<4 {
            blob[PracticeJob.nonceOffset + index] = UInt8(truncatingIfNeeded: nonce >> UInt32(index * 8))
        }
        return .unverified(UnverifiedShare(blob: blob, claimed: hash))
    }

    private mutating func remember(_ nonce: UInt32, of job: UInt32) -> NonceSet.Answer {
        // Nearly always the newest job, which stands last.
        var index = seen.count - 1
        while index >= 0, seen[index].job != job { index -= 1 }
        if index < 0 {
            seen.append(SeenNonces(job: job))
            index = seen.count - 1
        }
        return seen[index].nonces.insert(nonce)
    }
}
