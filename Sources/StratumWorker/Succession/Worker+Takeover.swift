internal import Configuration
internal import Continuity
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Linux
internal import Logging
internal import StratumProtocol
internal import StratumSession

/// The connections of a takeover, whose descriptors the predecessor's anchor still holds.
struct InheritedConnections {
    let incarnation: UInt64
    private(set) var miners: [(id: MinerID, link: WorkerState.Connection)]
    private(set) var pools: [(id: PoolConnectionID, link: WorkerState.Connection)]
    /// Dials that were not finished.
    private(set) var unmadePools: [PoolConnectionID]
    /// The input that was being read, with all the room reserved for its bytes.
    private(set) var unfinished: (input: ShardInput, bytes: UnsafeRawBufferPointer)?
    let replayed: Int

    init(_ takeover: borrowing Takeover) {
        incarnation = takeover.incarnation
        let nothing = WorkerState.Connection(descriptor: -1, unsent: [])
        let (minerLinks, poolLinks) = (takeover.miners, takeover.pools)
        miners = takeover.shard.minerIDs.map { ($0, minerLinks[$0] ?? nothing) }
        let all = takeover.shard.poolConnections
        pools = all.filter(\.isOpen).map { ($0.id, poolLinks[$0.id] ?? nothing) }
        unmadePools = all.filter { !$0.isOpen }.map(\.id)
        unfinished = takeover.unfinished.map { ($0.input, $0.bytes) }
        replayed = takeover.replayed
    }

    /// Replaces the identifiers by those of the shard that absorbed them.
    mutating func rename(_ absorption: Absorption) {
        miners = miners.compactMap { miner in absorption.name(of: miner.id).map { ($0, miner.link) } }
        pools = pools.compactMap { pool in absorption.name(of: pool.id).map { ($0, pool.link) } }
        unmadePools = unmadePools.compactMap { absorption.name(of: $0) }
        switch unfinished?.input {
        case .minerBytes(let id): unfinished?.input = .minerBytes(absorption.name(of: id) ?? id)
        case .poolBytes(let id): unfinished?.input = .poolBytes(absorption.name(of: id) ?? id)
        // These inputs have no bytes from the kernel.
        case .note, .start, .minerConnected, .minerSecured, .poolConnected, .minerClosed, .poolClosed, .poolNotKept,
            .tick, .policy, .release, .conduct, nil:
            break
        }
    }

    /// Gets their descriptors from the anchor, those of the miners first; nil for each that is not open any more.
    func descriptors(from anchored: AnchoredDescriptors) throws(SystemCallFailure) -> [Int32?] {
        try anchored.duplicates(of: miners.map(\.link.descriptor) + pools.map(\.link.descriptor))
    }
}

// How a worker continues after a predecessor.

extension Worker {
    /// - Parameter released: the part of the predecessor that another shard has absorbed.
    /// - Returns: nil when there is no saved state, or when it cannot be restored and no other process could do so. The
    ///   shard then starts empty, and its miners reconnect.
    static func takeover(
        from memory: StateMemory?, without released: LaunchContext.Succession.Released?, _ standing: StartRole,
        _ translation: EventTranslation, _ parser: JSONParser, at now: Instant, _ log: Logger
    ) throws(HandoverRefusal) -> Takeover? {
        guard let memory, StateJournalReader.isThere(in: UnsafeRawBufferPointer(memory.bytes)) else { return nil }
        do throws(Takeover.Fault) {
            var takeover = try Takeover.of(
                UnsafeRawBufferPointer(memory.bytes), Worker.reading(translation, parser, at: now))
            if let released, UInt64(released.incarnation) == takeover.incarnation {
                try takeover.release(ReleasedPart(released.part), at: now)
            }
            return takeover
        } catch {
            // A program that can replay the log may be started next: the supervisor keeps the one that wrote it.
            if standing == .besideFrozen || error == .otherRules { throw .unreadable(error) }
            log.error("cannot restore the state of the previous process (\(error)); its miners reconnect")
            return nil
        }
    }

    static func reading(_ translation: EventTranslation, _ parser: JSONParser, at now: Instant) -> Takeover.Reading {
        let (wall, monotonic) = (WallClock.milliseconds(), now.microseconds / 1_000)
        return Takeover.Reading(rules: JournalKeeper.rules, translation: translation, parser: parser) { moment in
            wall &- (monotonic &- moment.microseconds / 1_000)
        }
    }

