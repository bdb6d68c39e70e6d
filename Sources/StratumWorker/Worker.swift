internal import Configuration
internal import DaemonKit
internal import EventBus
internal import EventLoop
internal import Glibc
internal import Logging
internal import StratumProtocol
internal import StratumSession
internal import Telemetry

/// The whole wiring of a shard: sockets and time go into the `Shard`, what it decides is performed here.
///
/// Bytes of miners enter in `MinerConnection.didReceive`, bytes of pools in `PoolConnection.didReceive`; both become
/// messages, the shard decides, and `perform` is the only place where a decision touches a socket, the log or the bus.
final class Worker {
    let log: Logger
    let loop: Loop
    private let settings: Settings
    private let lifeline: Lifeline
    private let inheritance: Inheritance
    private let parser = JSONParser()

    private var shard: Shard
    private var spareOutbox = Outbox()
    private var isPerforming = false
    /// By `MinerID.index`.
    private var miners: [MinerConnection?] = []
    private var departures = Departures()
    private var budget = DescriptorBudget(limit: 0, listening: 0)
    private var pools: [PoolConnectionID: PoolLink] = [:]
    /// Links with bytes that leave at the end of the turn.
    private var unflushed: [PoolLink] = []
    private var flushing: [PoolLink] = []
    private let addresses: PoolAddresses
    private let reporter: Reporter
    private var news: NewsLog

    private var listeners: [TCPListener] = []
    private var signals: [SignalSource] = []
    private var timers: [Timer] = []
    private var turnEnd: TurnEnd?
    private var lifelineWatch: DescriptorWatch?
    private var stopDeadline: Instant?
    private var loopDelay = LoopDelay()
    private var seconds = 0

    init(_ inheritance: Inheritance, log: Logger) throws {
        self.inheritance = inheritance
        self.log = log
        settings = inheritance.settings
        loop = try Loop()
        lifeline = Lifeline(descriptor: Lifeline.inheritedDescriptor)
        shard = Shard(
            policy: ShardPolicy(settings, shard: inheritance.shard ?? 0), seed: UInt64.random(in: .min ... .max))
        addresses = PoolAddresses(settings, loop: loop)
        reporter = try Reporter(settings, shard: inheritance.shard ?? 0, loop: loop)
        news = NewsLog(log: log, pools: settings.pools.map(\.name))
    }

    /// Serves until told to stop.
    func run() throws {
        let limit = DescriptorLimit.raise()
        budget = DescriptorBudget(limit: limit, listening: inheritance.sockets.count)
        try startListening()
        try startWatching()
        reporter.liveMiners = { [unowned self] in self.miners.compactMap { $0?.joined } }
        shard.start(at: now)
        perform()
        flush()
        lifeline.sayReady()
        log.info("accepting miners", metadata: ["descriptors": "\(limit)"])
        loop.run()
        log.info("stopped")
    }

    // MARK: - Wiring

    private func startListening() throws {
        for socket in inheritance.sockets {
            let listener = try TCPListener(
                on: loop, descriptor: socket, cannotAccept: { [unowned self] _ in self.hasNoRoom() },
                makeStream: { [unowned self] loop in MinerConnection(on: loop, worker: self) })
            listeners.append(listener)
        }
    }

    private func startWatching() throws {
        for number in [SIGTERM, SIGINT] {
            signals.append(try SignalSource(on: loop, signal: number) { [unowned self] in self.stop() })
        }
        lifelineWatch = try DescriptorWatch(on: loop, descriptor: lifeline.descriptor) { [unowned self] in
            if self.lifeline.isCut() { self.supervisorGone() }
        }
        turnEnd = TurnEnd(on: loop) { [unowned self] in self.endTurn() }
        every(Limits.tick.count) { $0.tick() }
        every(1_000) { $0.second() }
    }

    private func every(_ milliseconds: UInt64, _ body: @escaping (Worker) -> Void) {
        let timer = Timer(on: loop) { [unowned self] in body(self) }
        timer.start(after: milliseconds, repeating: milliseconds)
        timers.append(timer)
    }

