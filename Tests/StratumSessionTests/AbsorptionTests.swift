import StratumProtocol
import TestSupport
import Testing

@testable import StratumSession

/// A shard that has absorbed another one is both of them.
struct AbsorptionTests {
    /// Two shards of one service with a life behind them, at the same moment.
    private func pair(
        seed: UInt64, steps: Int, _ first: (any ShardWitness)? = nil, _ second: (any ShardWitness)? = nil,
        reserved: Bool = false, refusal: PoolConduct.Verdict = .refuse("Block expired")
    ) -> [ShardHarness] {
        let pools = Int(seed % 3) + 1
        let pair = [(first, UInt32(0)), (second, 1 << 20)].map { witness, serial in
            let harness = ShardHarness(
                pools: pools, chunk: [.max, 1, 40][Int(seed % 3)], seed: seed + UInt64(serial), serial: serial,
                witness: witness
            ) {
                ShardCodingTests.adjust(&$0, seed)
                $0.keepsFirstUpstream = serial == 0
                // What is remembered of miners that have gone is not absorbed (`ConductTable`).
                $0.guardsPools = false
            }
            harness.refusal = refusal
            var dice = SeededGenerator(seed: seed &* 7_919 + UInt64(serial))
            if reserved { harness.pools[0].job.reservedByte = 0x55 }
            for _ in 0..<steps { harness.live(&dice) }
            // Each had lists of its own; the end of that finds both with one policy, and with what is left of others.
            harness.list(0, 1)
            harness.adopt { $0.retries = 2 }
            return harness
        }
        align(pair)
        return pair
    }

    private func align(_ pair: [ShardHarness]) {
        let latest = max(pair[0].now, pair[1].now)
        for harness in pair {
            harness.pass(Milliseconds(latest.microseconds(since: harness.now) / 1_000))
        }
        #expect(pair[0].now == pair[1].now)
    }

    // MARK: - The same for everybody