    /// Gets the predecessor's connections without changing them; nil when there are none.
    func adopt() throws(HandoverRefusal) -> Adoption? {
        guard let inherited = succession.takeInherited() else { return nil }
        let former = launchContext.succession?.former.first { UInt64($0.incarnation) == inherited.incarnation }
        let anchored = former.map { AnchoredDescriptors(socket: $0.anchor) }
        let descriptors = anchored.flatMap { try? inherited.descriptors(from: $0) }
        if succession.role == .besideFrozen, descriptors == nil { throw .noDescriptors }
        var adoption = Adoption(inherited, descriptors ?? [], by: self)
        // A process frozen at the end of a turn has logged all connections it accepted.
        if let anchored, succession.role == .alone { adoption.adoptStrangers(inherited, anchored) }
        return adoption
    }

    /// Resumes the adopted connections, or starts with none.
    /// - Parameter began: start of the takeover, in nanoseconds of the loop's clock.
    func beginOrGoOn(_ adoption: Adoption?, since began: UInt64) {
        // An anchor runs until all ends of its socket pair are closed. Until then it keeps all descriptors of the
        // killed process open.
        defer { for former in launchContext.succession?.former ?? [] { close(former.anchor) } }
        journal.begin()
        guard let adoption else { return apply(.start) }
        adoption.goOn()
        adoptConfiguration()
        let milliseconds = Double((loop.nanoseconds - began) / 10_000) / 100
        log.notice(
            """
            took over \(counted(adoption.miners.count, "miner")) and \(counted(adoption.pools.count, "pool connection")) \
            in \(milliseconds) ms: \(counted(adoption.replayed, "logged input")) replayed, \
            \(counted(adoption.lostCount, "connection")) lost
            """)
    }

    /// Adopts settings that were changed since the predecessor was started. Miners stay connected; the shard decides
    /// about the pool connections (`Shard.adopt`).
    private func adoptConfiguration() {
        guard policy != shard.policy else { return }
        apply(policy: policy)
        news.pools = shard.poolNames
        perform()
    }

