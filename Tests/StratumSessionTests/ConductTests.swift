import StratumProtocol
import Testing

@testable import StratumSession

/// What a miner's junk costs the others: pools ban addresses, and the whole farm has one.
struct ConductTests {
    private let harness = ShardHarness()
    private static let junk = "Rejected share: invalid result"

    /// Submits shares that the pool refuses, whatever it thinks of those of others.
    private func submitJunk(_ miner: Miner, count: Int = 1, words: String = ConductTests.junk) {
        harness.pools[0].verdict = .refuse(words)
        for _ in 0..<count { harness.submit(miner) }
        harness.pools[0].verdict = .accept
    }

    private func isQuarantined(_ miner: Miner) -> Bool {
        let before = harness.peer().shares.count
        harness.submit(miner)
        let isForwarded = harness.peer().shares.count > before
        let isTold =
            if case .refused(_, MinerReply.Refusal.quarantined.text.description)? = miner.answer { true } else { false }
        #expect(isForwarded != isTold)
        return isTold
    }

    // MARK: - New miners

    @Test func ofANewMinerOneShareIsAtThePoolAtATimeUntilOneWasAccepted() {
        harness.pools[0].verdict = .withhold
        let (miner, other) = (harness.join("new"), harness.join("other"))
        for _ in 0..<3 { harness.submit(miner) }
        harness.submit(other)
        let peer = harness.peer()
        #expect(peer.owed.count == 2)
        harness.answer(peer.owed[0], of: peer, refusal: ConductTests.junk)
        #expect(peer.shares.count == 3)
        harness.answer(peer.owed[1], of: peer)
        // Now all that it has sent.
        #expect(peer.shares.count == 4)
        harness.submit(miner)
        #expect(peer.shares.count == 5)
        while let share = peer.owed.first { harness.answer(share, of: peer) }
        #expect(harness.settled.count == 5)
        #expect(harness.violations.isEmpty)
    }

    @Test(arguments: [ConductTests.junk, "Duplicate share", "Low difficulty share of 1", "INVALID POW", " bad hash"])
    func theSecondBadShareOfANewMinerEndsItsForwardingForTenMinutes(words: String) {
        harness.submit(harness.join("good"))
        let miner = harness.join("bad")
        submitJunk(miner, count: 5, words: words)
        #expect(harness.peer().shares.count == 3)
        #expect(harness.settled.count { $0.outcome == .invalid(.quarantined) } == 3)
        #expect(harness.shard.minersQuarantined(at: harness.now) == 1)
        harness.pass(.seconds(590))
        #expect(isQuarantined(miner))
        harness.pass(.seconds(20))
        #expect(harness.shard.minersQuarantined(at: harness.now) == 0)
        #expect(!isQuarantined(miner))
        #expect(miner.isConnected)
    }

    @Test(arguments: ["Block expired", "Stale share", "Invalid job id", "Throttled down share submission"])
    func whatIsNobodysFaultCountsForNothing(words: String) {
        harness.submit(harness.join("good"))
        let miner = harness.join("late")
        submitJunk(miner, count: 2, words: words)
        harness.pass(.seconds(3))
        #expect(!isQuarantined(miner))
    }

    @Test func aNewNameOrAReconnectDoesNotEndIt() {
        harness.submit(harness.join("good", from: "192.0.2.200"))
        let miner = harness.join("bad", from: "192.0.2.1")
        submitJunk(miner, count: 2)
        harness.leave(miner)
        #expect(isQuarantined(harness.join("bad", from: "192.0.2.1")))
        #expect(!isQuarantined(harness.join("bad", from: "192.0.2.2")))
        #expect(!isQuarantined(harness.join("neighbour", from: "192.0.2.1")))
    }

