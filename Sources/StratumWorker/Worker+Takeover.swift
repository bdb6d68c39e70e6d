internal import Configuration
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Handover
internal import Logging
internal import StratumProtocol
internal import StratumSession

/// The connections of a takeover, still in the hands of the predecessor's anchor.
struct InheritedConnections {
    let incarnation: UInt64
    let miners: [MinerID: WorkerForm.Connection]
    let pools: [PoolConnectionID: WorkerForm.Connection]
    let unfinished: LoggedInput?
    let replayed: Int
    let poolNames: [String]

    init(_ takeover: borrowing Takeover) {
        incarnation = takeover.incarnation
        miners = takeover.miners
        pools = takeover.pools
        unfinished = takeover.unfinished
        replayed = takeover.replayed
        poolNames = takeover.poolNames
    }
}

// How a worker goes on where its predecessor was stopped.

extension Worker {
    /// nil when there is nothing to take over, or it cannot be and nobody else could go on with it: then the shard begins anew,
    /// and its miners connect again.
    static func takeover(
        from memory: StateMemory?, _ standing: Standing, pools: Int, _ translation: EventTranslation,
        _ parser: JSONParser, at now: Instant, _ log: Logger
    ) throws(HandoverRefusal) -> Takeover? {
        guard let memory, LeftChronicle.isThere(in: UnsafeRawBufferPointer(memory.bytes)) else { return nil }
        let (wall, monotonic) = (WallClock.milliseconds(), now.microseconds / 1_000)
        do throws(Takeover.Fault) {
            let reading = Takeover.Reading(rules: rules, translation: translation, parser: parser) { moment in
                wall &- (monotonic &- moment.microseconds / 1_000)
            }
            let takeover = try Takeover.of(UnsafeRawBufferPointer(memory.bytes), reading)
            guard takeover.poolNames.count == pools, takeover.shard.policy.pools.count == pools else {
                throw .otherPools
            }
            return takeover
        } catch {
            // Who decided the log may be started yet (the supervisor keeps its program).
            if standing == .besideFrozen || error == .otherRules { throw .unreadable(error) }
            log.error("the state of the earlier process cannot be taken over (\(error)); its miners connect anew")
            return nil
        }
    }

    /// Gets hold of the predecessor's connections; nothing of them is touched. nil when there are none.
    func adopt() throws(HandoverRefusal) -> Adoption? {
        guard let inherited else { return nil }
        self.inherited = nil
        let adoption = Adoption(inherited, by: self)
        if standing == .besideFrozen, adoption.hasNoDescriptors { throw .noDescriptors }
        return adoption
    }

    /// Lets the bytes of the adopted connections move, or begins with none.
    /// - Parameter began: when the takeover did, in nanoseconds of the loop's clock.
    func beginOrGoOn(_ adoption: Adoption?, since began: UInt64) {
        // While anybody holds an end of it, an anchor stays down, and with it whatever else the dead process had open.
        defer { for former in inheritance.legacy?.former ?? [] { close(former.anchor) } }
        beginChronicle()
        guard let adoption else { return take(.start) }
        adoption.goOn()
        adoptConfiguration(adoption.poolNames)
        let milliseconds = Double((loop.nanoseconds - began) / 10_000) / 100
        log.notice(
            "took over \(adoption.miners.count) miners and \(adoption.pools.count) pool connections in \(milliseconds) ms",
            metadata: ["replayed": "\(adoption.replayed)", "lost": "\(adoption.lostCount)"])
    }

    /// What the operator has changed since the predecessor was started. Miners stay; sessions with a pool that is another one
    /// now, or that knows us by another login, end.
    private func adoptConfiguration(_ poolNames: [String]) {
        let wanted = ShardPolicy(settings, shard: inheritance.shard ?? 0)
        let (before, names) = (shard.policy.pools, settings.pools.map(\.name))
        let changed = wanted.pools.indices.filter { poolNames[$0] != names[$0] || before[$0] != wanted.pools[$0] }
        if wanted != shard.policy { take(policy: wanted) }
        for (id, _) in shard.poolConnections where changed.contains(Int(id.pool)) {
            pools[id]?.hangUp()
            take(.poolClosed(id), "the configuration has changed")
        }
        perform()
    }

