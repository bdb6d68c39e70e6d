internal import Addresses
internal import EventLoop
internal import Peers
internal import StratumProtocol
internal import StratumSession
internal import TLSHandshake

/// Recent connections, oldest first.
struct Arrivals {
    /// Connections whose login is read later, because their address had too many logins.
    var delayed: [(id: MinerID, until: Instant)] = []
    /// Connections that count as waiting if they have not logged in `WaitingMiners.patience` after reading from them
    /// began.
    var watched: [(id: MinerID, at: Instant)] = []
    /// Connections that count as waiting.
    var slow: [MinerID] = []
}

// How connections are checked against the address table and counted in it (`PeerGate`).

extension Worker {
    /// - Parameter host: numeric, as the system or a PROXY header writes it.
    /// - Returns: false when the connection is refused, which is counted and logged.
    func admit(_ connection: MinerConnection, from host: String?) -> Bool {
        guard let gate, let address = host.flatMap(IPAddress.init(host:)) else { return true }
        switch gate.judge(address, at: now.microseconds) {
        case .admitted(let source, let delay):
            connection.source = source
            connection.delay = Milliseconds(delay / 1_000)
        case .refused(let reason):
            refuse(reason, address)
            guard gate.isDryRun else { return false }
            connection.source = gate.source(of: address, at: now.microseconds)
        }
        if let source = connection.source { gate.column.connected(source.peer, at: now.microseconds) }
        return true
    }

    private func refuse(_ reason: PeerRefusal, _ address: IPAddress) {
        guard let gate else { return }
        gate.count(reason, of: address)
        news.refused(Network(address).text, reason, gate.limits, isDry: gate.isDryRun)
    }

    /// Starts to read a new connection, at once or after its delay.
    func arrived(_ connection: MinerConnection) {
        if connection.delay.count > 0 {
            miners.arrivals.delayed.append((connection.id, now + connection.delay))
        } else {
            connection.startReading()
            if connection.source != nil {
                miners.arrivals.watched.append((connection.id, now + WaitingMiners.patience))
            }
        }
    }

    /// Called ten times a second.
    func lookAtArrivals() {
        guard let gate else { return }
        let now = now
        let readable = miners.arrivals.delayed.filter { now >= $0.until }
        if !readable.isEmpty { miners.arrivals.delayed.removeAll { now >= $0.until } }
        for (id, _) in readable {
            miners[id]?.startReading()
            miners.arrivals.watched.append((id, now + WaitingMiners.patience))
        }
        let due = miners.arrivals.watched.prefix { now >= $0.at }
        miners.arrivals.watched.removeFirst(due.count)
        for (id, _) in due {
            switch waiting(id) {
            case nil: break
            case .login(let since) where now >= since + WaitingMiners.patience: countAsWaiting(id, gate)
            // The time for its login begins after its handshake.
            case .login, .handshake: miners.arrivals.watched.append((id, now + WaitingMiners.patience))
            }
        }
        let finished = miners.arrivals.slow.filter { shard.waitingSince($0) == nil }
        if !finished.isEmpty { miners.arrivals.slow.removeAll { shard.waitingSince($0) == nil } }
        for id in finished {
            if let connection = miners[id] { endWaiting(of: connection) }
        }
        perform()
    }

    private func countAsWaiting(_ id: MinerID, _ gate: PeerGate) {
        guard let connection = miners[id], let source = connection.source else { return }
        guard gate.mayWait(source) || gate.isDryRun else {
            if let address = address(of: id).flatMap(IPAddress.init(host:)) { refuse(.waiting, address) }
            connection.reset()
            return drop(connection)
        }
        gate.column.waits(source.peer, true)
        connection.source?.isSlow = true
        miners.arrivals.slow.append(id)
    }

    private func endWaiting(of connection: MinerConnection) {
        guard let source = connection.source, source.isSlow else { return }
        gate?.column.waits(source.peer, false)
        connection.source?.isSlow = false
    }

    // MARK: - Counts

    /// A connection that the previous process accepted.
    func found(_ connection: MinerConnection) {
        connection.awaitsHeader = shard.awaitsHeader(connection.id)
        guard let gate, !connection.awaitsHeader, let host = address(of: connection.id),
            let source = IPAddress(host: host).flatMap({ gate.source(of: $0, at: now.microseconds) })
        else { return }
        connection.source = source
        gate.column.found(source.peer)
    }

    /// Called after the shard has read a chunk, before its decisions are performed.
    func count(requests: Int, of connection: MinerConnection) {
        guard let gate else { return }
        if connection.awaitsHeader { learnAddress(of: connection) }
        if requests > 0, let source = connection.source {
            gate.column.requested(requests, by: source.peer, at: readAt.microseconds)
        }
    }