    @Test(arguments: lives(6))
    func eachPeerHearsToTheByteWhatItWouldHaveHeard(seed: UInt64) throws {
        let faces = [MergedTwin.Face(), MergedTwin.Face()]
        // What is known of a pool from its rejections is not absorbed either (`RejectionStreak`).
        let pair = pair(seed: seed, steps: 200, faces[0], faces[1], refusal: .accept)
        for harness in pair {
            // Pools that work and leave all nonces to us, and some that mine.
            for pool in harness.pools.indices {
                (harness.pools[pool].door, harness.pools[pool].login) = (.open, .welcome)
                harness.newJob(pool: pool) { $0.reservedByte = 0 }
            }
            harness.pass(.seconds(30))
            for _ in 0..<10 { harness.join() }
            for pool in harness.pools.indices { harness.pools[pool].verdict = .withhold }
            for miner in harness.miners.suffix(5) { harness.submit(miner) }
            // No login waits, and nobody is near the end of the time that it may be silent: who is closed first is chance.
            for miner in harness.miners where miner.isConnected && miner.jobs.isEmpty { harness.leave(miner) }
            for miner in harness.miners where miner.isConnected { harness.keepalive(miner) }
        }
        let twin = try MergedTwin(pair, faces)
        var dice = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            let side = pair[dice.number(0...1)]
            if side.live(onlyWithThoseWhoAreThere: &dice) { continue }
            for _ in 0..<dice.number(1...15) {
                for harness in pair { harness.pass(Limits.tick) }
                twin.compareTicks()
            }
        }
        #expect(twin.differences.prefix(3) == [])
        #expect(pair[0].violations + pair[1].violations == [])
        twin.compareStates()
        #expect(twin.differences.prefix(3) == [])
        #expect(twin.inputs > 300)
        #expect(twin.minersMoved >= 10)
        #expect(twin.sharesMoved >= 5)
    }

    // MARK: - Life goes on

    @Test(arguments: lives(8))
    func theRulesHoldAfterIt(seed: UInt64) throws {
        let pair = pair(seed: seed, steps: 250, reserved: seed % 4 == 3)
        let miners = pair.map { $0.shard.minersNow }
        let connections = pair.map { $0.shard.connections }
        let inFlight = pair.map { $0.shard.sharesInFlight }
        try pair[0].absorb(pair[1])
        let harness = pair[0]
        #expect(harness.shard.minersNow == miners[0] + miners[1])
        #expect(harness.shard.connections == connections[0] + connections[1])
        #expect(harness.shard.sharesInFlight == inFlight[0] + inFlight[1])
        PropertyTests().checkBooks(of: harness.shard)
        var dice = SeededGenerator(seed: seed)
        for step in 0..<400 {
            harness.live(&dice)
            if step % 20 == 0 { PropertyTests().checkBooks(of: harness.shard) }
        }
        // In the end no pool is there, and none of them answers.
        for pool in harness.pools.indices { harness.pools[pool].door = .closed }
        for peer in harness.peers where peer.isOpen { harness.drop(peer) }
        #expect(harness.violations.prefix(3) == [])
        if harness.shard.policy.countsCustomDifficulty {
            #expect(harness.settled.count <= harness.authenticated)
            #expect(harness.settled.count >= harness.authenticated - harness.waitedShares)
        }
        for miner in harness.miners where miner.isConnected && !miner.jobs.isEmpty { #expect(miner.owed.isEmpty) }
        #expect(harness.keys.count == harness.shard.minersNow)
    }

    @Test(arguments: lives(4))
    func itCanBeWrittenAndReadAgain(seed: UInt64) throws {
        let pair = pair(seed: seed, steps: 300)
        try pair[0].absorb(pair[1])
        let snapshot = written(pair[0].shard)
        let again = try read(snapshot)
        let isSame = written(again) == snapshot
        #expect(isSame)
    }

    // MARK: - One after the other

    @Test func aShareInFlightIsAnsweredByTheSamePoolConnection() throws {
        let (here, there) = (ShardHarness(), ShardHarness(serial: 9))
        here.join()
        there.pools[0].verdict = .withhold
        let (stays, leaves) = (there.join(), there.join())
        there.submit(stays)
        there.submit(leaves)
        there.leave(leaves)
        try here.absorb(there)
        let peer = here.open()[1]
        #expect(peer.owed.count == 2)
        for share in peer.owed { here.answer(share, of: peer) }
        #expect(stays.answer == .status(stays.lastRequest, "OK"))
        #expect(here.settled.map(\.outcome) == [.accepted, .accepted])
        #expect(here.settled.map(\.upstream) == [1, 1])
        #expect(here.settled.map(\.minerKey) == [2, 3])
        #expect(here.violations.isEmpty)
    }

    @Test func aMinerWithHalfALoginGoesOn() throws {
        let (here, there) = (ShardHarness(), ShardHarness(serial: 9))
        let miner = there.connect()
        let id = there.shard.minerIDs[0]
        there.take(.minerBytes(id), Array(#"{"id":1,"method":"login","#.utf8))
        try here.absorb(there)
        miner.owed.insert(1)
        here.send(#""params":{"login":"farm","pass":"x","algo":["cn/r"]}}"#, from: miner)
        #expect(miner.job != nil)
        #expect(here.shard.introduction(of: miner.id)?.login == "farm")
    }

    @Test func vacantRowsAreUsedFirst() throws {
        let (here, there) = (ShardHarness(), ShardHarness(serial: 9))
        let (first, _) = (here.join(), here.join())
        here.leave(first)
        let moved = there.join()
        try here.absorb(there)
        #expect(moved.id == MinerID(index: 0, generation: 1))
        #expect(here.join().id.index == 2)
        #expect(here.violations.isEmpty)
    }

    @Test func anEmptyShardChangesNothingButTheNumbersOfUpstreams() throws {
        let (here, there) = (ShardHarness(), ShardHarness(serial: 9))
        let miner = here.join()
        try here.absorb(there)
        here.submit(miner)
        #expect(miner.answer == .status(miner.lastRequest, "OK"))
        #expect(here.shard.minersNow == 1)
    }

    // MARK: - All or nothing

    @Test(arguments: [
        Shard.AbsorptionFault.otherPolicy, .tooManyMiners, .tooManyUpstreams, .tooManySharesInFlight,
        .tooManyPools,
    ])
    func whatCannotBeAbsorbedLeavesNoTrace(fault: Shard.AbsorptionFault) {
        let (here, there) = (ShardHarness(), ShardHarness(serial: 9))
        here.join()
        there.join()
        switch fault {
        case .otherPolicy: there.shard.policy.pools[0].user = "another"
        case .tooManyMiners: there.shard.connections = Limits.minersMax
        case .tooManyUpstreams:
            var upstream = Upstream(
                index: 0, seats: 1, choice: PoolChoice(count: 1, retries: 0), space: NonceSpace(start: 0))
            upstream.isSuspended = false
            there.shard.upstreams += Array(repeating: upstream, count: Limits.upstreamsMax - 1)
        case .tooManyPools:
            let former = PoolSeat(pool: ShardHarness.pool(9), rank: nil)
            there.shard.seats += Array(repeating: former, count: Limits.poolSeatsMax)
        case .tooManySharesInFlight:
            let upstream = there.shard.upstreams[0]
            there.shard.upstreams[0].sessions[0].inFlight = full()
            for _ in 0..<63 { there.shard.upstreams.append(upstream) }
            for index in 0..<64 { there.shard.upstreams[index].sessions[0].inFlight = full() }
            here.shard.upstreams[0].sessions[0].inFlight = full()
        }
        let before = written(here.shard)
        do {
            try here.absorb(there)
            Issue.record("it was absorbed")
        } catch {
            #expect(error == fault)
        }
        #expect(written(here.shard) == before)
    }

    private func full() -> SharesInFlight {
        var shares = SharesInFlight()
        for id in 2..<Int64(Limits.sharesInFlightMax + 2) {
            shares.insert(
                ShareInFlight(
                    requestID: id, miner: MinerID(index: 0, generation: 0), minerKey: 1, minerRequestID: 1,
                    sentAt: Instant(microseconds: 0), difficulty: 1, creditedDifficulty: 1, actualDifficulty: 1,
                    isExpired: false))
        }
        return shares
    }
}
