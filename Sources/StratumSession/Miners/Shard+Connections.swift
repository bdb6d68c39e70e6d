// The connections of a shard, which a worker that takes over its state must find again.

extension Shard {
    /// The connections of all miners.
    public var minerIDs: [MinerID] {
        miners.indices.compactMap { row in
            miners[row].phase == .vacant ? nil : MinerID(index: UInt32(row), generation: miners[row].generation)
        }
    }

    /// Since when a connection waits to log in; nil when it does not.
    public func waitingSince(_ id: MinerID) -> Instant? {
        guard let row = row(of: id), miners[row].phase == .awaitingLogin else { return nil }
        let isInHandshake = if case .handshake = connectionStates[row].transport { true } else { false }
        let login = (isInHandshake ? Limits.handshake : Limits.login).count * 1_000
        return Instant(microseconds: miners[row].deadline.microseconds - min(login, miners[row].deadline.microseconds))
    }

    /// Whether the PROXY header of a balancer's connection has not been read yet.
    public func awaitsHeader(_ id: MinerID) -> Bool { row(of: id).map { miners[$0].awaitsHeader } ?? false }

    /// Identifies the miner in events after it has joined; nil before, and when it is gone.
    public func joinedKey(of id: MinerID) -> UInt64? {
        guard let row = row(of: id), miners[row].phase == .mining else { return nil }
        return miners[row].key
    }

    /// Every connection to a pool; `isOpen` is false while it is being made.
    public var poolConnections: [(id: PoolConnectionID, isOpen: Bool)] {
        upstreams.flatMap { upstream in
            upstream.sessions.indices.compactMap { pool in
                guard upstream.sessions[pool].isConnected else { return nil }
                if case .connecting = upstream.sessions[pool].phase { return (upstream.connection(of: pool), false) }
                return (upstream.connection(of: pool), true)
            }
        }
    }

    /// Whether a share of this miner waits for a pool's verdict.
    public func owesReply(to id: MinerID) -> Bool {
        guard let row = row(of: id), miners[row].phase == .mining else { return false }
        return upstreams[Int(miners[row].upstream)].sessions.contains { $0.inFlight.hasShare(of: id) }
    }
}
