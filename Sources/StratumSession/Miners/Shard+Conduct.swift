internal import StratumProtocol

// The limits for miners, and the effects of a pool's verdicts on their shares (`RequestBudget`, `MinerRecord`).

/// A miner that disconnected while the pool had its first share: the verdict still counts.
struct LeftOnTrial: Equatable {
    var miner: UInt64
    /// Keys of `Shard.conduct`.
    var record: UInt64
    var address: UInt64
}

extension Shard {
    // MARK: - Pauses

    /// Pauses reading from the miner's connection until `resume`. Bytes that were already read are held.
    mutating func pause(_ id: MinerID, _ reason: MinerPause) {
        miners[Int(id.index)].pause = reason
        outbox.append(.pauseMiner(id))
    }

    /// The held bytes are processed at the end of this input; then the connection is read again.
    mutating func resume(_ id: MinerID) {
        miners[Int(id.index)].pause = .none
        resumable.append(id)
    }

    /// Whether reading from a miner's connection is paused.
    public func isPaused(_ id: MinerID) -> Bool {
        row(of: id).map { miners[$0].pause != .none } ?? false
    }

    mutating func readHeldBytes(with parser: JSONParser, at now: Instant) {
        // The list can grow meanwhile, and a miner can be paused again.
        var next = 0
        while next < resumable.count {
            let id = resumable[next]
            next += 1
            guard let row = row(of: id), miners[row].pause == .none else { continue }
            let held = takeHeldBytes(ofRow: row)
            if !held.isEmpty { receiveLines(held.span, from: id, with: parser, at: now) }
            if self.row(of: id) != nil, miners[row].pause == .none { outbox.append(.resumeMiner(id)) }
        }
        resumable.removeAll(keepingCapacity: true)
    }

    /// Holds a chunk of a paused connection: the read had begun before the pause.
    mutating func hold(_ chunk: Span<UInt8>, of id: MinerID, at now: Instant) {
        let row = Int(id.index)
        guard connectionStates[row].framer.partialCount + chunk.count <= Limits.heldBytesMax else {
            return close(id, .flooding, at: now)
        }
        hold(chunk, ofRow: row)
    }

    /// Called after each request.
    mutating func checkBudget(of id: MinerID, at now: Instant) {
        guard let row = row(of: id), !miners[row].hasBudget(at: now), miners[row].pause == .none else { return }
        guard miners[row].pauses < Limits.pausesMax else { return close(id, .flooding, at: now) }
        miners[row].pauses += 1
        pause(id, .budget)
    }

    // MARK: - Before a share is forwarded

    /// Whether no share of the miner is forwarded now.
    func isQuarantined(_ row: Int, at now: Instant) -> Bool {
        guard policy.guardsPools else { return false }
        if miners[row].record.isQuarantined(at: now) { return true }
        guard !miners[row].record.isProven, !conduct.isEmpty else { return false }
        let address = conduct.record(of: connectionStates[row].addressKey(salt: conductSalt), at: now)
        return address?.isQuarantined(at: now) ?? false
    }

    /// Whether the miner is banned because it was quarantined too often.
    func isBanned(_ row: Int, at now: Instant) -> Bool {
        policy.guardsPools && miners[row].record.isBanned(at: now)
    }

    /// Connected miners whose shares are not forwarded now.
    public func minersQuarantined(at now: Instant) -> Int {
        guard policy.guardsPools, !conduct.isEmpty else { return 0 }
        return miners.indices.count { row in
            [.awaitingJob, .mining].contains(miners[row].phase) && isQuarantined(row, at: now)
        }
    }

    /// Whether a good share of the miner is forwarded to its pool, which may be guarded.
    mutating func isHandedOn(_ row: Int, _ upstream: Int, _ age: JobAge, at now: Instant) -> Bool {
        guard policy.guardsPools, !miners[row].record.isProven,
            let seat = upstreams[upstream].session(for: age),
            seats[seat].verdicts.isGuarded
        else { return true }
        guard now >= seats[seat].verdicts.nextTrialAt else { return false }
        seats[seat].verdicts.nextTrialAt = now + Limits.trialPause
        return true
    }

    // MARK: - Verdicts of pools

    /// - Parameter meaning: of a refusal; nil = the share was accepted.
    mutating func learn(
        from share: ShareInFlight, _ meaning: RefusalMeaning?, by connection: PoolConnectionID, at now: Instant
    ) {
        let isBad = policy.guardsPools && meaning == .badShare
        if policy.guardsPools, meaning == nil || isBad { note(isRefusal: isBad, by: connection, at: now) }
        if let meaning {
            noteRejection(of: share, meaning, by: connection, at: now)
        } else {
            seats[Int(connection.pool)].streak.accept(at: now)
        }
        let isDoubtful = !seats[Int(connection.pool)].verdicts.hasAccepted
        if let row = sender(of: share) {
            if meaning == nil {
                accept(row, at: now)
            } else if isBad {
                refuse(row, share.miner, isDoubtful: isDoubtful, at: now)
            }
        } else if policy.guardsPools, let left = leftOnTrial.first(where: { $0.miner == share.minerKey }) {
            var record = conduct.record(of: left.record, at: now) ?? MinerRecord()
            if meaning == nil {
                record.accept()
            } else if isBad {
                _ = record.refuse(at: now, isDoubtful: isDoubtful)
                refuseNewMiner(left.address, share.miner, isDoubtful: isDoubtful, at: now)
            }
            conduct.remember(record, of: left.record, at: now)
        }
        endTrial(of: share)
    }

