import StratumProtocol
import TestSupport
import Testing

@testable import StratumSession

/// One pool connection for each miner, which searches all nonces (docs/COMPATIBILITY.md, "Modes").
struct SimpleModeTests {
    private func harness(
        pools: Int = 1, reuse: UInt64 = 0, _ adjust: (inout ShardPolicy) -> Void = { _ in }
    ) -> ShardHarness {
        ShardHarness(pools: pools) {
            $0.mode = .simple
            $0.reuse = .seconds(reuse)
            adjust(&$0)
        }
    }

    // MARK: - Connections

    @Test func eachMinerHasAConnectionAndAllNonces() {
        let harness = harness()
        let miners = (0..<3).map { _ in harness.join() }
        #expect(harness.open().count == 3)
        #expect(harness.shard.upstreamCounts == (active: 3, sleeping: 0, error: 0))
        for (miner, peer) in zip(miners, harness.open()) {
            #expect(miner.heard == [.loggedIn(1, extensions: ["algo", "keepalive"])])
            // The job of its own connection, as the pool wrote it.
            #expect(miner.job?.blob == peer.blobs["j1"])
            for byte in [0, 7, 255] as [UInt8] { harness.submit(miner, byte: byte) }
            #expect(peer.shares.count == 3)
        }
        #expect(harness.settled.count == 9)
        #expect(harness.settled.allSatisfy { $0.outcome == .accepted })
        #expect(harness.violations.isEmpty)
    }

    @Test func aRepeatedNonceIsRefused() {
        let harness = harness()
        let miner = harness.join()
        harness.submit(miner, nonce: 5, byte: 9)
        harness.submit(miner, nonce: 5, byte: 9)
        #expect(miner.answer == .refused(miner.lastRequest, "Duplicate share"))
        harness.submit(miner, nonce: 5, byte: 10)
        #expect(miner.answer == .status(miner.lastRequest, "OK"))
        #expect(harness.violations.isEmpty)
    }

    @Test func noConnectionIsMadeBeforeTheFirstMinerAndAfterTheLast() {
        let harness = harness()
        harness.pass(.seconds(2))
        #expect(harness.dials() == 0)
        let miner = harness.join()
        harness.leave(miner)
        harness.pass(Limits.tick)
        #expect(harness.open().isEmpty)
        #expect(harness.shard.upstreamCounts == (active: 0, sleeping: 1, error: 0))
        // The next one does not get the nonces of the former.
        harness.join()
        #expect(harness.dials() == 2)
        #expect(harness.violations.isEmpty)
    }

    // MARK: - Reuse

    @Test func anIdleConnectionIsGivenToAnotherMinerOnlyWithANewJob() {
        let harness = harness(reuse: 30)
        harness.leave(harness.join())
        harness.pass(.seconds(5))
        let second = harness.join()
        #expect(harness.dials() == 2, "the job of the first connection was searched")
        harness.newJob()
        harness.leave(second)
        harness.pass(.seconds(5))
        // The first connection has a job that its former miner did not have.
        let third = harness.join()
        #expect(harness.dials() == 2)
        #expect(harness.shard.miners[Int(third.id.index)].upstream == 0)
        harness.submit(third)
        #expect(third.answer == .status(third.lastRequest, "OK"))
        // The second connection is closed 30 s after its miner has left, not sooner.
        harness.pass(.seconds(24))
        #expect(harness.open().count == 2)
        harness.pass(.seconds(2))
        #expect(harness.open().count == 1)
        #expect(harness.violations.isEmpty)
    }

    @Test func minersThatComeAndGoNeitherAddUpNorAreRefused() {
        let harness = harness(reuse: 3_600)
        let first = harness.join()
        for _ in 0..<300 { harness.leave(harness.join()) }
        #expect(harness.dials() == 301)
        #expect(harness.open().count <= 2 + Limits.idleUpstreamsMax)
        #expect(harness.miners.allSatisfy { !$0.jobs.isEmpty })
        #expect(first.isConnected)
        #expect(harness.violations.isEmpty)
    }

    @Test func minersOfAPoolThatReservesTheNonceByteAreNotRefusedEither() {
        let harness = ShardHarness()
        harness.pools[0].job.reservedByte = 0x55
        for _ in 0..<3 { harness.join() }
        for _ in 0..<200 { harness.leave(harness.join()) }
        #expect(harness.miners.allSatisfy { !$0.jobs.isEmpty })
        #expect(harness.open().count <= 4 + Limits.idleUpstreamsMax)
        #expect(harness.violations.isEmpty)
    }

    @Test func aShareUnderWayCountsEvenIfItsMinerHasLeft() {
        let harness = harness()
        harness.pools[0].verdict = .withhold
        let miner = harness.join()
        harness.submit(miner)
        let peer = harness.peer()
        harness.leave(miner)
        harness.pass(.seconds(3))
        #expect(peer.isOpen)
        // Nor is that connection made again for another miner.
        for _ in 0..<100 { harness.leave(harness.join()) }
        harness.answer(peer.owed[0], of: peer)
        #expect(harness.settled.map(\.outcome) == [.accepted])
        harness.pass(Limits.tick)
        #expect(harness.open().isEmpty)
        #expect(harness.violations.isEmpty)
    }

    @Test func beyondAnAllowanceNewConnectionsAreMadeOneAfterTheOther() {
        let harness = harness()
        harness.join()
        harness.shard.newConnections.spend(Limits.newConnectionBurst, at: harness.now)
        let miners = (0..<20).map { _ in harness.join() }
        #expect(harness.dials() == 1)
        harness.pass(.seconds(1))
        #expect((15...20).contains(harness.dials()))
        harness.pass(.seconds(1))
        #expect(miners.allSatisfy { !$0.jobs.isEmpty })
        // A miner with an accepted share gives back what its successor needs.
        for miner in miners { harness.submit(miner) }
        let before = harness.shard.newConnections
        for miner in miners { harness.leave(miner) }
        for _ in miners { harness.join() }
        #expect(harness.shard.newConnections.spentUntil <= before.spentUntil + Milliseconds(100))
        #expect(harness.violations.isEmpty)
    }

