internal import StratumProtocol

/// Which of an upstream's two jobs a share is for.
enum JobAge {
    case current, previous
}

/// The result of checking a share before a pool sees it: steps 3 to 7 of docs/COMPATIBILITY.md, "Shares", in order.
enum ShareVerdict {
    case forward(JobAge, nonce: UInt32, hash: InlineArray<32, UInt8>, actual: UInt64)
    /// It meets only the miner's custom difficulty, and is answered here. The pool difficulty is that of its job.
    case local(poolDifficulty: UInt64, actual: UInt64)
    /// The same for an unknown job: it is not counted, because it could have been submitted any number of times.
    case localUncounted
    /// - Parameter difficulty: the pool difficulty that it was compared with; 0 without a job.
    case refuse(MinerReply.Refusal, difficulty: UInt64, actual: UInt64)
}

extension Upstream {
    /// Checks a share of `miner`, and remembers its nonce when it is good.
    /// - Parameter slot: the miner's slot here, or its former one when it was moved.
    mutating func judge(_ share: SubmitRequest, of miner: MinerSession, in slot: UInt8) -> ShareVerdict {
        // (Never bind a whole `ActiveJob` here: with a second reference, the next insertion would copy its nonces.)
        guard current != nil else { return .refuse(.badGateway, difficulty: 0, actual: 0) }
        let age = age(of: share.jobID)
        // A share is compared with the job that it names. (xmrig-proxy always uses the current one, and so refuses good
        // shares of the previous job when the pool has raised the difficulty.)
        let difficulty = (age == .previous ? previous?.job.difficulty : current?.job.difficulty) ?? 0
        let actual = share.hash.map { Difficulty.ofHash(tail: Difficulty.tail(of: $0)) } ?? 0
        guard let nonce = share.nonce, let hash = share.hash, share.jobID != nil,
            actual >= miner.difficulty(atPoolDifficulty: difficulty)
        else { return .refuse(.lowDifficulty, difficulty: difficulty, actual: actual) }

        let reservedByte = age == .previous ? previous?.reservedByte : current?.reservedByte
        let nonceByte = UInt8(truncatingIfNeeded: nonce >> 24)
        guard nonceByte == reservedByte ?? (space.isWhole ? nonceByte : slot) else {
            // A share with the byte of the former slot was sent before the new job arrived: not the miner's fault.
            let isLate = nonceByte == miner.formerNonceByte
            return .refuse(isLate ? .staleShare : .invalidNonce, difficulty: difficulty, actual: actual)
        }
        if actual < difficulty {
            // A share below the pool's difficulty is not sent to the pool, so its job need not be current, but it
            // counts only once.
            guard let age else { return .localUncounted }
            switch remember(nonce, in: age) {
            case .new: return .local(poolDifficulty: difficulty, actual: actual)
            case .seen: return .refuse(.duplicateShare, difficulty: difficulty, actual: actual)
            case .full: return .refuse(.tooManyShares, difficulty: difficulty, actual: actual)
            }
        }
        guard activePool != nil else { return .refuse(.badGateway, difficulty: difficulty, actual: actual) }
        guard let age, let session = session(for: age),
            // Pools of the nodejs family ban an address when the first share of a session is a late one.
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