    private func second() {
        lifeline.sayBeat()
        reporter.checkpoint(gauges)
        tellGauges()
        budget = DescriptorBudget(limit: DescriptorLimit.current, listening: inheritance.sockets.count)
        news.tellSilenced()
    }

    /// All upstreams, and of the miners those whose turn it is.
    private func tellGauges() {
        let slice = stride(
            from: seconds % ShardGauges.minersEverySeconds, to: miners.count, by: ShardGauges.minersEverySeconds)
        seconds += 1
        let gauges = slice.compactMap { row -> MinerGauge? in
            guard let connection = miners[row], let joined = connection.joined else { return nil }
            return MinerGauge(
                key: joined.key, sentBytes: connection.sentBytes, receivedBytes: connection.receivedBytes,
                difficulty: shard.difficulty(of: connection.id) ?? 0)
        }
        reporter.gauges(shard.upstreamViews, gauges, loopDelay: loopDelay.takeWorst(), now: now)
    }

    private func endTurn() {
        flush()
        loopDelay.turnEnded(at: loop.nanoseconds, began: loop.turnMilliseconds)
    }

    private func tick() {
        loopDelay.ticked(at: loop.nanoseconds, period: Limits.tick.count)
        shard.tick(at: now)
        perform()
        departures.closeDue(at: now)
        flush()
        if let stopDeadline, shard.sharesInFlight == 0 || now >= stopDeadline { finish() }
    }

    var now: Instant { Instant(microseconds: loop.nanoseconds / 1_000) }

    private var gauges: Reporter.Gauges {
        Reporter.Gauges(minersNow: shard.minersNow, connections: shard.connections, upstreams: shard.upstreamCounts)
    }

    // MARK: - What miners do

    func accepted(_ connection: MinerConnection) {
        guard budget.hasRoom(connections: shard.connections + departures.count + pools.count) else {
            hasNoRoom()
            return connection.reset()
        }
        guard stopDeadline == nil, let id = shard.minerConnected(at: now) else { return connection.reset() }
        connection.id = id
        let row = Int(id.index)
        if row == miners.count { miners.append(connection) } else { miners[row] = connection }
        connection.startReading()
    }

    private func hasNoRoom() {
        news.noRoom(miners: shard.connections, descriptors: DescriptorLimit.current)
    }

    /// One line of a miner: parsed, decided. What was decided is performed when the whole chunk has been read.
    func received(_ line: Span<UInt8>, from connection: MinerConnection, at now: Instant) {
        do throws(PeerFault) {
            let request = try parser.minerRequest(line)
            if case .login(let login) = request, connection.identity == nil {
                connection.identity = MinerIdentity(
                    login, ip: connection.peer?.host ?? "", naming: settings.workerNaming)
            }
            shard.receive(request, from: connection.id, at: now)
        } catch {
            shard.fault(error, of: connection.id, at: now)
        }
    }

    func faulted(_ connection: MinerConnection, _ fault: PeerFault) {
        shard.fault(fault, of: connection.id, at: now)
    }

    func ended(_ connection: MinerConnection) {
        drop(connection)
        perform()
    }

    // MARK: - What pools do

    func connected(_ link: PoolLink) {
        shard.poolConnected(link.id, at: now)
        perform()
    }

    func received(_ line: Span<UInt8>, from link: PoolLink, at now: Instant) {
        let reading = shard.reading(of: link.id)
        do throws(PeerFault) {
            let message = try parser.poolMessage(line, loginID: reading.loginID, assumed: reading.assumed)
            shard.receive(message, from: link.id, at: now)
        } catch {
            shard.fault(error, of: link.id, at: now)
        }
    }

    func faulted(_ link: PoolLink, _ fault: PeerFault) {
        shard.fault(fault, of: link.id, at: now)
    }

