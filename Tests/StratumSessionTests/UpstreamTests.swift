import StratumProtocol
import Testing

@testable import StratumSession

/// Who works where: slots, reserved bytes, jobs that repeat, upstreams that sleep.
struct UpstreamTests {
    private func slots(_ harness: ShardHarness, _ upstream: Int = 0) -> NonceSpace {
        harness.shard.upstreams[upstream].space
    }

    // MARK: - Slots

    @Test func twoHundredFiftySixMinersShareOneConnectionAndTheNextOpensAnother() {
        let harness = ShardHarness()
        for _ in 0..<256 { harness.join() }
        #expect(harness.open().count == 1)
        #expect(Set(harness.miners.compactMap { $0.job?.byte }).count == 256)
        harness.join()
        #expect(harness.open().count == 2)
        #expect(harness.miners.allSatisfy { $0.job != nil })
        #expect(harness.violations.isEmpty)
    }

    @Test func theSlotOfAMinerThatHasLeftIsDeadUntilTheNextJob() {
        let harness = ShardHarness()
        for _ in 0..<256 { harness.join() }
        let byte = harness.miners[9].job?.byte
        harness.leave(harness.miners[9])
        harness.join()
        #expect(harness.open().count == 2)
        harness.newJob()
        let successor = harness.join()
        #expect(harness.open().count == 2)
        #expect(successor.job?.byte == byte)
        #expect(harness.violations.isEmpty)
    }

    @Test func aSlotThatNeverHadWorkIsFreeAtOnce() {
        let harness = ShardHarness()
        harness.pools[0].door = .closed
        // Miners that lose patience while the pool is down.
        for _ in 0..<1_000 { harness.leave(harness.join()) }
        #expect(harness.shard.upstreams.count == 1)
        #expect(slots(harness).freeCount == 256)
    }

    @Test func theSameBlobUnderANewNameKeepsDeadSlotsDead() {
        let harness = ShardHarness()
        let (stays, leaves) = (harness.join(), harness.join())
        harness.leave(leaves)
        #expect(slots(harness).freeCount == 254)
        harness.newJob { $0.work = 1 }
        #expect(stays.jobs.map(\.id) == ["j1", "j2"])
        #expect(slots(harness).freeCount == 254)
        harness.newJob()
        #expect(slots(harness).freeCount == 255)
    }