    /// The PROXY header of a balancer's connection was read, so the miner's address is known.
    private func learnAddress(of connection: MinerConnection) {
        guard !shard.awaitsHeader(connection.id), let host = address(of: connection.id) else { return }
        connection.awaitsHeader = false
        guard admit(connection, from: host) else {
            connection.reset()
            return drop(connection)
        }
        miners.arrivals.watched.append((connection.id, now + WaitingMiners.patience))
    }

    /// A miner got its first job.
    func loggedIn(_ id: MinerID) {
        guard let gate else { return }
        if let source = miners[id]?.source { gate.column.loggedIn(source.peer, at: now.microseconds) }
        for isOfAddress in [true, false] {
            guard let key = shard.conductKey(of: id, isOfAddress: isOfAddress, salt: gate.conductSalt),
                let known = gate.conduct(of: key, at: now.microseconds)
            else { continue }
            let quarantine = KnownQuarantine(
                until: Instant(microseconds: known.until), count: known.quarantines, isOfAddress: isOfAddress)
            withUnsafeTemporaryAllocation(byteCount: KnownQuarantine.byteCount, alignment: 8) { bytes in
                var writer = BinaryWriter(into: bytes)
                quarantine.encode(to: &writer)
                apply(.conduct(id), UnsafeRawBufferPointer(rebasing: bytes[..<writer.count]))
            }
        }
    }

    /// Shares a quarantine with all shards, because the miner may reconnect to another one.
    func tellOtherShards(_ news: ShardNotice) {
        let (id, isOfAddress): (MinerID, Bool)
        switch news {
        case .quarantined(let miner, _): (id, isOfAddress) = (miner, false)
        case .addressQuarantined(let miner, _): (id, isOfAddress) = (miner, true)
        case .quarantineLifted(let miner, let isOfAddress):
            guard let gate, let key = shard.conductKey(of: miner, isOfAddress: isOfAddress, salt: gate.conductSalt)
            else { return }
            return gate.know(KnownConduct(until: 0, quarantines: 0), of: key)
        default: return
        }
        guard let gate, let key = shard.conductKey(of: id, isOfAddress: isOfAddress, salt: gate.conductSalt),
            let known = shard.quarantine(of: id, isOfAddress: isOfAddress, at: now)
        else { return }
        gate.know(KnownConduct(until: known.until.microseconds, quarantines: known.count), of: key)
    }

    /// Called for every share.
    func count(_ share: SettledShare) {
        guard let gate, let source = miners[share.miner]?.source else { return }
        switch share.outcome {
        case .accepted:
            gate.column.shared(source.peer, isGood: true, at: readAt.microseconds)
            gate.proved(source, at: readAt.microseconds)
        case .local: gate.column.shared(source.peer, isGood: true, at: readAt.microseconds)
        case .rejected, .invalid: gate.column.shared(source.peer, isGood: false, at: readAt.microseconds)
        case .poolLost: break
        }
    }

    func countDeparture(of connection: MinerConnection) {
        guard let source = connection.source else { return }
        endWaiting(of: connection)
        gate?.column.disconnected(source.peer)
        connection.source = nil
    }

    /// A handshake has failed. One that both sides have nothing in common for is not abuse.
    func noteFault(_ failure: HandshakeFailure, of connection: MinerConnection) {
        switch failure.kind {
        case .notTLS, .tooLong, .protocolError: countFault(of: connection)
        case .nothingInCommon, .refusedByPeer, .certificate: break
        }
    }

    /// The shard closes a connection. If the peer violated the protocol, its address may now be banned.
    func noteFault(_ reason: CloseReason, of connection: MinerConnection) {
        if reason.isFaultOfPeer { countFault(of: connection) }
    }

    private func countFault(of connection: MinerConnection) {
        guard let gate, let source = connection.source,
            let seconds = gate.fault(source, at: now.microseconds)
        else { return }
        news.banned(source.network.text, seconds: seconds, faults: gate.limits.faults)
    }
}

extension IPAddress {
    /// - Parameter host: may have a zone ("fe80::1%eth0").
    init?(host: String) {
        self.init(host.contains("%") ? String(host.prefix { $0 != "%" }) : host)
    }
}

extension CloseReason {
    /// Whether the reason counts against the address: an honest miner's connection does not end this way, or rarely.
    fileprivate var isFaultOfPeer: Bool {
        switch self {
        case .loginTimeout, .permissionDenied, .fault, .answered, .foreign, .outOfTurn, .flooding,
            .memory, .tls(.fault), .tls(.handshakeTimeout):
            true
        // Not the peer's fault, or not evidence of abuse: a trusted balancer, an old miner, a quiet miner, no pool.
        case .proxyHeader, .notNicehashCapable, .idleTimeout, .noUpstream, .poolRefusedLogin, .banned, .tls(.required),
            .tls(.alert):
            false
        }
    }
}