    @Test func aShardHasMoreThan4096Miners() {
        let harness = harness()
        harness.join()
        let owned = harness.shard.upstreams[0]
        harness.shard.upstreams += Array(repeating: owned, count: 4_099)
        let miner = harness.join()
        #expect(harness.shard.miners[Int(miner.id.index)].upstream == 4_100)
        harness.submit(miner)
        #expect(miner.answer == .status(miner.lastRequest, "OK"))
        #expect(harness.violations.isEmpty)
    }

    // MARK: - Pools

    @Test func aPoolThatReservesTheNonceByteKeepsIt() {
        let harness = harness()
        harness.pools[0].extensions = ["nicehash", "keepalive"]
        harness.pools[0].job.reservedByte = 0x2a
        let miner = harness.join()
        #expect(miner.heard == [.loggedIn(1, extensions: ["algo", "nicehash", "keepalive"])])
        harness.submit(miner)
        #expect(miner.answer == .status(miner.lastRequest, "OK"))
        harness.submit(miner, byte: 0x2b)
        #expect(miner.closed == .notNicehashCapable)
        #expect(harness.violations.isEmpty)
    }

    @Test func aNonceByteInAJobAloneMeansNothing() {
        let harness = harness()
        harness.pools[0].job.reservedByte = 0x2a
        let miner = harness.join()
        #expect(miner.job?.byte == 0x2a)
        harness.submit(miner, byte: 0x2b)
        #expect(miner.answer == .status(miner.lastRequest, "OK"))
        #expect(harness.violations.isEmpty)
    }

    @Test func aBackupServesEachMiner() {
        let harness = harness(pools: 2) { $0.retries = 1 }
        let miners = (0..<3).map { _ in harness.join() }
        harness.pools[0].door = .closed
        for peer in harness.open() { harness.drop(peer) }
        harness.pass(.seconds(3))
        #expect(harness.open(1).count == 3)
        for miner in miners {
            harness.submit(miner, byte: 99)
            #expect(miner.answer == .status(miner.lastRequest, "OK"))
        }
        #expect(harness.violations.isEmpty)
    }

    // MARK: - A change of the mode

    @Test func minersKeepTheNoncesThatTheyLoggedInWith() {
        let harness = ShardHarness()
        let split = (0..<2).map { _ in harness.join() }
        harness.adopt { $0.mode = .simple }
        let whole = (0..<2).map { _ in harness.join() }
        #expect(harness.open().count == 3)
        harness.adopt { $0.mode = .nicehash }
        let late = harness.join()
        #expect(harness.open().count == 3)
        #expect(harness.shard.miners[Int(late.id.index)].upstream == 0)
        harness.newJob()
        for miner in split + [late] {
            harness.submit(miner)
            #expect(miner.answer == .status(miner.lastRequest, "OK"))
            #expect(miner.heard.first == .loggedIn(1, extensions: ["algo", "nicehash", "keepalive"]))
        }
        for miner in whole {
            harness.submit(miner, byte: 200)
            #expect(miner.answer == .status(miner.lastRequest, "OK"))
        }
        // Connections of one miner are not merged with others.
        harness.pass(.seconds(30))
        #expect(harness.open().count == 3)
        #expect(harness.violations.isEmpty)
    }

    @Test func theConnectionsOfTheOtherModeDoNotCount() {
        let harness = harness()
        for _ in 0..<20 { harness.join() }
        harness.adopt { $0.mode = .nicehash }
        let split = (0..<20).map { _ in harness.join() }
        #expect(split.allSatisfy { !$0.jobs.isEmpty })
        #expect(harness.open().count == 21)
        harness.adopt { $0.mode = .simple }
        #expect(!harness.join().jobs.isEmpty)
        #expect(harness.violations.isEmpty)
    }

    @Test func theFirstConnectionIsOfThePresentMode() {
        let harness = harness(reuse: 5)
        let miner = harness.join()
        harness.adopt {
            $0.mode = .nicehash
            $0.keepsFirstUpstream = true
        }
        harness.leave(miner)
        harness.pass(.seconds(6))
        #expect(harness.open().count == 1)
        #expect(harness.shard.upstreams[0].space.isWhole == false)
        harness.pass(.seconds(120))
        #expect(harness.open().count == 1)
        #expect(harness.dials() == 2)
    }

    // MARK: - Any life

    @Test(arguments: lives(6), [false, true])
    func aSuccessorContinuesAnyLife(seed: UInt64, tls: Bool) {
        var dice = SeededGenerator(seed: seed &* 7_919)
        let successor = Successor(seed: seed)
        let harness = ShardHarness(
            pools: Int(seed % 3) + 1, chunk: [.max, .max, 30][Int(seed % 3)], seed: seed, tls: tls, witness: successor
        ) {
            $0.mode = .simple
            $0.reuse = .seconds([0, 20, 600][Int(seed % 3)])
            $0.passesLogins = seed % 2 == 0
        }
        for number in 0..<400 {
            harness.live(&dice)
            if number % 100 == 99 {
                harness.adopt { $0.mode = $0.mode == .simple ? .nicehash : .simple }
            }
        }
        #expect(successor.differences.prefix(3) == [])
        #expect(harness.violations.isEmpty)
        #expect(successor.replayed > 500)
    }
}