    @Test func theSameBlobUnderANewNameHasTheSameNonces() {
        let (harness, miner) = ShardHarness.withMiner()
        harness.submit(miner, nonce: 1)
        harness.newJob { $0.work = 1 }
        for (nonce, job, expected) in [
            (1, "j2", "Duplicate share"), (1, "j1", "Duplicate share"), (2, "j2", "OK"), (2, "j1", "Duplicate share"),
            (3, "j1", "OK"), (3, "j2", "Duplicate share"),
        ] {
            harness.submit(miner, nonce: UInt32(nonce), job: job)
            #expect(
                miner.answer
                    == (expected == "OK" ? .status(miner.lastRequest, "OK") : .refused(miner.lastRequest, expected)))
        }
        #expect(harness.violations.filter { $0.contains("nonce") }.isEmpty)
    }

    @Test func aBlobThatComesBackHasItsNoncesStill() {
        let (harness, miner) = ShardHarness.withMiner()
        harness.submit(miner, nonce: 1)
        harness.newJob()
        harness.newJob { $0.work = 1 }
        harness.submit(miner, nonce: 1)
        #expect(miner.answer == .refused(miner.lastRequest, "Duplicate share"))
        harness.submit(miner, nonce: 1, job: "j2")
        #expect(miner.answer == .status(miner.lastRequest, "OK"))
    }

    @Test func aMinerThatComesWhileOneUpstreamHasNoPoolGoesWhereWorkIs() {
        let harness = ShardHarness()
        for _ in 0..<257 { harness.join() }
        harness.leave(harness.miners[0])
        harness.newJob()
        harness.pools[0].door = .closed
        harness.drop(harness.peer())
        #expect(harness.join().job != nil)
    }

    // MARK: - A pool that keeps the nonce byte

    @Test(arguments: [true, false])
    func aReservedByteMeansOneMinerForEachConnection(isAdvertised: Bool) {
        let harness = ShardHarness()
        harness.pools[0].job.reservedByte = isAdvertised ? 0 : 0x77
        if isAdvertised { harness.pools[0].extensions += ["nicehash"] }
        for _ in 0..<4 { harness.join() }
        #expect(harness.open().count == 4)
        #expect(harness.miners.allSatisfy { $0.job?.byte == (isAdvertised ? 0 : 0x77) })
        for miner in harness.miners { harness.submit(miner) }
        #expect(harness.settled.map(\.outcome) == [.accepted, .accepted, .accepted, .accepted])
        #expect(harness.notices.count { if case .poolReservesNonceByte = $0 { true } else { false } } == 1)
        #expect(harness.violations.isEmpty)
    }

    @Test func whoWaitedTogetherIsHousedApart() {
        let harness = ShardHarness()
        harness.pools[0].job.reservedByte = 0x77
        harness.pools[0].login = .withoutJob
        for _ in 0..<5 { harness.join() }
        #expect(harness.open().count == 1)
        harness.pools[0].login = .welcome
        harness.sendJob(to: harness.peer())
        #expect(harness.open().count == 5)
        #expect(harness.miners.allSatisfy { $0.heard.count == 1 && $0.job?.byte == 0x77 })
        #expect(harness.shard.minersNow == 5)
        #expect(harness.violations.isEmpty)
    }

    @Test func whenAPoolBeginsToKeepTheByteTheMinersMoveAndLateSharesAreStale() {
        let harness = ShardHarness()
        for _ in 0..<3 { harness.join() }
        let bytes = harness.miners.map { $0.job!.byte }
        harness.newJob { $0.reservedByte = 0x77 }
        #expect(harness.open().count == 3)
        #expect(harness.miners.allSatisfy { $0.job?.byte == 0x77 })
        for (miner, byte) in zip(harness.miners, bytes) {
            // A share from before, whose job has the name of one that the new connection knows.
            harness.submit(miner, byte: byte)
            #expect(miner.answer == .refused(2, "Stale share"))
            #expect(miner.isConnected)
            harness.submit(miner)
            #expect(miner.answer == .status(3, "OK"))
            harness.submit(miner, byte: byte ^ 0x80)
        }
        #expect(harness.miners.allSatisfy { $0.closed == .notNicehashCapable })
        #expect(harness.violations.isEmpty)
    }

    @Test func whoMovesToAnUpstreamWithoutWorkIsToldSoAndStays() {
        let harness = ShardHarness()
        for _ in 0..<2 { harness.join() }
        harness.pools[0].door = .silent
        harness.newJob { $0.reservedByte = 0x77 }
        let moved = harness.miners.first { $0.jobs.count == 1 }!
        harness.submit(moved)
        #expect(moved.answer == .refused(2, "Bad gateway"))
        #expect(moved.isConnected)
        #expect(harness.shard.minersNow == 2)
        harness.pools[0].door = .open
        harness.pass(.seconds(22))
        #expect(moved.jobs.count == 2)
        #expect(harness.violations.isEmpty)
    }

    @Test func aReservedByteIsGivenToTheNextMinerOnlyWithTheNextJob() {
        let harness = ShardHarness()
        harness.pools[0].job.reservedByte = 0x77
        harness.leave(harness.join())
        harness.join()
        #expect(harness.open().count == 2)
        harness.newJob()
        harness.join()
        #expect(harness.open().count == 2)
        #expect(harness.violations.isEmpty)
    }

    @Test func whenThePoolDoesNotKeepTheByteAnyMoreThereIsRoom() {
        let harness = ShardHarness()
        harness.pools[0].job.reservedByte = 0x77
        harness.join()
        harness.newJob { $0.reservedByte = 0 }
        for _ in 0..<255 { harness.join() }
        #expect(harness.open().count == 1)
        #expect(harness.violations.isEmpty)
    }

    // MARK: - Sleep

    @Test func anUpstreamWithoutMinersSleepsAfterAMinuteAndWakesWithTheNext() {
        let (harness, miner) = ShardHarness.withMiner()
        harness.pass(.seconds(300))
        #expect(harness.open().count == 1)
        harness.leave(miner)
        harness.pass(.seconds(59))
        #expect(harness.open().count == 1)
        harness.pass(.seconds(1))
        #expect(harness.open().isEmpty)
        #expect(harness.shard.upstreamCounts == (active: 0, sleeping: 1, error: 0))
        let next = harness.join()
        #expect(next.job != nil)
        #expect(harness.shard.upstreamCounts == (active: 1, sleeping: 0, error: 0))
        #expect(harness.violations.isEmpty)
    }

    @Test func aMinerThatComesInTimeKeepsTheUpstreamOpen() {
        let harness = ShardHarness()
        harness.leave(harness.join())
        harness.pass(.seconds(59))
        harness.join()
        harness.pass(.seconds(120))
        #expect(harness.open().count == 1)
        #expect(harness.peers.count == 1)
    }

    @Test func sleepersAreWokenBeforeAnythingIsOpenedAndForgottenAtTheEndOfTheList() {
        let harness = ShardHarness()
        harness.pools[0].job.reservedByte = 0x77
        for _ in 0..<3 { harness.join() }
        for miner in harness.miners { harness.keepalive(miner) }
        harness.leave(harness.miners[0])
        harness.leave(harness.miners[2])
        harness.pass(.seconds(60))
        #expect(harness.shard.upstreamCounts == (active: 1, sleeping: 2, error: 0))
        let woken = harness.join()
        #expect(harness.shard.miners[Int(woken.id.index)].upstream == 0)
        #expect(harness.shard.upstreamCounts == (active: 2, sleeping: 1, error: 0))
        harness.pass(.seconds(60))
        #expect(harness.shard.upstreamCounts == (active: 2, sleeping: 0, error: 0))
        #expect(harness.violations.isEmpty)
    }

    @Test func sharesInFlightAreSettledWhenTheirUpstreamGoesToSleep() {
        let harness = ShardHarness()
        harness.pools[0].extensions = []
        harness.pools[0].verdict = .withhold
        let miner = harness.join()
        harness.pass(.seconds(1))
        harness.submit(miner)
        harness.leave(miner)
        harness.pass(.seconds(61))
        #expect(harness.settled.map(\.outcome) == [.poolLost])
    }

    @Test func atTheLimitAMinerIsTurnedAway() {
        let harness = ShardHarness()
        for _ in 0..<256 { harness.join() }
        let full = harness.shard.upstreams[0]
        harness.shard.upstreams = Array(repeating: full, count: Limits.upstreamsMax)
        let miner = harness.join()
        #expect(miner.heard == [.refused(1, "Bad gateway")])
        #expect(miner.closed == .noUpstream)
        #expect(harness.notices.contains { if case .outOfUpstreams = $0 { true } else { false } })
        #expect(harness.shard.connections == 256)
    }
}
