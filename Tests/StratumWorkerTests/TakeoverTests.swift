import StratumProtocol
import Telemetry
import TestSupport
import Testing

@testable import StratumSession
@testable import StratumWorker

/// A takeover restores a worker from its saved state exactly.
struct TakeoverTests {
    private func takeOver(
        _ worker: ScriptedWorker, rules: UInt64 = ScriptedWorker.rules,
        _ body: (borrowing Takeover) throws -> Void = { _ in }
    ) throws {
        try body(try Takeover.of(UnsafeRawBufferPointer(worker.memory), ScriptedWorker.reading(rules: rules)))
        withExtendedLifetime(worker) {}
    }

    /// A worker with this number of events since its snapshot.
    private func busyWorker(_ count: Int = 150, seed: UInt64 = 1, untaken: Int = 0) -> ScriptedWorker {
        let worker = ScriptedWorker()
        var peers = ScriptedPeers(worker, seed: seed)
        peers.begin(miners: 20)
        for _ in 0..<200 { peers.live() }
        worker.writeDown(untaken: untaken)
        for _ in 0..<count { peers.live() }
        return worker
    }

    private func expectTheSame(_ takeover: borrowing Takeover, _ worker: ScriptedWorker) {
        // Comparing first keeps thousands of bytes out of the failure message.
        let hasItsState = written(takeover.shard) == written(worker.shard)
        #expect(hasItsState)
        let hasItsEvents = takeover.events.written() == worker.events.written()
        #expect(hasItsEvents)
        #expect(takeover.incarnation == 5)
        let miners = worker.miners.mapValues { WorkerState.Connection(descriptor: $0.descriptor, unsent: $0.unsent) }
        #expect(takeover.miners == miners)
        let pools = worker.pools.mapValues { WorkerState.Connection(descriptor: $0.descriptor, unsent: $0.unsent) }
        #expect(takeover.pools == pools)
        #expect(takeover.unfinished == nil)
    }

    // MARK: - Replay

    @Test func theScriptHasSomeOfEverything() {
        let worker = busyWorker()
        #expect(worker.events.counters.accepted > 20)
        #expect(worker.events.counters.rejected > 5)
        #expect(worker.events.counters.invalid > 5)
        #expect(worker.events.counters.joined > 20)
        #expect(worker.miners.values.contains { !$0.unsent.isEmpty })
        #expect(worker.pools.values.contains { !$0.unsent.isEmpty })
        #expect(worker.shard.sharesInFlight > 0)
    }

    @Test(arguments: 1...8 as ClosedRange<UInt64>)
    func theReplayLeadsToTheSameStateEventsAndBytes(seed: UInt64) throws {
        let worker = busyWorker(Int(seed) * 40, seed: seed, untaken: seed % 2 == 0 ? 100 : 0)
        try takeOver(worker) { takeover in
            expectTheSame(takeover, worker)
            #expect(takeover.replayed >= Int(seed) * 10)
        }
    }

    @Test func itIsTheSameAfterEveryInput() throws {
        let worker = ScriptedWorker()
        var peers = ScriptedPeers(worker, seed: 3)
        peers.begin(miners: 3)
        worker.writeDown()
        var hasUntoldRefusals = false
        for _ in 0..<100 {
            peers.live()
            try takeOver(worker) { expectTheSame($0, worker) }
            var told = worker.events
            told.append(Checkpoint())
            if told.next > worker.events.next + 1 { hasUntoldRefusals = true }
        }
        #expect(hasUntoldRefusals)
    }

    @Test func aStateThatWasJustWrittenNeedsNoReplay() throws {
        let worker = busyWorker(0, untaken: 30)
        try takeOver(worker) { takeover in
            #expect(takeover.replayed == 0)
            expectTheSame(takeover, worker)
        }
    }

    @Test func whatWasBeingReadIsThere() throws {
        let worker = busyWorker()
        let id = try #require(worker.miners.keys.first)
        worker.beginReading(.minerBytes(id), Array("half a line".utf8))
        try takeOver(worker) { takeover in
            let unfinished = takeover.unfinished
            #expect(unfinished?.input == .minerBytes(id))
            #expect(unfinished?.bytes.prefix(11).elementsEqual("half a line".utf8) == true)
        }
    }

    /// The operator changed the list of pools, and the process ended while the new pool was dialled, while both were
    /// connected, or after the old one was hung up.
    @Test(arguments: [0, 1, 3, 60, 400]) func aChangedListIsReplayedToo(events: Int) throws {
        let worker = busyWorker(40)
        worker.adopt { policy in
            policy.pools.append(ShardPolicy.Pool(name: "other:1", user: "wallet", password: "x"))
            policy.pools.swapAt(0, 1)
        }
        worker.adopt { $0.pools.removeLast() }
        var peers = ScriptedPeers(worker, seed: 9)
        for event in 0..<events { if event % 5 == 0 { peers.live() } else { worker.tick() } }
        try takeOver(worker) { takeover in
            expectTheSame(takeover, worker)
            #expect(takeover.shard.policy.pools.map(\.name) == ["other:1"])
            #expect(takeover.shard.poolNames == ["", "other:1"])
        }
    }

    // MARK: - The kernel's byte counts

