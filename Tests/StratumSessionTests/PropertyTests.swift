import StratumProtocol
import Testing

@testable import StratumSession

/// Whatever happens in whatever order, the promises hold. Each seed is one life of a shard; a failure names it.
struct PropertyTests {
    private struct Dice: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ (state >> 29)
        }
        mutating func one<T>(of list: [T]) -> T? { list.randomElement(using: &self) }
        mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
    }

    // MARK: - No two miners on the same work

    @Test(arguments: Array(UInt64(1)...8))
    func noTwoMinersEverHaveTheSameWork(seed: UInt64) {
        var dice = Dice(state: seed)
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
        var dice = Dice(state: seed &* 977)
        let harness = ShardHarness(pools: Int(seed % 3) + 1, chunk: seed % 5 == 0 ? 3 : .max, seed: seed) {
            $0.retries = 1
            $0.countsCustomDifficulty = true
        }
        for number in 0..<700 {
            step(harness, &dice)
            if number % 20 == 0 { checkBooks(of: harness.shard) }
        }
        // In the end no pool is there, and none of them answers.
        for pool in harness.pools.indices { harness.pools[pool].door = .closed }
        for peer in harness.peers where peer.isOpen { harness.drop(peer) }
        #expect(harness.violations.isEmpty)
        #expect(harness.settled.count == harness.authenticated)
        #expect(harness.authenticated > 50)
        for miner in harness.miners where miner.isConnected && !miner.jobs.isEmpty { #expect(miner.owed.isEmpty) }
        #expect(harness.keys.count == harness.shard.minersNow)
        // To the unit: what pools took is what miners were told.
        let told = harness.miners.reduce(0) { sum, miner in
            sum + miner.heard.count { if case .status(_, "OK") = $0 { true } else { false } }
        }
        let good = harness.settled.count { $0.outcome == .accepted || $0.outcome == .local }
        let unheard = harness.miners.reduce(0) { $0 + ($1.isConnected ? 0 : $1.owed.count) }
        #expect(told <= good)
        #expect(good - told <= unheard)
    }

    private func step(_ harness: ShardHarness, _ dice: inout Dice) {
        let mining = harness.miners.filter { $0.isConnected && !$0.jobs.isEmpty }
        let pool = dice.number(0...harness.pools.count - 1)
        switch dice.number(0...99) {
        case 0..<8: harness.join(dice.number(0...2) == 0 ? "farm+5000" : "farm")
        case 8..<12: if let miner = dice.one(of: mining) { harness.leave(miner) }
        case 12..<52: if let miner = dice.one(of: mining) { submit(miner, harness, &dice) }
        case 52..<55: if let miner = dice.one(of: mining) { harness.keepalive(miner) }
        case 55..<57: if let miner = dice.one(of: mining) { harness.login(miner) }
        case 57..<59:
            if let miner = dice.one(of: harness.miners.filter(\.isConnected)) { harness.send("nonsense", from: miner) }
        case 59..<64: harness.newJob(pool: pool)
        case 64..<66: harness.newJob(pool: pool) { $0.work -= 1 }
        case 66..<69: if let peer = dice.one(of: harness.open(pool)) { harness.drop(peer) }
        case 69..<75:
            harness.pools[pool].verdict = dice.one(of: [.accept, .accept, .withhold, .refuse("Block expired")])!
        case 75..<85:
            if let peer = dice.one(of: harness.peers), let share = dice.one(of: peer.owed) {
                harness.answer(share, of: peer, refusal: dice.number(0...3) == 0 ? "Low difficulty share" : nil)
            }
        case 85..<88: harness.pools[pool].door = dice.one(of: [.open, .open, .closed, .silent])!
        case 88..<90:
            harness.pools[pool].login = dice.one(of: [.welcome, .welcome, .withoutJob, .refused("no"), .unanswered])!
        case 90: harness.newJob(pool: pool) { $0.reservedByte ^= 0x33 }
        case 91: if let peer = dice.one(of: harness.peers) { harness.send("{}{", from: peer) }
        default: harness.pass(Milliseconds(UInt64(dice.number(1...300)) * 100))
        }
    }

    private func submit(_ miner: Miner, _ harness: ShardHarness, _ dice: inout Dice) {
        switch dice.number(0...19) {
        case 0: harness.submit(miner, session: "0123456789abcdef")
        case 1: harness.submit(miner, difficulty: 500)
        case 2: harness.submit(miner, nonce: miner.lastNonce)
        case 3: harness.submit(miner, algorithm: "rx/0")
        case 4: harness.submit(miner, byte: UInt8(dice.number(0...255)), job: dice.one(of: miner.jobs)?.id)
        case 5..<9: harness.submit(miner, job: dice.one(of: miner.jobs.suffix(3).map(\.id)))
        case 9..<11: if miner.job?.target == "711b0d00" { harness.submit(miner, difficulty: 6_000) }
        default: harness.submit(miner)
        }
    }

    // MARK: - The books of a shard

    /// What must be true between any two events.
    private func checkBooks(of shard: borrowing Shard) {
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
        for (index, upstream) in shard.upstreams.enumerated() {
            let states = (0...UInt8.max).map { upstream.space[$0] }
            #expect(states.count { $0 == .free } == upstream.space.freeCount)
            #expect(upstream.space.ownedCount == residents[index] ?? 0)
            #expect((upstream.emptySince == nil) == (upstream.space.ownedCount > 0))
            #expect(upstream.current?.isReserved != true || upstream.space.ownedCount <= 1)
            #expect(!upstream.isSuspended || !upstream.sessions.contains(where: \.isConnected))
        }
    }
}
