internal import Certificates
internal import Configuration
internal import Continuity
internal import DaemonKit
internal import EventBus
internal import EventLoop
internal import Glibc
internal import Logging
internal import Secrets
internal import StratumProtocol
internal import StratumSession
internal import Telemetry

/// The wiring of a shard: passes bytes and the time to the `Shard`, and performs its decisions.
///
/// Bytes of miners enter in `MinerConnection.didReceive`, bytes of pools in `PoolConnection.didReceive`. `apply` passes
/// all other inputs to the shard. Only `perform` carries out decisions on sockets, the log or the bus.
///
/// Every input is logged in the journal before the shard decides on it. The journal's memory survives this process, so
/// that the successor of a killed worker can continue (`Takeover`, docs/HANDOVER.md).
final class Worker {
    let log: Logger
    let loop: Loop
    let settings: Settings
    /// The settings that decisions depend on. Its pools are in the order of the settings.
    let policy: ShardPolicy
    var lifeline: Lifeline
    /// nil when connections end with this process.
    var anchor: Anchor?
    let launchContext: LaunchContext
    let parser = JSONParser()

    let translation: EventTranslation
    var shard: Shard
    private var spareOutbox = Outbox()
    private var isPerforming = false
    /// What survives this process: its saved state, and its place in the succession of the shard's processes.
    let journal: JournalKeeper
    var succession: Succession

    let miners = MinerConnections()
    let handshakes = Handshakes()
    let certificate: ServerCertificate
    let pools: PoolLinks
    var listeners: Listeners
    /// nil when there is no address table; then no limit by address is in force.
    let gate: PeerGate?
    var budget = DescriptorBudget(limit: 0, listening: 0)
    let reporter: Reporter
    var news: OperatorLog

    var signals: [SignalSource] = []
    var timers: [Timer] = []
    var turnEnd: TurnEnd?
    var lifelineWatch: DescriptorWatch?
    var stopDeadline: Instant?
    var draining: DrainSchedule?
    var loopDelay = LoopDelay()
    /// Counts the reports of gauges, one a second.
    var seconds = 0
    /// When the room for the chunk that is being read was requested.
    var readAt = Instant(microseconds: 0)

    init(
        _ launchContext: LaunchContext, _ standing: StartRole, _ lifeline: consuming Lifeline, _ anchor: Anchor?,
        log: Logger
    ) throws {
        self.launchContext = launchContext
        succession = Succession(standing)
        self.lifeline = lifeline
        self.anchor = anchor
        self.log = log
        settings = launchContext.settings
        policy = ShardPolicy(settings, shard: launchContext.shard ?? 0)
        listeners = Listeners(
            launchContext.sockets, BindTerms(settings.binds, hasTLS: settings.tls != nil))
        gate = PeerGate(
            descriptor: launchContext.peers, shard: launchContext.shard ?? 0, settings.limits ?? Settings.Limits(), log)
        loop = try Loop()
        let number = UInt16(clamping: launchContext.shard ?? 0)
        translation = EventTranslation(
            shard: number, naming: MinerNaming(mode: settings.workerNaming), secrets: SecretMask(settings.secrets))
        pools = PoolLinks(addresses: PoolAddresses(settings.dns, loop: loop))
        let memory = try Worker.memory(launchContext, standing, log)
        journal = JournalKeeper(memory, log: log) { [loop] in Instant(microseconds: loop.nanoseconds / 1_000) }
        let events: EventLog
        if let takeover = try Worker.takeover(
            from: memory, without: launchContext.succession?.released, standing, translation, parser,
            at: Instant(microseconds: loop.nanoseconds / 1_000), log)
        {
            succession.inherited = InheritedConnections(takeover)
            events = takeover.events
            succession.absorbed = takeover.absorbed
            shard = takeover.shard
        } else {
            events = EventLog(shard: number, epoch: .random())
            shard = Shard(
                policy: policy, seed: UInt64.random(in: .min ... .max),
                secretSeed: UInt64.random(in: .min ... .max))
        }
        news = OperatorLog(log: log, pools: shard.poolNames, preferred: settings.pools.map(\.name))
        reporter = try Reporter(settings, events: events)
        certificate = ServerCertificate(
            settings.tls, for: "miners", reports: launchContext.shard ?? 0 == 0, log: log)
        journal.state = { [unowned self] writer in self.writeState(to: &writer) }
        journal.isAtRest = { [unowned self] in self.isAtRest }
    }

