internal import StratumProtocol

/// The pool's verdict on a share.
enum Verdict: Sendable {
    case accepted(difficulty: UInt64)
    case rejected(Refusal)
    /// The message is correct; the hash itself must still be computed.
    case unverified(UnverifiedShare)
}

/// A share to verify: the hash of `blob` must be `claimed`.
struct UnverifiedShare: Sendable {
    let blob: HashingBlob
    let claimed: InlineArray<32, UInt8>

    /// - Parameter hash: the computed hash of the blob.
    func isRight(_ hash: InlineArray<32, UInt8>) -> Bool {
        for index in 0..<32 where hash[index] != claimed[index] { return false }
        return true
    }
}

/// Why a share is refused; the raw value is its name in the report.
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

    /// The error text of the reply; for `injected` the text of the rules is used instead.
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

/// Judges the shares of one client like a strict pool. Pure: no sockets, no time.
///
/// Cheap checks come first. A nonce is recorded only after all checks of the submitted data: otherwise bad shares could
/// fill the memory of the pool.
struct ShareJudge: Sendable {
    let session: UInt64
    let client: UInt32
    /// The reserved nonce byte; nil when the client can use the whole nonce.
    let nonceByte: UInt8?
    /// The first job sent to this client; 0 before.
    private(set) var firstJob: UInt32 = 0
    /// The last job sent to this client; 0 before.
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

    /// Records that job `number` was sent to the client.
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
        // Nearly always the newest job, which is last.
        var index = seen.count - 1
        while index >= 0, seen[index].job != job { index -= 1 }
        if index < 0 {
            seen.append(SeenNonces(job: job))
            index = seen.count - 1
        }
        return seen[index].nonces.insert(nonce)
    }
}
