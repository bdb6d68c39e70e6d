/// A part of a shard that another shard takes over (docs/decisions/0013): whole upstreams with their miners, jobs and
/// shares in flight. The choice of the upstreams follows from the state alone, so both shards make the same one without
/// a message.
public struct ReleasedPart: Equatable, Sendable {
    /// The number of the request. It grows with each one, and each part is released once.
    public var number: UInt32
    /// At most this many miners move.
    public var miners: UInt32

    public init(number: UInt32, miners: UInt32) {
        self.number = number
        self.miners = miners
    }
}

extension Shard {
    /// Removes a part that another shard has absorbed: its upstreams and miners, without a message to any of them. A
    /// part that was released before is ignored.
    mutating func release(_ part: ReleasedPart, at now: Instant) {
        guard part.number > released else { return }
        released = part.number
        let upstreams = upstreams(withMiners: part.miners)
        forget(upstreams, rows: { upstreams.contains($0.upstream) && $0.isPlaced }, at: now)
    }

    /// Removes everything but a part, which another shard is to absorb.
    /// - Returns: false when there is no such part.
    public mutating func reduce(to part: ReleasedPart, at now: Instant) -> Bool {
        let kept = upstreams(withMiners: part.miners)
        guard part.number > released, !kept.isEmpty else { return false }
        let others = Set(upstreams.indices.map { UInt16($0) }).subtracting(kept)
        forget(others, rows: { !kept.contains($0.upstream) || !$0.isPlaced }, at: now)
        outbox.removeAll()
        return true
    }

    private mutating func forget(_ former: Set<UInt16>, rows isMeant: (MinerSession) -> Bool, at now: Instant) {
        for row in miners.indices where miners[row].phase != .vacant && isMeant(miners[row]) {
            let id = MinerID(index: UInt32(row), generation: miners[row].generation)
            let isMining = miners[row].phase == .mining
            outbox.append(.released(id, key: isMining ? miners[row].key : nil))
            if isMining { minersNow -= 1 }
            vacateRow(row)
        }
        for row in miners.indices where miners[row].formerUpstream > 0 {
            if former.contains(miners[row].formerUpstream - 1) { miners[row].formerUpstream = 0 }
        }
        for index in upstreams.indices where former.contains(UInt16(index)) {
            for session in upstreams[index].sessions.indices {
                if self[index, session].isConnected {
                    outbox.append(.hangUp(upstreams[index].connection(of: session)))
                }
                self[index, session] = PoolSession()
            }
            upstreams[index].suspend(firstSlot: UInt8(truncatingIfNeeded: random.next()))
            upstreams[index].emptySince = now
            // The absorbing shard counts them.
            (upstreams[index].accepted, upstreams[index].rejected) = (0, 0)
        }
    }

    // MARK: - Choice of the upstreams

    /// Upstreams with at most `count` miners in total, the largest first. One open upstream stays.
    private func upstreams(withMiners count: UInt32) -> Set<UInt16> {
        var room = Int(count)
        let open = upstreams.count { !$0.isSuspended }
        let entangled = entangledUpstreams
        let candidates = upstreams.filter {
            !$0.isSuspended && $0.space.ownedCount > 0 && !entangled.contains($0.index)
        }
        var chosen: Set<UInt16> = []
        for upstream in candidates.sorted(by: { ($1.space.ownedCount, $0.index) < ($0.space.ownedCount, $1.index) }) {
            guard upstream.space.ownedCount <= room, chosen.count < open - 1 else { continue }
            room -= upstream.space.ownedCount
            chosen.insert(upstream.index)
        }
        return chosen
    }

    /// Upstreams that still serve miners of other upstreams: their shares wait for a verdict there, or late ones may
    /// come.
    private var entangledUpstreams: Set<UInt16> {
        var entangled: Set<UInt16> = []
        for miner in miners where miner.isPlaced && miner.formerUpstream > 0 {
            let former = miner.formerUpstream - 1
            // One that has miners again serves those, so late shares do not keep it here.
            guard upstreams[Int(former)].emptySince != nil, !upstreams[Int(former)].isSuspended else { continue }
            entangled.formUnion([former, miner.upstream])
        }
        for upstream in upstreams where !upstream.isSuspended {
            for session in upstream.sessions {
                for share in session.inFlight.all {
                    guard let row = row(of: share.miner), miners[row].upstream != upstream.index else { continue }
                    entangled.formUnion([upstream.index, miners[row].upstream])
                }
            }
        }
        return entangled
    }
}

extension MinerSession {
    /// Whether it is assigned to an upstream.
    fileprivate var isPlaced: Bool {
        switch phase {
        case .vacant, .awaitingLogin: false
        case .awaitingJob, .mining: true
        }
    }
}