    @Test(arguments: [
        (["192.0.2.1"], "192.0.2.2"), (["2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6"], "2001:db8:1:3::1"),
    ])
    func afterFiveBadSharesNewMinersOfAnAddressAreNotForwarded(addresses: [String], elsewhere: String) {
        let proven = harness.join("proven", from: addresses[0])
        harness.submit(proven)
        for number in 0..<5 { submitJunk(harness.join("junk\(number)", from: addresses[number % addresses.count])) }
        for address in addresses { #expect(isQuarantined(harness.join("new", from: address))) }
        #expect(!isQuarantined(proven))
        #expect(!isQuarantined(harness.join("new", from: elsewhere)))
        harness.pass(.seconds(601))
        #expect(!isQuarantined(harness.join("new", from: addresses[0])))
    }

    @Test func whoLeavesBeforeTheAnswerIsJudgedAllTheSame() {
        harness.submit(harness.join("good", from: "192.0.2.200"))
        harness.pools[0].verdict = .withhold
        for number in 0..<5 {
            let miner = harness.join("hit and run \(number)", from: "192.0.2.1")
            harness.submit(miner)
            harness.leave(miner)
            let peer = harness.peer()
            for share in peer.owed { harness.answer(share, of: peer, refusal: ConductTests.junk) }
        }
        harness.pools[0].verdict = .accept
        #expect(isQuarantined(harness.join("again", from: "192.0.2.1")))
    }

    /// Then the fault may be the pool's.
    @Test func atAPoolThatAcceptsNothingItLastsAMinute() {
        let miner = harness.join("unlucky")
        submitJunk(miner, count: 2)
        #expect(isQuarantined(miner))
        harness.pass(.seconds(61))
        #expect(!isQuarantined(miner))
    }

    // MARK: - Proven miners

    @Test func aProvenMinerMayHaveABadDay() {
        let miner = harness.join("old")
        for _ in 0..<50 { harness.submit(miner) }
        submitJunk(miner, count: 12)
        #expect(!isQuarantined(miner))
        submitJunk(miner, count: 12)
        #expect(isQuarantined(miner))
    }

    @Test func aMinersRecordOutlivesItsConnection() {
        let miner = harness.join("rig", from: "192.0.2.1")
        harness.submit(miner)
        harness.leave(miner)
        harness.pass(.seconds(600))
        for number in 0..<5 { submitJunk(harness.join("junk\(number)", from: "192.0.2.1")) }
        #expect(!isQuarantined(harness.join("rig", from: "192.0.2.1")))
    }

    @Test func theStateHasTheRecordsInIt() throws {
        harness.submit(harness.join("good", from: "192.0.2.200"))
        let bad = harness.join("bad", from: "192.0.2.1")
        submitJunk(bad, count: 2)
        let again = try read(written(harness.shard))
        #expect(written(again) == written(harness.shard))
        let isStillQuarantined = again.isQuarantined(Int(bad.id.index), at: harness.now)
        #expect(isStillQuarantined)
        #expect(!again.conduct.isEmpty)
    }

    // MARK: - A pool that is about to ban

    @Test func aPoolThatRefusesATenthGetsTheSharesOfProvenMinersOnly() throws {
        let proven = harness.join("proven", from: "192.0.2.1")
        for _ in 0..<26 { harness.submit(proven) }
        // Each from elsewhere: no address is known to be bad.
        for number in 0..<4 { submitJunk(harness.join("junk", from: "198.51.100.\(number)")) }
        #expect(harness.notices.contains { if case .poolGuarded(_, refused: 4, of: 30) = $0 { true } else { false } })
        #expect(harness.shard.poolGuards == [harness.now])
        let again = try read(written(harness.shard))
        #expect(again.poolGuards == [harness.now])
        let new = (2...4).map { harness.join("new", from: "192.0.2.\($0)") }
        // One may be tried.
        for miner in new { harness.submit(miner) }
        let refusal = MinerReply.Refusal.poolGuarded.text.description
        #expect(new.map(\.answer) == [.status(2, "OK"), .refused(2, refusal), .refused(2, refusal)])
        harness.submit(proven)
        #expect(proven.answer == .status(28, "OK"))
        harness.pass(Limits.trialPause)
        for miner in new { harness.submit(miner) }
        #expect(new.map(\.answer) == [.status(3, "OK"), .status(3, "OK"), .refused(3, refusal)])
        for _ in 0..<30 { harness.submit(proven) }
        #expect(harness.notices.contains { if case .poolGuardEnded = $0 { true } else { false } })
        #expect(harness.shard.poolGuards == [nil])
        harness.submit(new[2])
        #expect(new[2].answer == .status(4, "OK"))
        #expect(harness.violations.isEmpty)
    }

    // MARK: - Budgets

    @Test func uselessRequestsSpendABudgetAndThenTheConnectionIsReadNoMore() {
        let (miner, new) = (harness.join(), harness.join())
        harness.submit(miner)
        let sent = [miner, new].map { miner in
            (1...2_000).first { _ in
                harness.submit(miner, difficulty: 1)
                return miner.isPaused
            }
        }
        #expect(sent == [501, 51])
        harness.submit(miner, difficulty: 1)
        #expect(miner.waiting.count == 1)
        harness.pass(.seconds(1))
        #expect(miner.waiting.isEmpty)
        // 20 a second from here on.
        for _ in 0..<100 { harness.submit(miner, difficulty: 1) }
        harness.pass(.seconds(1))
        #expect((55...90).contains(miner.waiting.count))
        harness.pass(.seconds(10))
        #expect(miner.waiting.isEmpty && miner.isConnected)
        #expect(harness.settled.count == harness.authenticated)
        #expect(harness.violations.isEmpty)
    }

    @Test func whatThePoolAcceptsCostsNothing() {
        let miner = harness.join()
        for _ in 0..<5_000 { harness.submit(miner) }
        #expect(!miner.isPaused && miner.waiting.isEmpty)
        #expect(harness.settled.count { $0.outcome == .accepted } == 5_000)
    }

    @Test func aMinuteAboveItWithoutAnAcceptedShareEndsTheConnection() {
        let miner = harness.join()
        for _ in 0..<4_000 { harness.keepalive(miner) }
        harness.pass(.seconds(55))
        #expect(miner.isConnected)
        harness.pass(.seconds(20))
        #expect(miner.closed == .flooding)
    }

    /// What was read together with the last request that it could pay.
    @Test(arguments: [Int.max, 1, 7])
    func theRestOfAChunkIsHeldAndReadLater(chunk: Int) {
        let (harness, miner) = ShardHarness.withMiner(chunk: chunk)
        harness.submit(miner)
        let line = #"{"id":7,"method":"keepalived","params":{"id":"x"}}"#
        let text = Array(repeating: line, count: 600).joined(separator: "\n")
        harness.send(text, from: miner)
        let answers = { miner.heard.count { if case .status(7, _) = $0 { true } else { false } } }
        #expect(answers() == 501)
        harness.pass(.seconds(10))
        #expect(answers() == 600)
        #expect(!miner.isPaused)
    }

    // MARK: - Jobs

    @Test func aFloodOfJobsIsThinnedToTheNewest() {
        let miner = harness.join()
        for _ in 0..<500 { harness.newJob() }
        #expect((10...13).contains(miner.jobs.count))
        harness.pass(.seconds(1))
        #expect(miner.job?.id == harness.pools[0].job.id)
        #expect(miner.jobs.count <= 14)
        harness.submit(miner)
        #expect(harness.settled.last?.outcome == .accepted)
    }

    // MARK: - Pool connections

    @Test func minersThatComeAndGoDoNotOpenPoolConnectionsForEver() {
        for _ in 0..<20 { harness.submit(harness.join()) }
        for _ in 0..<5_000 { harness.leave(harness.join()) }
        #expect(harness.open().count <= 6)
        let late = harness.join()
        harness.submit(late)
        #expect(harness.settled.last?.outcome == .accepted)
        // Slots were used again within a job: that is the price, and no nonce comes to the pool twice.
        #expect(harness.violations.allSatisfy { $0.hasSuffix("have had the same work") })
    }

    @Test func oneJobWithANonzeroNonceByteCostsOneConnection() {
        for _ in 0..<200 { harness.join() }
        #expect(harness.open().count == 1)
        let peer = harness.peer()
        var odd = harness.pools[0].job
        (odd.id, odd.work, odd.reservedByte) = ("odd", 1_000, 0x42)
        peer.blobs[odd.id] = odd.blob(for: peer)
        harness.send(#"{"jsonrpc":"2.0","method":"job","params":\#(odd.json(for: peer))}"#, from: peer)
        #expect(harness.open().count == 2)
        harness.newJob()
        for _ in 0..<20 { harness.join() }
        #expect(harness.open().count == 2)
        #expect(harness.miners.allSatisfy { $0.isConnected && $0.job != nil })
    }

    @Test func connectionsThatAreNotNeededAnyMoreAreMergedAndClosed() {
        for _ in 0..<3_000 { harness.join() }
        #expect(harness.open().count == 12)
        for miner in harness.miners where miner.number % 5 != 0 { harness.leave(miner) }
        harness.newJob()
        // Each second some are moved; what they had found in their former place is on its way.
        for _ in 0..<10 {
            let jobs = harness.miners.map(\.job)
            harness.pass(.seconds(1))
            for (miner, job) in zip(harness.miners, jobs) where miner.isConnected && miner.job != job {
                harness.submit(miner, byte: job?.byte, job: job?.id)
            }
        }
        #expect(harness.settled.count > 200)
        harness.pass(.seconds(60))
        #expect(harness.open().count <= 6)
        let rest = harness.miners.filter(\.isConnected)
        #expect(rest.count == 600)
        #expect(harness.settled.allSatisfy { $0.outcome == .accepted })
        for miner in rest { harness.submit(miner) }
        #expect(harness.settled.allSatisfy { $0.outcome == .accepted })
        #expect(harness.violations.isEmpty)
    }
}