    /// The pool has sent its verdict on the share, or its connection is lost.
    mutating func endTrial(of share: ShareInFlight) {
        if let row = sender(of: share) {
            if miners[row].pause == .verdict { resume(share.miner) }
        } else if let index = leftOnTrial.firstIndex(where: { $0.miner == share.minerKey }) {
            leftOnTrial.remove(at: index)
        }
    }

    /// The row of the miner that submitted the share; nil when it has disconnected.
    func sender(of share: ShareInFlight) -> Int? {
        row(of: share.miner).flatMap { miners[$0].key == share.minerKey ? $0 : nil }
    }

    /// The pool has accepted a share, or rejected it as bad.
    private mutating func note(isRefusal: Bool, by connection: PoolConnectionID, at now: Instant) {
        guard seats[Int(connection.pool)].verdicts.add(isRefusal: isRefusal) else { return }
        seats[Int(connection.pool)].verdicts.guardedSince = now
        let verdicts = seats[Int(connection.pool)].verdicts
        outbox.append(
            .notice(
                verdicts.isGuarded
                    ? .poolGuarded(connection, refused: verdicts.refused, of: RecentVerdicts.size)
                    : .poolGuardEnded(connection)))
    }

    private mutating func accept(_ row: Int, at now: Instant) {
        miners[row].requests.refund(RequestBudget.request)
        miners[row].pauses = 0
        if !miners[row].record.isProven, !conduct.isEmpty {
            let key = connectionStates[row].addressKey(salt: conductSalt)
            if var address = conduct.record(of: key, at: now), address.refused > 0 {
                address.acceptNewMiner()
                conduct.remember(address, of: key, at: now)
            }
        }
        miners[row].record.accept()
    }

    private mutating func refuse(_ row: Int, _ id: MinerID, isDoubtful: Bool, at now: Instant) {
        let isNew = !miners[row].record.isProven
        if let length = miners[row].record.refuse(at: now, isDoubtful: isDoubtful) {
            outbox.append(.notice(.quarantined(id, length)))
            // At once: the miner may have disconnected when the next one with its login connects.
            conduct.remember(miners[row].record, of: connectionStates[row].minerKey(salt: conductSalt), at: now)
        }
        if isNew {
            refuseNewMiner(connectionStates[row].addressKey(salt: conductSalt), id, isDoubtful: isDoubtful, at: now)
        }
    }

    private mutating func refuseNewMiner(_ key: UInt64, _ id: MinerID, isDoubtful: Bool, at now: Instant) {
        var address = conduct.record(of: key, at: now) ?? MinerRecord()
        if let length = address.refuseNewMiner(at: now, isDoubtful: isDoubtful) {
            outbox.append(.notice(.addressQuarantined(id, length)))
        }
        conduct.remember(address, of: key, at: now)
    }

    // MARK: - Records

    /// Applies the record of a miner that has logged in.
    mutating func recall(_ row: Int, at now: Instant) {
        guard !conduct.isEmpty else { return }
        miners[row].record =
            conduct.record(of: connectionStates[row].minerKey(salt: conductSalt), at: now) ?? MinerRecord()
    }

    /// Stores the record of a miner that disconnects.
    mutating func remember(_ row: Int, at now: Instant) {
        let isOnTrial = miners[row].pause == .verdict
        guard isOnTrial || !miners[row].record.isBlank else { return }
        let key = connectionStates[row].minerKey(salt: conductSalt)
        if !miners[row].record.isBlank { conduct.remember(miners[row].record, of: key, at: now) }
        guard isOnTrial else { return }
        if leftOnTrial.count == Limits.leftOnTrialMax { leftOnTrial.removeFirst() }
        leftOnTrial.append(
            LeftOnTrial(
                miner: miners[row].key, record: key, address: connectionStates[row].addressKey(salt: conductSalt)))
    }
}

// MARK: - Coding

extension Shard {
    func encodeConduct(to writer: inout BinaryWriter) {
        writer.integer(conductSalt)
        conduct.encode(to: &writer)
        writer.integer(UInt32(leftOnTrial.count))
        for left in leftOnTrial {
            writer.integer(left.miner)
            writer.integer(left.record)
            writer.integer(left.address)
        }
    }

    static func conduct(
        decoding reader: inout BinaryReader
    ) throws(DecodingFault) -> (salt: UInt64, table: ConductTable, leftOnTrial: [LeftOnTrial]) {
        let salt: UInt64 = try reader.integer()
        let table = try ConductTable(decoding: &reader)
        let count = try reader.entryCount(max: Limits.leftOnTrialMax, bytesMin: 24, "leftOnTrial")
        var left: [LeftOnTrial] = []
        for _ in 0..<count {
            left.append(
                LeftOnTrial(miner: try reader.integer(), record: try reader.integer(), address: try reader.integer()))
        }
        return (salt, table, left)
    }
}
