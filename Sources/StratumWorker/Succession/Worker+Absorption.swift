internal import Configuration
internal import Continuity
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Linux
internal import Logging
internal import StratumSession
internal import Telemetry

/// Why another shard cannot be absorbed. Both shards are then unchanged.
enum AbsorptionRefusal: Error, Equatable {
    /// This process has no journal, so there is no moment at which the connections would become its own.
    case noJournal
    case leaving
    case noMemory
    /// Its saved state cannot be read.
    case unreadable(Takeover.Fault)
    /// The state was written by another process than the frozen one.
    case otherIncarnation
    case noDescriptors
    case noRoom
    /// Each of its upstreams has more miners than requested.
    case nothingToMove
    case shard(Shard.AbsorptionFault)
}

// How a worker absorbs the miners and pool connections of another shard, and how that shard ends.
//
// The process of the other shard is frozen, with its state saved. This process gets duplicates of its descriptors from
// its anchor and merges its state. Nothing is sent or read meanwhile. The store that makes this process's new snapshot
// the current one decides: until then the other shard can continue unchanged; from then on the connections belong to
// this shard, also if its process is killed. Its successor finds the merge in `absorbed`, and reports it again.

extension Worker {
    /// Absorbs a shard, or leaves both unchanged, and reports the result to the supervisor.
    func absorb(_ departing: MergeOffer) {
        defer { departing.close() }
        let part = departing.part?.number ?? 0
        let entry = WorkerState.AbsorbedShard(shard: departing.shard, incarnation: departing.incarnation, part: part)
        let began = loop.nanoseconds
        do throws(AbsorptionRefusal) {
            if !succession.absorbed.contains(entry) {
                let adoption = try takeIn(departing)
                succession.add(entry)
                // The events of the miners that moved belong to the snapshot; there are no other decisions to perform.
                perform()
                journal.renew()
                adoption.goOn()
                let milliseconds = Double((loop.nanoseconds - began) / 10_000) / 100
                log.notice(
                    """
                    took over \(counted(adoption.miners.count, "miner")) and \
                    \(counted(adoption.pools.count, "pool connection")) of shard \(departing.shard) in \
                    \(milliseconds) ms: \(counted(adoption.lostCount, "connection")) lost
                    """)
            }
            lifeline.answer(departing, isDone: true)
        } catch {
            if error != .nothingToMove { log.error("cannot take over shard \(departing.shard): \(error)") }
            lifeline.answer(departing, isDone: false)
        }
    }

    /// Repeats the reports of finished merges: the previous process may have been killed before it sent them.
    func sayWhatWasAbsorbed() {
        for one in succession.absorbed {
            lifeline.say(
                .absorption(.init(shard: one.shard, incarnation: one.incarnation, part: one.part, isDone: true)))
        }
    }

    /// Merges the other shard's state, and holds its connections.
    private func takeIn(_ departing: MergeOffer) throws(AbsorptionRefusal) -> Adoption {
        guard stopDeadline == nil, draining == nil else { throw .leaving }
        flush()
        guard journal.isKept, isAtRest else { throw .noJournal }
        let adoption = try StateMemory.withBytes(of: departing.memory) { bytes throws(AbsorptionRefusal) in
            try takeIn(departing, bytes)
        }
        guard let adoption else { throw .noMemory }
        return adoption
    }

    private func takeIn(
        _ departing: MergeOffer, _ memory: UnsafeRawBufferPointer
    ) throws(AbsorptionRefusal) -> Adoption {
        var takeover = try read(memory)
        guard takeover.incarnation == departing.incarnation else { throw .otherIncarnation }
        if let part = departing.part, !takeover.shard.reduce(to: ReleasedPart(part), at: now) { throw .nothingToMove }
        guard hasRoom(for: takeover, in: memory) else { throw .noRoom }
        var inherited = InheritedConnections(takeover)
        let anchored = AnchoredDescriptors(socket: departing.anchor)
        guard let descriptors = try? inherited.descriptors(from: anchored) else { throw .noDescriptors }
        do throws(Shard.AbsorptionFault) {
            inherited.rename(try shard.absorb(takeover.shard))
            news.pools = shard.poolNames
        } catch {
            for descriptor in descriptors.compactMap({ $0 }) { close(descriptor) }
            throw .shard(error)
        }
        return Adoption(inherited, descriptors, by: self)
    }

