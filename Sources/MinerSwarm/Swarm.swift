internal import EventLoop
internal import PracticeTLS
internal import StratumProtocol

/// All miners of the process on one event loop: connections, turns and results.
///
/// A timer calls `tick`, which does what is due; everything else follows from the proxy's messages. Memory per miner is
/// limited, and shares use only the fixed ring of the ledger.
final class Swarm {
    /// How long the end of a run waits for replies.
    static let drainMillis: UInt64 = 5_000

    let settings: SwarmSettings
    private let loop: Loop
    let parser = JSONParser(documentBytesMax: LineFramer.minerLineBytesMax)
    private var generator: SplitMix
    /// One slot per miner; nil while it is not connected.
    private var places: [MinerConnection?]
    private var lastSerial: UInt32 = 0
    private var waiting: WaitingMiners
    private var sharePace: Pace
    private var churnPace: Pace
    private var connectPace: Pace
    private var keepalivePace: Pace
    private var shareTurn = 0
    private var keepaliveTurn = 0
    private var ledger = ShareLedger()
    var meter: SwarmMeter
    private var output: [UInt8] = []
    /// Set with real hashes.
    private(set) var search: ShareSearch?
    private var tickedNanos: UInt64
    private(set) var isDraining = false

    init(on loop: Loop, settings: SwarmSettings) throws(SystemFailure) {
        self.loop = loop
        self.settings = settings
        generator = SplitMix(seed: settings.seed)
        places = [MinerConnection?](repeating: nil, count: settings.miners)
        waiting = WaitingMiners(count: settings.miners)
        sharePace = Pace(perSecond: settings.isClosedLoop ? 0 : settings.rate)
        churnPace = Pace(perSecond: settings.churn)
        connectPace = Pace(perSecond: settings.connectRate)
        keepalivePace = Pace(
            perSecond: settings.keepaliveSeconds > 0 ? Double(settings.miners) / settings.keepaliveSeconds : 0)
        tickedNanos = loop.nanoseconds
        meter = SwarmMeter(miners: settings.miners, startedNanos: tickedNanos)
        output.reserveCapacity(4_096)
        guard settings.hashThreads > 0 else { return }
        search = try ShareSearch(on: loop, threads: settings.hashThreads) { [unowned self] in computed($0, $1) }
    }

    /// True when no share waits for a reply.
    var isDrained: Bool { meter.counts.shares.outstanding == 0 }

    /// Connects, disconnects and sends what is due.
    func tick() {
        let now = loop.nanoseconds
        let elapsed = Double(now - tickedNanos) / 1e9
        tickedNanos = now
        guard !isDraining else { return }
        connectDue(elapsed: elapsed, now: now)
        for _ in 0..<churnPace.due(afterSeconds: elapsed) { sendOneAway() }
        let due = sharePace.due(afterSeconds: elapsed)
        for sent in 0..<due {
            guard let connection = next(&shareTurn, where: { $0.miner.canMine && !$0.isLeaving && !$0.isSearching })
            else {
                // Before the first login no share can be late.
                if meter.counts.logins.now > 0 { meter.counts.shares.missed += due - sent }
                break
            }
            if search == nil { sendShare(on: connection) } else { searchShare(on: connection) }
        }
        for _ in 0..<keepalivePace.due(afterSeconds: elapsed) {
            guard let connection = next(&keepaliveTurn, where: { $0.miner.isLoggedIn }) else { break }
            sendKeepalive(on: connection)
        }
    }

    /// Stops sending new shares and connecting miners.
    func drain() {
        isDraining = true
    }

    /// Counts unanswered shares as lost and closes all connections.
    func close() {
        meter.counts.shares.lost += meter.counts.shares.outstanding
        meter.counts.shares.outstanding = 0
        search?.close()
        for place in places.indices {
            places[place]?.sendCloseNotify()
            places[place]?.close()
        }
    }

    func report(withHistograms: Bool) -> SwarmReport {
        var report = meter.report(at: loop.nanoseconds, missed: sharePace.missed, withHistograms: withHistograms)
        report.tls = settings.security?.counts
        return report
    }
}