    /// Serves until told to stop.
    func run() throws {
        let limit = DescriptorLimit.current
        budget = DescriptorBudget(limit: limit, listening: launchContext.sockets.count)
        if succession.role == .absorbed { return try tellWhatIsLeft() }
        let began = loop.nanoseconds
        gate?.forgetConnections()
        let adoption = try adopt()
        if succession.role == .besideFrozen { try awaitTurn() }
        try openBus()
        try startListening()
        try startWatching()
        reporter.liveMiners = { [unowned self] in self.joinedMiners }
        for id in shard.minerIDs where shard.waitingSince(id) != nil { miners.waiting.append(id) }
        beginOrGoOn(adoption, since: began)
        perform()
        flush()
        lifeline.say(.ready)
        sayWhatWasAbsorbed()
        log.info("accepting miners", metadata: ["descriptors": "\(limit)"])
        loop.run()
        log.info("stopped")
    }

    // MARK: - Wiring

    /// A burst of new connections must not delay connected miners.
    private static let acceptedEachTurnMax = 4

    private func startListening() throws {
        for socket in launchContext.sockets {
            let listener = try TCPListener(
                on: loop, descriptor: socket, eachTurnMax: Worker.acceptedEachTurnMax,
                cannotAccept: { [unowned self] _ in self.hasNoRoom() },
                makeStream: { [unowned self] loop in MinerConnection(on: loop, worker: self) })
            listeners.append(listener)
        }
    }

    func startWatching() throws {
        for number in [SIGTERM, SIGINT] {
            signals.append(try SignalSource(on: loop, signal: number) { [unowned self] in self.stop() })
        }
        signals.append(try SignalSource(on: loop, signal: SIGUSR2) { [unowned self] in self.leaveToSuccessor() })
        lifelineWatch = try DescriptorWatch(on: loop, descriptor: lifeline.descriptor) { [unowned self] in
            self.hearSupervisor()
        }
        try watchAnchor()
        handshakes.start(on: loop) { [unowned self] in self.resumeHandshakes() }
        turnEnd = TurnEnd(on: loop) { [unowned self] in self.endTurn() }
        every(Limits.tick.count) { $0.tick() }
        every(1_000) { $0.second() }
    }

    func every(_ milliseconds: UInt64, _ body: @escaping (Worker) -> Void) {
        let timer = Timer(on: loop) { [unowned self] in body(self) }
        timer.start(after: milliseconds, repeating: milliseconds)
        timers.append(timer)
    }

    private func second() {
        replaceAnchor()
        mendBus()
        sayHeartbeat()
        recordCheckpoint()
        if stopDeadline == nil, !succession.isAbsorbed { journal.retry() }
        journal.tidy()
        tellGauges()
        budget = DescriptorBudget(limit: DescriptorLimit.current, listening: launchContext.sockets.count)
        miners.waiting.prune { [unowned self] in waiting($0) }
        gate?.readLists()
        certificate.reload()
        boundUnsentBytes()
        news.tellSilenced { [unowned self] in self.label(of: $0) }
        let upstreams = shard.upstreamCounts
        news.second(
            hasPool: upstreams.active > 0 || upstreams.error == 0, waiting: shard.minersNow + shard.minersWaiting,
            at: now)
        noteLimitation()
    }

    /// Also records the refused shares since the last checkpoint.
    func recordCheckpoint() {
        note(.checkpoint)
        reporter.checkpoint(EventTranslation.checkpoint(shard, at: WallClock.milliseconds()))
    }

    private func endTurn() {
        flush()
        listeners.turnEnded()
        miners.readOn()
        handshakes.turnEnded()
        journal.renewIfLong()
        loopDelay.turnEnded(at: loop.nanoseconds, began: loop.turnMilliseconds)
    }

    func tick() {
        loopDelay.ticked(at: loop.nanoseconds, period: Limits.tick.count)
        apply(.tick)
        perform()
        lookAtArrivals()
        miners.lingering.closeDue(at: now)
        goOnDraining()
        flush()
        if let stopDeadline, shard.sharesInFlight == 0 || now >= stopDeadline { finish() }
    }

    var now: Instant { Instant(microseconds: loop.nanoseconds / 1_000) }

    /// False while decisions are performed, or wait for that.
    var isAtRest: Bool { shard.outbox.isEmpty && !isPerforming }

    // MARK: - Inputs

    /// A chunk from a miner was read into `room`.
    func received(_ chunk: UnsafeRawBufferPointer, from connection: MinerConnection) {
        let before = shard.requests
        journal.commit(chunk.count)
        decide(.minerBytes(connection.id), chunk, at: readAt)
        count(requests: Int(truncatingIfNeeded: shard.requests &- before), of: connection)
        perform()
    }

    /// A chunk from a pool was read into `room`.
    func received(_ chunk: UnsafeRawBufferPointer, as input: ShardInput) {
        journal.commit(chunk.count)
        decide(input, chunk, at: readAt)
        perform()
    }