    /// The kernel may have accepted all, none, or any part of the bytes sent before and after the snapshot.
    @Test(arguments: [0, 50]) func whatTheKernelHasNotTakenIsSentAgainFromThatByteOn(untaken: Int) throws {
        let worker = busyWorker(60, untaken: untaken)
        try takeOver(worker) { takeover in
            for (id, peer) in worker.miners {
                try expectRemainders(of: takeover.miners[id], takeover.shard.traffic(of: id), peer)
            }
            for (id, peer) in worker.pools where peer.descriptor >= 0 {
                try expectRemainders(of: takeover.pools[id], takeover.shard.traffic(of: id), peer)
            }
        }
    }

    private func expectRemainders(
        of connection: WorkerState.Connection?, _ traffic: Traffic?, _ peer: ScriptedWorker.Peer
    ) throws {
        guard let connection, let traffic else { throw TestFailure("a connection is missing") }
        #expect(traffic == Traffic(received: UInt64(peer.received), sent: UInt64(peer.sent.count)))
        let wrong = (peer.taken...peer.sent.count).filter { written in
            let rest = connection.remainder(traffic, written: UInt64(written), read: traffic.received)
            return rest?.unlogged != 0 || rest?.unsent.elementsEqual(peer.sent[written...]) != true
        }
        #expect(wrong == [], "of \(peer.sent.count) bytes")
        // Less than the kernel had accepted before, and more than was ever sent.
        if peer.taken > 0 {
            #expect(connection.remainder(traffic, written: UInt64(peer.taken - 1), read: traffic.received) == nil)
        }
        #expect(connection.remainder(traffic, written: traffic.sent + 1, read: traffic.received) == nil)
        #expect(connection.remainder(traffic, written: .max, read: traffic.received) == nil)
    }

    @Test func bytesThatWereReadAndNotLoggedAreCounted() throws {
        let connection = WorkerState.Connection(descriptor: 9, unsent: Array("abc".utf8))
        let traffic = Traffic(received: 1_000, sent: 500)
        let wrong = (0...70_000).filter { unlogged in
            let rest = connection.remainder(traffic, written: 498, read: 1_000 + UInt64(unlogged))
            return rest?.unlogged != unlogged || rest?.unsent.elementsEqual("bc".utf8) != true
        }
        #expect(wrong == [])
        // The shard cannot have processed more than was read.
        #expect(connection.remainder(traffic, written: 498, read: 999) == nil)
        #expect(connection.remainder(traffic, written: 498, read: 0) == nil)
        #expect(connection.remainder(traffic, written: 498, read: .max) == nil)
    }

    // MARK: - Refused states

    private func fault(_ memory: UnsafeMutableRawBufferPointer, rules: UInt64 = ScriptedWorker.rules) -> Takeover.Fault?
    {
        do throws(Takeover.Fault) {
            _ = try Takeover.of(UnsafeRawBufferPointer(memory), ScriptedWorker.reading(rules: rules))
            return nil
        } catch {
            return error
        }
    }

    @Test func anotherProgramDoesNotReplayWhatThisOneDecided() {
        let worker = busyWorker()
        #expect(fault(worker.memory, rules: 43) == .otherRules)
        // A program that does not know its own build id replays nothing, not even a log of its own kind.
        #expect(fault(worker.memory, rules: 0) == .unknownRules)
        // Without inputs to replay, the state is restored.
        worker.writeDown()
        #expect(fault(worker.memory, rules: 43) == nil)
    }

    @Test func emptyMemoryHoldsNothing() {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 19, alignment: 64)
        defer { memory.deallocate() }
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        #expect(!StateJournalReader.isThere(in: UnsafeRawBufferPointer(memory)))
        #expect(fault(memory) == .undecodable(.wrongMagic))
    }

    @Test func aForgottenJournalIsAbsent() {
        let worker = busyWorker()
        #expect(StateJournalReader.isThere(in: UnsafeRawBufferPointer(worker.memory)))
        worker.journal.take()?.forget()
        #expect(!StateJournalReader.isThere(in: UnsafeRawBufferPointer(worker.memory)))
    }

    @Test func aLogThatBelongsToAnotherStateIsRefused() {
        let worker = busyWorker()
        let stranger = MinerID(index: 900, generation: 1)
        let fits = worker.journal?.log.append(
            .minerConnected(stranger), UnsafeRawBufferPointer(start: nil, count: 0), at: worker.now)
        #expect(fits == true)
        #expect(fault(worker.memory) == .replay(.otherMiner))
    }

    /// In the head, the worker's state, the shard's state, and the log.
    @Test(arguments: 1...3 as ClosedRange<UInt64>)
    func damageIsRefusedOrLeavesSomethingThatWorks(seed: UInt64) {
        let worker = busyWorker(40, seed: seed)
        var dice = SeededGenerator(seed: seed)
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: worker.memory.count, alignment: 64)
        defer { copy.deallocate() }
        // The second half is current, because two snapshots were written.
        let half = 64 + ((worker.memory.count - 64) / 2 & ~63)
        var (refused, taken) = (0, 0)
        for _ in 0..<300 {
            copy.copyMemory(from: UnsafeRawBufferPointer(worker.memory))
            for _ in 0..<dice.number(1...2) {
                let places = [0...63, half...(half + 300), half...(half + 40_000)]
                let place = dice.number(places[dice.number(0...2)])
                switch dice.number(0...3) {
                case 0: copy[place] = UInt8(dice.number(0...255))
                case 1: copy[place] ^= 1 << UInt8(dice.number(0...7))
                case 2: for offset in 0..<8 { copy[place + offset] = 0xff }
                default: for offset in 0..<8 { copy[place + offset] = 0 }
                }
            }
            if fault(copy) == nil { taken += 1 } else { refused += 1 }
        }
        #expect(refused > 30)
        #expect(taken > 30)
    }
}
