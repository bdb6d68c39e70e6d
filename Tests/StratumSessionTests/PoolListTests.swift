import StratumProtocol
import Testing

@testable import StratumSession

/// The operator changes the list of pools while miners mine.
struct PoolListTests {
    /// Two miners that mine at the first of so many pools.
    private func mining(pools: Int = 1, _ adjust: (inout ShardPolicy) -> Void = { _ in }) -> ShardHarness {
        let harness = ShardHarness(pools: pools) { adjust(&$0) }
        harness.join()
        harness.join()
        return harness
    }

    private func expectNothingLost(_ harness: ShardHarness, _ location: SourceLocation = #_sourceLocation) {
        #expect(harness.violations.isEmpty, sourceLocation: location)
        #expect(harness.settled.allSatisfy { $0.outcome == .accepted }, sourceLocation: location)
        #expect(harness.settled.count == harness.authenticated, sourceLocation: location)
        #expect(harness.miners.allSatisfy { $0.isConnected && $0.owed.isEmpty }, sourceLocation: location)
    }

    // MARK: - What stays

    @Test func aPoolThatStaysKeepsItsConnectionUnderAnyNumber() {
        let harness = mining(pools: 3)
        let peer = harness.peer(0)
        for list in [[0], [0, 1], [1, 0, 2], [4, 5, 0], [0]] {
            harness.list(list)
            harness.submit(harness.miners[0])
            #expect(peer.isOpen)
            #expect(harness.dials(0) == 1)
        }
        #expect(peer.lines.count == 1 + peer.shares.count)
        expectNothingLost(harness)
    }

    @Test func aNewBackupIsNotDialledBeforeItIsNeeded() {
        let harness = mining()
        harness.list(0, 1)
        harness.pass(.seconds(10))
        #expect(harness.dials(1) == 0)
        harness.pools[0].door = .closed
        harness.drop(harness.peer(0))
        harness.pass(.seconds(3))
        #expect(harness.actives == [0, 1])
        #expect(harness.settled.isEmpty)
    }

    @Test func aLongerPauseOfTheKeepaliveIsNoOtherPool() {
        let harness = mining { $0.pools[0].keepalive = .seconds(5) }
        harness.adopt { $0.pools[0].keepalive = .seconds(30) }
        harness.pass(.seconds(29))
        #expect(harness.peer().keepalives.isEmpty)
        harness.pass(.seconds(2))
        #expect(harness.peer().keepalives.count == 1)
        #expect(harness.dials() == 1)
    }

    @Test func thePoolInUseIsNamedByItsPlaceInTheListOfNow() {
        let harness = mining()
        harness.pools.append(PoolConduct())
        harness.pools[1].door = .silent
        harness.list(1, 0)
        harness.submit(harness.miners[0])
        #expect(harness.settled.last?.pool == 1)
        #expect(harness.shard.poolDirectory == ["pool1", "pool0"])
        #expect(harness.shard.upstreamViews[0].pool == 1)
        harness.list(1)
        harness.submit(harness.miners[0])
        #expect(harness.settled.last?.pool == SettledShare.formerPool)
        #expect(harness.shard.poolDirectory == ["pool1", "pool0"], "it serves on, and has a name")
        #expect(harness.shard.upstreamViews[0].pool == 1)
        #expect(harness.shard.upstreamViews[0].state == .active)
        expectNothingLost(harness)
    }

    // MARK: - What goes

    @Test func aRemovedPoolServesUntilTheNewOneHasGivenAJob() {
        let harness = mining()
        harness.pools.append(PoolConduct())
        harness.pools[1].door = .closed
        harness.list(1)
        let old = harness.peer(0)
        harness.pass(.seconds(100))
        #expect(old.isOpen)
        harness.newJob(pool: 0)
        harness.submit(harness.miners[0])
        harness.join()
        #expect(harness.miners[2].job != nil)
        #expect(old.shares.count == 1)
        harness.pools[1].door = .open
        harness.pass(.seconds(2))
        #expect(harness.actives == [0, 1])
        harness.submit(harness.miners[1])
        #expect(harness.peer(1).shares.count == 1)
        harness.pass(Limits.lateShares)
        #expect(!old.isOpen)
        expectNothingLost(harness)
    }

    @Test func whatWasOnItsWayToTheOldPoolComesBackFromIt() {
        let harness = mining()
        harness.pools[0].verdict = .withhold
        harness.submit(harness.miners[0])
        harness.submit(harness.miners[1])
        harness.list(1)
        let old = harness.peer(0)
        #expect(harness.actives == [0, 1])
        harness.answer(old.owed[0], of: old)
        harness.pass(Limits.lateShares)
        #expect(old.isOpen)
        harness.answer(old.owed[0], of: old)
        #expect(!old.isOpen)
        expectNothingLost(harness)
    }

    @Test func aLateShareGoesToTheOldPoolEvenIfBothNameTheirJobsAlike() {
        let harness = mining()
        let before = harness.miners[0].job?.id
        harness.submit(harness.miners[0])
        harness.pools.append(PoolConduct())
        harness.list(1)
        #expect(harness.pools[0].job.id == harness.pools[1].job.id)
        #expect(harness.miners[0].job?.id != before)
        harness.submit(harness.miners[0], job: before)
        harness.submit(harness.miners[1])
        #expect(harness.peer(0).shares.map(\.jobID) == ["j1", "j1"])
        #expect(harness.peer(1).shares.map(\.jobID) == ["j1"])
        harness.pass(Limits.lateShares)
        #expect(harness.open(0).isEmpty)
        harness.submit(harness.miners[0])
        harness.newJob(pool: 1)
        harness.submit(harness.miners[0])
        expectNothingLost(harness)
    }