// MARK: - Connecting and disconnecting

extension Swarm {
    private func connectDue(elapsed: Double, now: UInt64) {
        while let index = waiting.takeRetry(atMillis: now / 1_000_000) { connect(index, now: now) }
        let due = settings.connectRate > 0 ? connectPace.due(afterSeconds: elapsed) : settings.miners
        for _ in 0..<due {
            guard let index = waiting.takeNew() else { break }
            connect(index, now: now)
        }
    }

    private func connect(_ index: Int, now: UInt64) {
        lastSerial &+= 1
        let connection = MinerConnection(
            on: loop, id: ConnectionID(index: UInt32(index), serial: lastSerial), startedNanos: now, swarm: self)
        places[index] = connection
        do throws(SystemFailure) {
            if let sources = settings.sources { try connection.bind(to: sources.address(of: index)) }
            try connection.connect(to: settings.target)
        } catch {
            couldNotConnect(connection, error)
        }
    }

    func couldNotConnect(_ connection: MinerConnection, _ failure: SystemFailure) {
        meter.counts.connections.failed.count(failure.description)
        remove(connection)
        retryLater(connection.index)
    }

    /// The handshake has failed; `Security` has counted the reason.
    func couldNotSecure(_ connection: MinerConnection) {
        remove(connection)
        retryLater(connection.index)
    }

    func connected(_ connection: MinerConnection) {
        meter.counts.connections.made += 1
        if let nanos = connection.handshakeNanos { meter.handshakes.add(nanos: nanos) }
        meter.counts.connections.now += 1
        output.removeAll(keepingCapacity: true)
        settings.pattern.append(miner: connection.index, to: &output)
        send(on: connection)
    }

    /// Called when the peer has ended the connection.
    func lost(_ connection: MinerConnection) {
        guard places[connection.index] === connection else { return }
        meter.counts.connections.lost += 1
        drop(connection)
        retryLater(connection.index)
    }

    func foundFault(_ fault: ProxyFault, of connection: MinerConnection) {
        meter.counts.protocolFaults.count(fault.rawValue)
        drop(connection)
        retryLater(connection.index)
    }

    /// Disconnects a random miner for good; another one replaces it at once.
    private func sendOneAway() {
        let first = Int(truncatingIfNeeded: generator.next() >> 33) % places.count
        var turn = first
        guard let connection = next(&turn, where: { $0.miner.isLoggedIn && !$0.isLeaving }) else { return }
        connection.isLeaving = true
        if settings.leavesAbruptly || connection.miner.outstanding == 0 { leave(connection) }
    }

    private func leave(_ connection: MinerConnection) {
        meter.counts.connections.left += 1
        if !settings.leavesAbruptly { connection.sendCloseNotify() }
        drop(connection)
        waiting.join(connection.index)
    }

    /// Closes an established connection.
    private func drop(_ connection: MinerConnection) {
        meter.counts.connections.now -= 1
        if connection.miner.isLoggedIn { meter.counts.logins.now -= 1 }
        let unanswered = Int(connection.miner.outstanding)
        meter.counts.shares.lost += unanswered
        meter.counts.shares.outstanding -= unanswered
        remove(connection)
    }

    private func remove(_ connection: MinerConnection) {
        connection.close()
        places[connection.index] = nil
    }

    private func retryLater(_ index: Int) {
        waiting.pause(index, untilMillis: loop.nanoseconds / 1_000_000 + settings.retryPauseMillis)
    }

    /// The connection with this id while it is open.
    func connection(_ id: ConnectionID) -> MinerConnection? {
        guard let connection = places[Int(id.index)], connection.id == id else { return nil }
        return connection
    }

    /// The next connection in turn that satisfies `isWanted`; nil when a whole round finds none.
    private func next(_ turn: inout Int, where isWanted: (MinerConnection) -> Bool) -> MinerConnection? {
        for _ in places.indices {
            let index = turn
            turn = turn + 1 < places.count ? turn + 1 : 0
            if let connection = places[index], isWanted(connection) { return connection }
        }
        return nil
    }
}