    func ended(_ link: PoolLink, reason: String) {
        shard.poolClosed(link.id, reason: reason, at: now)
        perform()
    }

    // MARK: - Performing decisions

    /// Does what the shard has decided, and what it decides meanwhile, until it has no more wishes.
    func perform() {
        // What a command brings about (a dial that fails at once) comes after what was decided before it.
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
            guard let connection = miner(id) else { return }
            switch connection.write(UnsafeRawBufferPointer(rebasing: bytes[range])) {
            case .sent, .queued: break
            case .closed: drop(connection)
            case .overflow:
                news.overflowed(connection.peer?.host)
                // Half a line may be in the kernel: it must not arrive as if it were whole.
                connection.reset()
                drop(connection)
            }
        case .closeMiner(let id, let reason):
            guard let connection = miner(id) else { return }
            news.closed(connection.peer?.host, reason)
            forget(connection)
            reason.isExplained ? departures.add(connection, at: now) : connection.close()
        case .sendToPool(let id, let range):
            guard let link = pools[id] else { return }
            if link.append(UnsafeRawBufferPointer(rebasing: bytes[range])) { unflushed.append(link) }
            if link.isFull { flush(link) }
        case .dial(let id):
            let link = PoolLink(id, worker: self)
            pools[id] = link
            addresses.next(for: Int(id.pool)) { link.dial($0) }
        case .hangUp(let id):
            pools.removeValue(forKey: id)?.hangUp()
        case .joined(let id, let key):
            guard let connection = miner(id) else { return }
            reporter.joined(connection, key: key)
        case .left(let key):
            reporter.left(key: key)
        case .settled(let share):
            reporter.settled(share)
        case .poolError(let text):
            reporter.poolError(text)
        case .news(let item):
            news.tell(item, miner: { [unowned self] id in self.miner(id)?.peer?.host })
        }
    }

    /// The end of a turn: one write for each pool connection.
    private func flush() {
        // A pool that is given up has its consequences, and those may be words for another one.
        while !unflushed.isEmpty {
            swap(&unflushed, &flushing)
            for link in flushing { flush(link) }
            flushing.removeAll(keepingCapacity: true)
            perform()
        }
        perform()
    }

    private func flush(_ link: PoolLink) {
        if !link.flush() { shard.poolClosed(link.id, reason: "it does not read", at: now) }
    }

    private func miner(_ id: MinerID) -> MinerConnection? {
        let row = Int(id.index)
        guard row < miners.count, let connection = miners[row], connection.id == id else { return nil }
        return connection
    }

    /// The connection is broken or hopeless.
    private func drop(_ connection: MinerConnection) {
        shard.minerClosed(connection.id, at: now)
        forget(connection)
        connection.close()
    }

    private func forget(_ connection: MinerConnection) {
        let row = Int(connection.id.index)
        if row < miners.count, miners[row] === connection { miners[row] = nil }
    }

    // MARK: - Ending

    private func supervisorGone() {
        lifelineWatch?.close()
        if stopDeadline == nil { log.notice("let go by the supervisor, or it is gone: leaving") }
        stop()
    }

    /// Takes no more shares, waits a moment for the pools' answers to those under way, then leaves.
    private func stop() {
        guard stopDeadline == nil else { return }
        stopDeadline = now + Worker.stopGrace
        for listener in listeners { listener.close() }
        for connection in miners { connection?.stopReading() }
        tick()
    }

    /// How long shares in flight may hold up the end: pools answer in a fraction of a second or not at all.
    private static let stopGrace = Milliseconds(1_000)

    private func finish() {
        for connection in miners {
            guard let connection else { continue }
            drop(connection)
        }
        perform()
        departures.closeAll()
        for link in pools.values { link.hangUp() }
        pools.removeAll()
        reporter.close(gauges)
        for timer in timers { timer.close() }
        for signal in signals { signal.close() }
        lifelineWatch?.close()
        turnEnd?.close()
        loop.stop()
    }
}