    private func apply(policy: ShardPolicy) {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: Worker.policyBytesMax, alignment: 8)
        defer { bytes.deallocate() }
        var writer = BinaryWriter(into: bytes)
        policy.encode(to: &writer)
        guard writer.fits else { return log.error("the new settings are too long; the previous ones stay in force") }
        apply(.policy, UnsafeRawBufferPointer(rebasing: bytes[..<writer.count]))
    }

    /// Enough for 64 pools with logins of several kilobytes.
    private static let policyBytesMax = 1024 * 1024

    /// Adopts the connections of a shard. All of them are open before a byte is sent or read on any.
    struct Adoption {
        private let worker: Worker
        private(set) var miners: [MinerConnection] = []
        private(set) var pools: [PoolLink] = []
        /// Connections that could not be adopted.
        var lostCount: Int { lostMiners.count + lostPools.count }
        private var unsent: [(TCPStream, [UInt8])] = []
        private var lostMiners: [MinerID] = []
        private var lostPools: [PoolConnectionID] = []
        private let unmadePools: [PoolConnectionID]
        private var strangers: [MinerConnection] = []
        private var unlogged: (input: ShardInput, bytes: [UInt8])?
        /// The number of inputs replayed.
        let replayed: Int

        /// - Parameter descriptors: from `InheritedConnections.descriptors`; a connection without one is lost.
        init(_ inherited: InheritedConnections, _ descriptors: [Int32?], by worker: Worker) {
            self.worker = worker
            replayed = inherited.replayed
            unmadePools = inherited.unmadePools
            adoptMiners(inherited, descriptors.prefix(inherited.miners.count))
            adoptPools(inherited, descriptors.dropFirst(inherited.miners.count))
        }

        private mutating func adoptMiners(_ inherited: InheritedConnections, _ descriptors: ArraySlice<Int32?>) {
            var rest = descriptors
            for (id, link) in inherited.miners {
                let connection = MinerConnection(on: worker.loop, worker: worker)
                worker.miners.enter(connection, as: id)
                guard let descriptor = rest.popFirst() ?? nil,
                    (try? connection.open(descriptor: descriptor)) != nil, worker.shard.canContinue(id),
                    reconcile(connection, link, worker.shard.traffic(of: id), .minerBytes(id), inherited)
                else {
                    lostMiners.append(id)
                    continue
                }
                connection.hasMark = worker.shard.mark(of: id) != nil
                worker.found(connection)
                miners.append(connection)
            }
        }

        private mutating func adoptPools(_ inherited: InheritedConnections, _ descriptors: ArraySlice<Int32?>) {
            var rest = descriptors
            for (id, writer) in inherited.pools {
                let link = PoolLink(id, worker: worker)
                worker.pools.enter(link)
                guard let descriptor = rest.popFirst() ?? nil, let connection = try? link.adopt(descriptor: descriptor),
                    worker.shard.canContinue(id),
                    reconcile(connection, writer, worker.shard.traffic(of: id), .poolBytes(id), inherited)
                else {
                    lostPools.append(id)
                    continue
                }
                pools.append(link)
            }
        }

        /// - Returns: false when the connection has ended, or the counts of the kernel and the shard contradict each
        ///   other.
        private mutating func reconcile(
            _ stream: TCPStream, _ link: WorkerState.Connection, _ traffic: Traffic?, _ input: ShardInput,
            _ inherited: InheritedConnections
        ) -> Bool {
            let isPool = if case .poolBytes = input { true } else { false }
            guard let traffic, let counts = ConnectionCounts(descriptor: stream.descriptor, wasOpenedHere: isPool),
                let rest = link.remainder(traffic, written: counts.written, read: counts.read)
            else { return false }
            if rest.unlogged > 0 {
                guard let unfinished = inherited.unfinished, unfinished.input == input,
                    rest.unlogged <= unfinished.bytes.count
                else { return false }
                unlogged = (input, Array(unfinished.bytes.prefix(rest.unlogged)))
            }
            if !rest.unsent.isEmpty {
                unsent.append((stream, Array(rest.unsent)))
                worker.succession.withheld[stream.descriptor] = Array(rest.unsent)
            }
            return true
        }

        /// Adopts connections that were accepted but not logged. No byte was sent or received on them.
        mutating func adoptStrangers(_ inherited: InheritedConnections, _ anchored: AnchoredDescriptors) {
            let known = Set(inherited.miners.map(\.link.descriptor) + inherited.pools.map(\.link.descriptor))
            let all = (try? anchored.connections(max: Int(clamping: DescriptorLimit.current))) ?? []
            for case let descriptor? in (try? anchored.duplicates(of: all.filter { !known.contains($0) })) ?? [] {
                let connection = MinerConnection(on: worker.loop, worker: worker)
                guard (try? connection.open(descriptor: descriptor)) != nil else {
                    close(descriptor)
                    connection.close()
                    continue
                }
                let counts = ConnectionCounts(descriptor: descriptor, wasOpenedHere: false)
                let isNew = counts.map { $0.written == 0 && $0.read == 0 } ?? false
                if isNew, connection.local.map({ worker.listeners.include($0) }) == true {
                    strangers.append(connection)
                } else {
                    connection.close()
                }
            }
        }

        /// Resumes sending and reading.
        func goOn() {
            for (stream, bytes) in unsent { _ = bytes.withUnsafeBytes { stream.send($0) } }
            worker.succession.withheld = [:]
            if let unlogged { unlogged.bytes.withUnsafeBytes { worker.apply(unlogged.input, $0) } }
            for id in lostMiners { worker.endLost(id) }
            for id in lostPools { worker.endLost(id) }
            // A dial to a pool that the configuration no longer names ends in `adoptConfiguration`.
            for id in unmadePools where worker.endpoint(of: id) != nil { worker.dial(id) }
            worker.perform()
            for connection in miners where !worker.shard.isPaused(connection.id) { connection.startReading() }
            for link in pools { link.startReading() }
            for connection in strangers { worker.accepted(connection) }
        }
    }

    private func endLost(_ id: MinerID) {
        guard let connection = miners[id] else { return }
        if shard.tls(of: id) != nil {
            // Miners with a TLS older than 1.3, all of the shard: they must not come back at once.
            apply(.minerClosed(id))
            forget(connection)
            let delay = Milliseconds(UInt64.random(in: 0...Worker.notKeptDelayMax.count))
            return miners.lingering.add(connection, until: now + delay)
        }
        connection.reset()
        drop(connection)
    }

    /// XMRig comes back after 5 s.
    private static let notKeptDelayMax = Milliseconds.seconds(5)

    private func endLost(_ id: PoolConnectionID) {
        pools[id]?.reset()
        if shard.canContinue(id) {
            apply(.poolClosed(id), "lost while taking over")
        } else {
            apply(.poolNotKept(id))
        }
        perform()
    }
}