    private func read(_ memory: UnsafeRawBufferPointer) throws(AbsorptionRefusal) -> Takeover {
        do throws(Takeover.Fault) {
            return try Takeover.of(memory, Worker.reading(translation, parser, at: now))
        } catch {
            throw .unreadable(error)
        }
    }

    /// Whether there are descriptors for its connections, and room in the memory for both states.
    private func hasRoom(for other: borrowing Takeover, in memory: UnsafeRawBufferPointer) -> Bool {
        let snapshot = (try? StateJournalReader(memory))?.snapshot.count ?? .max
        // The state after the replay may be larger than the snapshot.
        return snapshot < .max / 4
            && journal.snapshotBytes + 2 * snapshot + StateJournal.logBytesMin <= journal.snapshotBytesMax
            && hasDescriptors(for: other.miners.count + other.pools.count)
    }
}

// MARK: - Release of a part of this shard

extension ReleasedPart {
    init(_ part: ShardPart) {
        self.init(number: part.number, miners: part.miners)
    }
}

extension Worker {
    /// Another shard has absorbed a part of this one while it was frozen. Continues without that part.
    func release(_ part: ReleasedPart) {
        let (miners, pools) = (shard.connections, self.pools.count)
        apply(.release(part))
        perform()
        log.notice(
            """
            \(counted(miners - shard.connections, "miner")) and \(counted(pools - self.pools.count, "pool connection")) moved to \
            another shard; \(counted(shard.connections, "miner")) left
            """)
    }
}

// MARK: - The absorbed shard

extension Worker {
    /// Another shard has this one's miners and pool connections. Reports to the collector that they left, and ends when
    /// the collector has all events.
    ///
    /// The other shard has duplicates of all descriptors, so closing them here ends no connection. The state is kept
    /// until the collector has all events; a successor in the role `absorbed` sends the same events with the same
    /// numbers.
    func leaveAbsorbed() {
        succession.isAbsorbed = true
        log.notice("all miners and pool connections moved to another shard; stopping")
        for id in shard.minerIDs {
            if let key = shard.joinedKey(of: id) { reporter.left(key: key) }
        }
        reporter.liveMiners = { [] }
        letGoOfConnections()
        // The other shard seals with these keys now.
        shard.abandonAllRecords()
        let (end, deadline) = (reporter.nextSequence, now + Worker.lastEventsGrace)
        // A collector that reconnects finds missing events by the number of a checkpoint.
        every(1_000) { worker in
            worker.lifeline.sayHeartbeat()
            worker.reporter.checkpoint(Worker.emptyCheckpoint)
        }
        every(Limits.tick.count) { worker in
            if worker.reporter.acknowledgedSequence >= end {
                worker.endAbsorbed()
            } else if worker.now >= deadline {
                worker.log.error("the collector did not confirm the last events of this shard")
                worker.endAbsorbed()
            }
        }
    }

    /// As long as a busy shard keeps its events while there is no collector (`EventLog.bytesMaxDefault`).
    private static let lastEventsGrace = Milliseconds.seconds(300)

    static var emptyCheckpoint: Checkpoint {
        var checkpoint = Checkpoint()
        checkpoint.time = WallClock.milliseconds()
        return checkpoint
    }

    /// Continues a process of this shard that ended in `leaveAbsorbed`.
    func tellWhatIsLeft() throws {
        // Frees the sockets of the previous process on the bus, so that the collector can connect.
        for former in launchContext.succession?.former ?? [] { close(former.anchor) }
        guard succession.inherited != nil else { return }
        try openBus()
        try startWatching()
        lifeline.say(.ready)
        leaveAbsorbed()
        loop.run()
    }

    private func endAbsorbed() {
        journal.forgetAll()
        end(Worker.emptyCheckpoint)
    }
}
