internal import StratumProtocol

/// Which of an upstream's two jobs a share is for.
enum JobAge {
    case current, previous
}

/// The verdict on a share before a pool has seen it: steps 3 to 7 of docs/COMPATIBILITY.md, "Shares", in their order.
enum ShareVerdict {
    case forward(JobAge, nonce: UInt32, hash: InlineArray<32, UInt8>, actual: UInt64)
    /// Good for the miner's custom difficulty only: answered here. The pool difficulty is that of its job.
    case local(poolDifficulty: UInt64, actual: UInt64)
    /// The same for a job that we do not know: it may be the hundredth time that we see it, so it counts for nothing.
    case localUncounted
    /// - Parameter difficulty: the pool difficulty that it was measured against; 0 without any job.
    case refuse(MinerReply.Refusal, difficulty: UInt64, actual: UInt64)
}

extension Upstream {
    /// Judges a share of `miner`, and remembers its nonce when it is good.
    /// - Parameter slot: that the miner has here, or had before it was moved.
    mutating func judge(_ share: SubmitRequest, of miner: MinerSession, in slot: UInt8) -> ShareVerdict {
        // (Never bind a whole `ActiveJob` here: a second reference to its nonces would copy them at the next insertion.)
        guard current != nil else { return .refuse(.badGateway, difficulty: 0, actual: 0) }
        let age = age(of: share.jobID)
        // A share is measured by the job that it names. (xmrig-proxy takes the current one even then, and refuses good
        // shares of the job before when the pool has raised the difficulty.)
        let difficulty = (age == .previous ? previous?.job.difficulty : current?.job.difficulty) ?? 0
        let actual = share.hash.map { Difficulty.ofHash(tail: Difficulty.tail(of: $0)) } ?? 0
        guard let nonce = share.nonce, let hash = share.hash, share.jobID != nil,
            actual >= miner.difficulty(atPoolDifficulty: difficulty)
        else { return .refuse(.lowDifficulty, difficulty: difficulty, actual: actual) }

        let reservedByte = age == .previous ? previous?.reservedByte : current?.reservedByte
        let nonceByte = UInt8(truncatingIfNeeded: nonce >> 24)
        guard nonceByte == reservedByte ?? slot else {
            // The byte of its former place is no fault of the miner's: the share has crossed the news.
            let isLate = nonceByte == miner.formerNonceByte
            return .refuse(isLate ? .staleShare : .invalidNonce, difficulty: difficulty, actual: actual)
        }
        if actual < difficulty {
            // Below the pool's difficulty the job is not checked (the pool will not see it), but it counts only once.
            guard let age else { return .localUncounted }
            switch remember(nonce, in: age) {
            case .new: return .local(poolDifficulty: difficulty, actual: actual)
            case .seen: return .refuse(.duplicateShare, difficulty: difficulty, actual: actual)
            case .full: return .refuse(.tooManyShares, difficulty: difficulty, actual: actual)
            }
        }
        guard activePool != nil else { return .refuse(.badGateway, difficulty: difficulty, actual: actual) }
        guard let age, let session = session(for: age),
            // Pools of the nodejs family ban an address for a late share that is the first one of a session.
            age == .current || sessions[session].hasAccepted
        else {
            return .refuse(.staleShare, difficulty: difficulty, actual: actual)
        }
        guard sessions[session].inFlight.hasRoom else {
            return .refuse(.badGateway, difficulty: difficulty, actual: actual)
        }
        if let given = share.algorithm, algorithm(of: age)?.differs(from: given) == true {
            return .refuse(.wrongAlgorithm, difficulty: difficulty, actual: actual)
        }
        switch remember(nonce, in: age) {
        case .new: return .forward(age, nonce: nonce, hash: hash, actual: actual)
        case .seen: return .refuse(.duplicateShare, difficulty: difficulty, actual: actual)
        case .full: return .refuse(.tooManyShares, difficulty: difficulty, actual: actual)
        }
    }

    private func age(of jobID: JobID.Fingerprint?) -> JobAge? {
        guard let jobID else { return nil }
        if current?.name.fingerprint == jobID { return .current }
        return previous?.name.fingerprint == jobID ? .previous : nil
    }

    private func algorithm(of age: JobAge) -> AlgorithmName? {
        age == .current ? current?.job.algorithm : previous?.job.algorithm
    }
}