// MARK: - Messages

extension Swarm {
    func received(_ line: Span<UInt8>, from connection: MinerConnection) {
        do throws(ProxyFault) {
            let event = try connection.miner.receive(line, parser: parser)
            if search != nil { try takeWork(of: event, in: line, on: connection) }
            handle(event, on: connection)
        } catch {
            foundFault(error, of: connection)
        }
    }

    private func handle(_ event: SimulatedMiner.Event, on connection: MinerConnection) {
        switch event {
        case .loggedIn(let hasJob): loggedIn(connection, hasJob: hasJob)
        case .loginRefused(let text):
            meter.counts.logins.refused.count(text)
            drop(connection)
            retryLater(connection.index)
        case .job: gotJob(connection, isPushed: true)
        case .shareAccepted(let id):
            if settle(id, on: connection) { meter.counts.shares.ok += 1 }
            carryOn(connection)
        case .shareRefused(let id, let text):
            if settle(id, on: connection) { meter.counts.shares.refused.count(text) }
            carryOn(connection)
        case .keptAlive: meter.counts.keepalives.ok += 1
        case .keepaliveRefused(let text): meter.counts.keepalives.refused.count(text)
        }
    }

    private func loggedIn(_ connection: MinerConnection, hasJob: Bool) {
        meter.loggedIn(startedNanos: connection.startedNanos, at: loop.nanoseconds)
        if hasJob { gotJob(connection, isPushed: false) }
    }

    private func gotJob(_ connection: MinerConnection, isPushed: Bool) {
        guard let job = connection.miner.job else { return }
        if isPushed {
            meter.counts.jobs.pushed += 1
            meter.broadcasts.heard(job.broadcast, now: loop.nanoseconds)
        } else {
            meter.counts.jobs.atLogin += 1
        }
        let part = NonceWatch.Part(work: job.work, nonceByte: job.nonceByte)
        connection.part = part
        meter.nonces.took(part, holder: connection.id) { self.connection($0)?.part == part }
        if settings.isClosedLoop, connection.miner.outstanding == 0 { carryOn(connection) }
    }

    /// After a reply or a first job: sends the next share in a closed loop, or disconnects a leaving miner.
    private func carryOn(_ connection: MinerConnection) {
        if connection.isLeaving {
            if connection.miner.outstanding == 0 { leave(connection) }
        } else if settings.isClosedLoop, !isDraining, connection.miner.canMine {
            sendShare(on: connection)
        }
    }

    private func settle(_ id: Int64, on connection: MinerConnection) -> Bool {
        guard let sent = ledger.close(id: id, of: connection.id) else {
            meter.counts.shares.unexpectedReplies += 1
            return false
        }
        meter.latency.add(nanos: loop.nanoseconds - sent)
        connection.miner.outstanding -= 1
        meter.counts.shares.outstanding -= 1
        return true
    }

    /// - Parameter hashed: a nonce with its real hash; nil = made-up ones.
    func sendShare(on connection: MinerConnection, _ hashed: HashedNonce? = nil) {
        guard let id = ledger.open(connection.id, now: loop.nanoseconds, isLive: { self.connection($0) != nil })
        else {
            meter.counts.shares.missed += 1
            return
        }
        output.removeAll(keepingCapacity: true)
        if let hashed {
            connection.miner.appendShare(id: id, hashed, to: &output)
        } else {
            connection.miner.appendShare(id: id, using: &generator, to: &output)
        }
        meter.counts.shares.sent += 1
        meter.counts.shares.outstanding += 1
        send(on: connection)
    }

    private func sendKeepalive(on connection: MinerConnection) {
        output.removeAll(keepingCapacity: true)
        connection.miner.appendKeepalive(to: &output)
        meter.counts.keepalives.sent += 1
        send(on: connection)
    }

    private func send(on connection: MinerConnection) {
        switch output.withUnsafeBytes({ connection.write($0) }) {
        // After `closed`, `didEnd` follows with the next read.
        case .sent, .queued, .closed: break
        case .overflow: lost(connection)
        }
    }
}
