import StratumProtocol
import TestSupport
import Testing

@testable import StratumSession

/// Whatever happens in whatever order, the promises hold. Each seed is one life of a shard; a failure names it.
struct PropertyTests {
    // MARK: - No two miners on the same work

    @Test(arguments: Array(UInt64(1)...8))
    func noTwoMinersEverHaveTheSameWork(seed: UInt64) {
        var dice = SeededGenerator(seed: seed)
        let harness = ShardHarness(chunk: seed % 4 == 0 ? 1 : .max, seed: seed)
        if seed % 3 == 0 { harness.pools[0].job.reservedByte = 0x55 }
        // The harness knows every (blob, byte) that a miner was ever given, and whose it was.
        for step in 0..<1_000 {
            switch dice.number(0...99) {
            case 0..<55: harness.join()
            case 55..<93: if let miner = dice.one(of: harness.miners.filter(\.isConnected)) { harness.leave(miner) }
            case 93..<96: harness.newJob()
            case 96..<97: harness.newJob { $0.work -= 1 }
            case 97..<98: if let peer = dice.one(of: harness.open()) { harness.drop(peer) }
            case 98: harness.newJob { $0.reservedByte = seed % 3 == 0 ? UInt8(dice.number(0...1)) * 0x55 : 0 }
            default: harness.pass(.seconds(UInt64(dice.number(1...70))))
            }
            if step % 50 == 0 { checkBooks(of: harness.shard) }
        }
        checkBooks(of: harness.shard)
        #expect(harness.violations.isEmpty)
        #expect(harness.miners.count > 400)
    }

    // MARK: - Every share settled once, every request answered once

    @Test(arguments: Array(UInt64(1)...16))
    func everyShareIsSettledOnceAndEveryRequestAnsweredOnce(seed: UInt64) {
        var dice = SeededGenerator(seed: seed &* 977)
        let harness = ShardHarness(pools: Int(seed % 3) + 1, chunk: seed % 5 == 0 ? 3 : .max, seed: seed) {
            $0.retries = 1
            $0.countsCustomDifficulty = true
        }
        for number in 0..<700 {
            harness.live(&dice)
            if number % 20 == 0 { checkBooks(of: harness.shard) }
        }
        // In the end no pool is there, and none of them answers.
        for pool in harness.pools.indices { harness.pools[pool].door = .closed }
        for peer in harness.peers where peer.isOpen { harness.drop(peer) }
        #expect(harness.violations.isEmpty)
        // A share that has waited may be for a job that is not known any more: it may then count for nothing.
        #expect(harness.settled.count <= harness.authenticated)
        #expect(harness.settled.count >= harness.authenticated - harness.waitedShares)
        #expect(harness.authenticated > 20)
        for miner in harness.miners where miner.isConnected && !miner.jobs.isEmpty { #expect(miner.owed.isEmpty) }
        #expect(harness.keys.count == harness.shard.minersNow)
        // To the unit: what pools took is what miners were told.
        let told = harness.miners.reduce(0) { sum, miner in
            sum + miner.heard.count { if case .status(_, "OK") = $0 { true } else { false } }
        }
        let good = harness.settled.count { $0.outcome == .accepted || $0.outcome == .local }
        let unheard = harness.miners.reduce(0) { $0 + ($1.isConnected ? 0 : $1.owed.count) }
        #expect(told <= good + harness.authenticated - harness.settled.count)
        #expect(good - told <= unheard)
    }

    // MARK: - Nobody is left behind

    @Test(arguments: Array(UInt64(1)...12))
    func whenAllPoolsAreThereAgainEverybodyMinesAtOneOfTheList(seed: UInt64) {
        var dice = SeededGenerator(seed: seed &* 6_007)
        let harness = ShardHarness(pools: Int(seed % 3) + 1, seed: seed)
        for _ in 0..<400 { harness.live(&dice) }
        for pool in harness.pools.indices {
            harness.pools[pool].door = .open
            harness.pools[pool].login = .welcome
            harness.pools[pool].verdict = .accept
        }
        var patient = (0..<5).map { _ in harness.join() }
        // One that was refused, because too many upstreams were open, comes back as XMRig does.
        for _ in 0..<14 {
            harness.pass(.seconds(5))
            patient = patient.map { $0.isConnected ? $0 : harness.join() }
        }
        #expect(patient.allSatisfy { $0.job != nil })
        for miner in patient { harness.submit(miner) }
        #expect(patient.allSatisfy { $0.answer == .status($0.lastRequest, "OK") })
        for upstream in harness.shard.upstreams where !upstream.isSuspended {
            let rank = upstream.activePool.flatMap { harness.shard.seats[$0].rank }
            #expect(rank != nil)
            let connected = upstream.sessions.filter(\.isConnected).count
            #expect(connected <= 2)
        }
        #expect(harness.violations.isEmpty)
    }

    // MARK: - The books of a shard

    /// What must be true between any two events.
    func checkBooks(of shard: borrowing Shard) {
        var phases = (connected: 0, mining: 0)
        var residents: [Int: Int] = [:]
        for (row, miner) in shard.miners.enumerated() where miner.phase != .vacant {
            phases.connected += 1
            if miner.phase == .awaitingLogin { continue }
            if miner.phase == .mining { phases.mining += 1 }
            let place = Int(miner.upstream)
            let id = MinerID(index: UInt32(row), generation: miner.generation)
            residents[place, default: 0] += 1
            let isOwner = place < shard.upstreams.count && shard.upstreams[place].space[miner.slot] == .owned(id)
            #expect(isOwner, "a miner without its slot")
        }
        let counted = (connected: shard.connections, mining: shard.minersNow)
        #expect(counted == phases)
        let held = shard.miners.indices.reduce(0) {
            shard.miners[$1].phase == .vacant ? $0 : $0 + shard.connectionStates[$1].heldBytes
        }
        #expect(shard.heldBytes == held)
        for (index, upstream) in shard.upstreams.enumerated() {
            let states = (0...UInt8.max).map { upstream.space[$0] }
            #expect(states.count { $0 == .free } == upstream.space.freeCount)
            #expect(upstream.space.ownedCount == residents[index] ?? 0)
            #expect((upstream.emptySince == nil) == (upstream.space.ownedCount > 0))
            #expect(upstream.current?.isReserved != true || upstream.space.ownedCount <= 1)
            // Who serves has given the current job; a pool off the list has connections only while it serves or drains.
            let server = upstream.activePool
            #expect(server == nil || upstream.current.map { Int($0.source.pool) } == server)
            #expect(upstream.choice.active == server.flatMap { shard.seats[$0].rank }.map { Int($0) })
            for (seat, session) in upstream.sessions.enumerated() where shard.seats[seat].rank == nil {
                let drains = if case .draining = session.phase { true } else { false }
                #expect(!session.isConnected || drains || server == seat)
            }
            #expect(!upstream.isSuspended || !upstream.sessions.contains(where: \.isConnected))
        }
    }
}
