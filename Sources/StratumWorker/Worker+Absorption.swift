internal import Configuration
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Continuity
internal import Logging
internal import StratumSession
internal import Telemetry

/// Why another shard cannot be absorbed. Neither is touched then.
enum AbsorptionRefusal: Error, Equatable {
    /// We have no memory that outlives us, so there is no moment from which on its connections would be ours.
    case noJournal
    case leaving
    case noMemory
    /// Its state cannot be read.
    case unreadable(Takeover.Fault)
    /// It was written by another process than the one that stands still.
    case otherIncarnation
    case noDescriptors
    case noRoom
    /// Each of its upstreams has more miners than wanted.
    case nothingToMove
    case shard(Shard.AbsorptionFault)
}

// How a worker takes another shard's miners and pools for its own, and how the other one ends.
//
// The other shard's process stands still, its state written down. We take duplicates of its descriptors from its anchor and
// merge its state into ours; nothing is sent or read meanwhile. The store that makes our newly written state the valid one
// decides: until then the other can go on as if nothing had been, from then on its connections are ours, also when we are
// killed. Whoever comes after us knows by `absorbed` that it happened, and says so again.

extension Worker {
    /// Absorbs a shard, or leaves both as they are, and tells the supervisor which.
    func absorb(_ departing: MergeOffer) {
        defer { departing.close() }
        let part = departing.part?.number ?? 0
        let entry = WorkerState.AbsorbedShard(shard: departing.shard, incarnation: departing.incarnation, part: part)
        let began = loop.nanoseconds
        do throws(AbsorptionRefusal) {
            if !absorbed.contains(entry) {
                let adoption = try takeIn(departing)
                absorbed = absorbed.suffix(WorkerState.absorbedMax - 1) + [entry]
                // What is told of those who have joined belongs to the state; nothing else was decided.
                perform()
                renewJournal()
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

    /// Says again what may not have been heard: our predecessor may have been killed before its word.
    func sayWhatWasAbsorbed() {
        for one in absorbed {
            lifeline.say(
                .absorption(.init(shard: one.shard, incarnation: one.incarnation, part: one.part, isDone: true)))
        }
    }

    /// Merges the other shard's state into ours, and holds its connections.
    private func takeIn(_ departing: MergeOffer) throws(AbsorptionRefusal) -> Adoption {
        guard stopDeadline == nil, draining == nil else { throw .leaving }
        flush()
        guard journal != nil, shard.outbox.isEmpty, !isPerforming else { throw .noJournal }
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

    /// Whether there are descriptors for its connections, and a place for both states in one.
    private func hasRoom(for other: borrowing Takeover, in memory: UnsafeRawBufferPointer) -> Bool {
        let snapshot = (try? StateJournalReader(memory))?.snapshot.count ?? .max
        // A replay may have made more of it than was written.
        return snapshot < .max / 4
            && snapshotBytes + 2 * snapshot + StateJournal.logBytesMin <= journal?.snapshotBytesMax ?? 0
            && hasDescriptors(for: other.miners.count + other.pools.count)
    }
}

// MARK: - A part of this shard is another one's

extension ReleasedPart {
    init(_ part: ShardPart) {
        self.init(number: part.number, miners: part.miners)
    }
}

extension Worker {
    /// Another shard has taken a part of us over, while we stood still: goes on without it.
    func release(_ part: ReleasedPart) {
        let (miners, pools) = (shard.connections, self.pools.count)
        take(.release(part))
        perform()
        log.notice(
            """
            \(counted(miners - shard.connections, "miner")) and \(counted(pools - self.pools.count, "pool connection")) moved to \
            another shard; \(counted(shard.connections, "miner")) left
            """)
    }
}

// MARK: - The shard that was absorbed

extension Worker {
    /// Our miners and pools are another shard's. Tells the collector that they are gone from here, and ends when it has everything.
    ///
    /// The other shard has duplicates of all descriptors, so closing ours is heard by nobody. The state stays where it is until
    /// the collector has all events: a successor in the role `absorbed` tells the same, under the same numbers.
    func leaveAbsorbed() {
        isAbsorbed = true
        log.notice("all miners and pool connections moved to another shard; stopping")
        for id in shard.minerIDs {
            if let key = shard.joinedKey(of: id) { reporter.left(key: key) }
        }
        reporter.liveMiners = { [] }
        letGoOfConnections()
        let (end, deadline) = (reporter.nextSequence, now + Worker.lastEventsGrace)
        // A collector that connects anew learns from a checkpoint what it has missed.
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

    /// As long as a busy shard keeps its events for a collector that is away (`EventLog.bytesMaxDefault`).
    private static let lastEventsGrace = Milliseconds.seconds(300)

    private static var emptyCheckpoint: Checkpoint {
        var checkpoint = Checkpoint()
        checkpoint.time = WallClock.milliseconds()
        return checkpoint
    }

    /// Begins where another process of this shard has ended in `leaveAbsorbed`.
    func tellWhatIsLeft() throws {
        // The collector hears us when the place of the dead process on the bus is free.
        for former in launchContext.succession?.former ?? [] { close(former.anchor) }
        guard inherited != nil else { return }
        try openBus()
        try startWatching()
        lifeline.say(.ready)
        leaveAbsorbed()
        loop.run()
    }

    private func endAbsorbed() {
        forgetJournal()
        if let memory { StateJournal.forget(in: memory.bytes) }
        end(Worker.emptyCheckpoint)
    }
}