    /// Logs and processes an input other than bytes that were read; the caller calls `perform`.
    func apply(_ input: ShardInput, _ bytes: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)) {
        let now = now
        journal.append(input, bytes, at: now)
        decide(input, bytes, at: now)
    }

    func apply(_ input: ShardInput, _ text: String) {
        var text = text
        text.withUTF8 { apply(input, UnsafeRawBufferPointer($0)) }
    }

    /// Logs a note for a successor, which the shard does not read.
    func note(_ note: WorkerNote) {
        journal.append(.note(note.rawValue), UnsafeRawBufferPointer(start: nil, count: 0), at: now)
    }

    func note(descriptor: Int32) {
        withUnsafeBytes(of: descriptor) { journal.append(.note(WorkerNote.descriptor.rawValue), $0, at: now) }
    }

    private func decide(_ input: ShardInput, _ bytes: UnsafeRawBufferPointer, at now: Instant) {
        do throws(ReplayFault) {
            try bytes.withMemoryRebound(to: UInt8.self) { bytes throws(ReplayFault) in
                try shard.apply(input, bytes.span, with: parser, at: now)
            }
        } catch {
            log.error("saved state is inconsistent: \(error)")  // only a replayed input can fail
        }
    }

    // MARK: - Pool connections

    /// - Parameter handshake: its result; nil for plain TCP.
    func connected(_ link: PoolLink, _ handshake: HandshakeResult? = nil) {
        note(descriptor: link.descriptor)
        if let handshake {
            if link.hasMark { journal.marks?[link.id] = 0 }
            apply(.poolConnected(link.id), handshake)
        } else {
            apply(.poolConnected(link.id))
        }
        perform()
    }

    func ended(_ link: PoolLink, reason: String) {
        apply(.poolClosed(link.id), reason)
        perform()
    }

    // MARK: - Decisions

    /// Performs the shard's decisions, with those that follow from them, until there are none.
    func perform() {
        // The consequences of a command, such as a dial that fails at once, come after earlier decisions.
        guard !isPerforming else { return }
        isPerforming = true
        defer { isPerforming = false }
        while !shard.outbox.isEmpty {
            var outbox = spareOutbox
            spareOutbox = Outbox()
            shard.takeOutbox(replacingWith: &outbox)
            outbox.bytes.withUnsafeBytes { bytes in
                for command in outbox.commands { perform(command, bytes) }
            }
            outbox.removeAll()
            spareOutbox = outbox
        }
    }

    private func perform(_ command: ShardCommand, _ bytes: UnsafeRawBufferPointer) {
        switch command {
        case .sendToMiner(let id, let range):
            guard let connection = miners[id] else { return }
            storeMark(of: connection)
            switch connection.write(UnsafeRawBufferPointer(rebasing: bytes[range])) {
            case .sent: break
            case .queued: miners.noteUnsentBytes()
            case .closed: drop(connection)
            case .overflow: dropUnread(connection)
            }
        case .beginHandshake(let id, let range):
            beginHandshake(id, UnsafeRawBufferPointer(rebasing: bytes[range]))
        case .closeMiner(let id, let reason):
            closeMiner(id, reason)
        case .pauseMiner(let id):
            miners[id]?.pause()
        case .resumeMiner(let id):
            if stopDeadline == nil { miners[id]?.resume() }
        case .sendToPool(let id, let range):
            storeMark(of: id)
            if let full = pools.append(UnsafeRawBufferPointer(rebasing: bytes[range]), to: id) { flush(full) }
        case .dial(let id):
            dial(id)
        case .hangUp(let id):
            pools.remove(id)?.hangUp()
        case .joined(let id, let key):
            loggedIn(id)
            guard let introduction = shard.introduction(of: id) else { return }
            reporter.joined(translation.joined(introduction, key: key), id)
            news.joined(introduction, miners: shard.minersNow)
        case .moved(let id, let key):
            guard let introduction = shard.introduction(of: id) else { return }
            reporter.joined(translation.moved(introduction, key: key), id)
        case .left(let id, let key):
            reporter.left(key: key)
            news.left(address(of: id), miners: shard.minersNow)
        case .released(let id, let key):
            if let key { reporter.left(key: key) }
            guard let connection = miners[id] else { return }
            forget(connection)
            connection.close()
        case .settled(let share):
            reporter.settled(share)
            count(share)
            news.settled(
                share, ip: address(of: share.miner), worker: logName(of: share.miner),
                pool: poolName(atRank: share.pool))
        case .poolError(let text):
            reporter.poolError(translation.poolError(text, at: WallClock.milliseconds()))
        case .notice(let item):
            tellOtherShards(item)
            news.tell(
                item, at: now, miner: { [unowned self] in address(of: $0) },
                worker: { [unowned self] in logName(of: $0) })
        }
    }

    /// Ends a turn: one write for each pool connection.
    func flush() {
        // A pool that is given up has consequences, which may be bytes for another pool.
        while pools.flush({ flush($0) }) { perform() }
        perform()
    }

    private func flush(_ link: PoolLink) {
        if !link.flush() { apply(.poolClosed(link.id), "it does not read what it is sent") }
    }
}