    private func take(policy: ShardPolicy) {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: Worker.policyBytesMax, alignment: 8)
        defer { bytes.deallocate() }
        var form = FormWriter(into: bytes)
        policy.encode(to: &form)
        guard form.fits else { return log.error("the settings are too long: those of before stay in force") }
        take(.policy, UnsafeRawBufferPointer(rebasing: bytes[..<form.count]))
    }

    /// 64 pools with logins of kilobytes.
    private static let policyBytesMax = 1024 * 1024

    /// Takes up one shard's connections: all of them stand before a byte moves on any.
    struct Adoption {
        private let worker: Worker
        private(set) var miners: [MinerConnection] = []
        private(set) var pools: [PoolLink] = []
        /// Connections that could not be taken up.
        var lostCount: Int { lostMiners.count + lostPools.count }
        private var unsent: [(TCPStream, [UInt8])] = []
        private var lostMiners: [MinerID] = []
        private var lostPools: [PoolConnectionID] = []
        private var unmadePools: [PoolConnectionID] = []
        private var strangers: [MinerConnection] = []
        private var unlogged: (input: ShardInput, bytes: [UInt8])?
        /// The anchor gave nothing.
        private(set) var hasNoDescriptors = false
        let poolNames: [String]
        /// How many inputs were decided again.
        let replayed: Int

        init(_ inherited: InheritedConnections, by worker: Worker) {
            self.worker = worker
            poolNames = inherited.poolNames
            replayed = inherited.replayed
            let former = worker.inheritance.legacy?.former.first { UInt64($0.incarnation) == inherited.incarnation }
            let anchored = former.map { AnchoredDescriptors(socket: $0.anchor) }
            adoptMiners(inherited, anchored)
            adoptPools(inherited, anchored)
            // Who stood still at the end of a turn has written down all that it had accepted.
            if let anchored, worker.standing == .alone { adoptStrangers(inherited, anchored) }
        }

        private mutating func take(_ descriptors: [Int32], _ anchored: AnchoredDescriptors?) -> [Int32?] {
            if let taken = try? anchored?.take(descriptors) { return taken }
            hasNoDescriptors = true
            return [Int32?](repeating: nil, count: descriptors.count)
        }

        private mutating func adoptMiners(_ inherited: InheritedConnections, _ anchored: AnchoredDescriptors?) {
            let ids = worker.shard.minerIDs
            let links = ids.map { inherited.miners[$0] ?? WorkerForm.Connection(descriptor: -1, unsent: []) }
            for (index, descriptor) in take(links.map(\.descriptor), anchored).enumerated() {
                let id = ids[index]
                let connection = MinerConnection(on: worker.loop, worker: worker)
                worker.enter(connection, as: id)
                guard let descriptor, (try? connection.open(descriptor: descriptor)) != nil,
                    reconcile(connection, links[index], worker.shard.traffic(of: id), .minerBytes(id), inherited)
                else {
                    lostMiners.append(id)
                    continue
                }
                miners.append(connection)
            }
        }

        private mutating func adoptPools(_ inherited: InheritedConnections, _ anchored: AnchoredDescriptors?) {
            let all = worker.shard.poolConnections
            unmadePools = all.filter { !$0.stands }.map(\.id)
            let ids = all.filter(\.stands).map(\.id)
            let links = ids.map { inherited.pools[$0] ?? WorkerForm.Connection(descriptor: -1, unsent: []) }
            for (index, descriptor) in take(links.map(\.descriptor), anchored).enumerated() {
                let id = ids[index]
                let link = PoolLink(id, worker: worker)
                worker.pools[id] = link
                guard let descriptor, let connection = try? link.adopt(descriptor: descriptor),
                    reconcile(connection, links[index], worker.shard.traffic(of: id), .poolBytes(id), inherited)
                else {
                    lostPools.append(id)
                    continue
                }
                pools.append(link)
            }
        }

        /// - Returns: false when the connection is gone, or the kernel's counts and ours do not fit together.
        private mutating func reconcile(
            _ stream: TCPStream, _ link: WorkerForm.Connection, _ traffic: Traffic?, _ input: ShardInput,
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
            if !rest.unsent.isEmpty { unsent.append((stream, Array(rest.unsent))) }
            return true
        }

        /// Connections that had been accepted, but not yet written down: they have not said anything yet.
        private mutating func adoptStrangers(_ inherited: InheritedConnections, _ anchored: AnchoredDescriptors) {
            let known = Set(inherited.miners.values.map(\.descriptor) + inherited.pools.values.map(\.descriptor))
            let all = (try? anchored.connections(max: Int(clamping: DescriptorLimit.current))) ?? []
            for case let descriptor? in take(all.filter { !known.contains($0) }, anchored) {
                let connection = MinerConnection(on: worker.loop, worker: worker)
                guard (try? connection.open(descriptor: descriptor)) != nil else {
                    close(descriptor)
                    connection.close()
                    continue
                }
                let counts = ConnectionCounts(descriptor: descriptor, wasOpenedHere: false)
                let isNew = counts.map { $0.written == 0 && $0.read == 0 } ?? false
                if isNew, connection.local.map({ worker.isListening(on: $0) }) == true {
                    strangers.append(connection)
                } else {
                    connection.close()
                }
            }
        }

        /// Lets the bytes move.
        func goOn() {
            for (stream, bytes) in unsent { _ = bytes.withUnsafeBytes { stream.send($0) } }
            if let unlogged { unlogged.bytes.withUnsafeBytes { worker.take(unlogged.input, $0) } }
            for id in lostMiners { worker.endLost(id) }
            for id in lostPools { worker.endLost(id) }
            for id in unmadePools { worker.dial(id) }
            worker.perform()
            for connection in miners { connection.startReading() }
            for link in pools { link.startReading() }
            for connection in strangers { worker.accepted(connection) }
        }
    }

    private func endLost(_ id: MinerID) {
        let row = Int(id.index)
        guard row < miners.count, let connection = miners[row], connection.id == id else { return }
        connection.reset()
        drop(connection)
    }

    private func endLost(_ id: PoolConnectionID) {
        pools[id]?.reset()
        take(.poolClosed(id), "lost in a takeover")
        perform()
    }
}