    @Test func anOldPoolThatDoesNotAnswerIsHungUpAfterAWhile() {
        let harness = mining()
        harness.pools[0].verdict = .withhold
        harness.submit(harness.miners[0])
        harness.list(1)
        harness.pass(Limits.drain)
        #expect(harness.open(0).isEmpty)
        #expect(harness.settled.map(\.outcome) == [.poolLost])
        #expect(harness.violations.isEmpty)
    }

    @Test func anotherLoginIsAnotherPool() {
        let harness = mining()
        harness.adopt { $0.pools[0].user = "somebody else" }
        #expect(harness.open(0).count == 2)
        #expect(harness.open(0).last?.lines[0].contains(#""login":"somebody else""#) == true)
        harness.submit(harness.miners[0])
        #expect(harness.open(0).last?.shares.count == 1)
        harness.pass(Limits.lateShares)
        #expect(harness.open(0).count == 1)
        expectNothingLost(harness)
    }

    @Test func aRemovedPoolThatIsLostIsNotTriedAgain() {
        let harness = mining()
        harness.pools.append(PoolConduct())
        harness.pools[1].door = .closed
        harness.list(1)
        harness.drop(harness.peer(0))
        harness.pass(.seconds(30))
        #expect(harness.dials(0) == 1)
        #expect(harness.failures.allSatisfy { $0 == .connection("connection refused") })
        harness.pools[1].door = .open
        harness.pass(.seconds(2))
        harness.submit(harness.miners[0])
        expectNothingLost(harness)
    }

    @Test func aPoolThatComesBackOnTheListWhileItServesStays() {
        let harness = mining()
        harness.pools.append(PoolConduct())
        harness.pools[1].door = .silent
        harness.list(1)
        harness.list(0)
        harness.submit(harness.miners[0])
        harness.pass(.seconds(60))
        #expect(harness.dials(0) == 1)
        #expect(harness.open(1).isEmpty)
        expectNothingLost(harness)
    }

    @Test func aDialToARemovedPoolIsLetGoAtOnce() {
        let harness = ShardHarness(pools: 1)
        harness.pools[0].door = .silent
        harness.join()
        harness.list(1)
        #expect(harness.open(0).isEmpty)
        #expect(harness.actives == [1])
    }

    @Test func aSeatThatNobodyHasIsGivenToTheNext() {
        let harness = mining()
        for number in 1...40 {
            harness.list(number)
            for miner in harness.miners { harness.submit(miner) }
            harness.pass(Limits.lateShares)
        }
        #expect(harness.shard.seats.count <= 3)
        expectNothingLost(harness)
    }

    @Test func whenThereIsNoSeatLeftAFormerPoolThatServesNobodyHasToGo() {
        let harness = mining()
        let count = Limits.poolSeatsMax + 2
        harness.submit(harness.miners[0])
        for number in 0..<count {
            harness.list(number)
            harness.pools[number].verdict = .withhold
            harness.submit(harness.miners[0])
        }
        #expect(harness.shard.seats.count == Limits.poolSeatsMax)
        #expect((0..<count).filter { harness.open($0).isEmpty } == [0, 1])
        #expect(harness.settled.map(\.outcome) == [.accepted, .poolLost, .poolLost])
        #expect(harness.miners.allSatisfy { $0.isConnected })
        #expect(harness.violations.isEmpty)
    }

    // MARK: - The first pool

    @Test func aNewFirstPoolTakesOverAndTheOneBeforeBecomesItsBackup() {
        let harness = mining()
        harness.list(1, 0)
        #expect(harness.actives == [0, 1])
        harness.submit(harness.miners[0])
        harness.pass(Limits.lateShares)
        #expect(harness.open(0).isEmpty)
        harness.pools[1].door = .closed
        harness.drop(harness.peer(1))
        harness.pass(.seconds(3))
        #expect(harness.actives == [0, 1, 0])
        harness.submit(harness.miners[0])
        expectNothingLost(harness)
    }

    @Test func failuresOfTheFirstPoolDoNotCountForAnother() {
        let harness = ShardHarness(pools: 2) { $0.retries = 3 }
        harness.pools[0].door = .closed
        harness.join()
        harness.pass(Milliseconds(1_100))
        harness.pools.append(PoolConduct())
        harness.pools[2].door = .closed
        harness.list(2, 1)
        harness.pass(Milliseconds(1_100))
        #expect(harness.dials(1) == 0)
        harness.pass(Milliseconds(1_100))
        #expect(harness.actives == [1])
    }

    @Test func aPoolThatDrainsAndIsNeededAgainIsDialledAgain() {
        let harness = mining()
        harness.list(1, 0)
        #expect(harness.actives == [0, 1])
        harness.pools[1].door = .closed
        harness.drop(harness.peer(1))
        harness.list(0, 1)
        harness.pass(Milliseconds(200))
        #expect(harness.actives == [0, 1, 0])
        harness.submit(harness.miners[0])
        expectNothingLost(harness)
    }
}
