import StratumProtocol
import Testing

@testable import StratumSession

/// A pool that logs in, gives jobs and rejects every share is left for the backup. One hostile miner cannot cause that.
struct RejectionTests {
    private static let words = [
        "Low difficulty share", "Rejected share: invalid result", "Internal error", "", "sorry",
    ]

    private func farm(
        miners: Int, oneAddress: Bool = false, words: String, guardsPools: Bool = true, retries: Int = 5
    ) -> ShardHarness {
        let harness = ShardHarness(pools: 2) {
            $0.retries = retries
            $0.guardsPools = guardsPools
        }
        harness.pools[0].verdict = .refuse(words)
        for number in 0..<miners {
            harness.join("rig\(number)", from: oneAddress ? "192.0.2.1" : "198.51.100.\(number)")
        }
        return harness
    }

    /// Each miner submits a share in turn until the backup serves.
    /// - Returns: how many shares the first pool got.
    private func sharesUntilBackup(_ harness: ShardHarness, max: Int = 20) -> Int {
        for share in 0..<max {
            harness.submit(harness.miners[share % harness.miners.count])
            if harness.actives.last == 1 { break }
        }
        return harness.peers.reduce(0) { $0 + ($1.pool == 0 ? $1.shares.count : 0) }
    }

    private func isRejecting(_ failure: PoolFailure?) -> Bool {
        if case .rejectsShares = failure { true } else { false }
    }

    // MARK: - The backup is used

    @Test(arguments: [1, 2, 20], words)
    func aFirstPoolThatRejectsEverythingIsLeftWithinAFewShares(miners: Int, words: String) {
        let harness = farm(miners: miners, words: words)
        #expect(sharesUntilBackup(harness) <= 4)
        #expect(harness.actives == [0, 1])
        #expect(isRejecting(harness.failures.first) && harness.failures.count == 1)
        // At once, and for all.
        for miner in harness.miners { harness.submit(miner) }
        #expect(harness.miners.allSatisfy { $0.answer == .status($0.lastRequest, "OK") })
        #expect(harness.shard.minersQuarantined(at: harness.now) == 0)
        #expect(harness.violations.isEmpty)
    }

    @Test(arguments: words, [true, false])
    func behindOneAddressToo(words: String, guardsPools: Bool) {
        let harness = farm(miners: 30, oneAddress: true, words: words, guardsPools: guardsPools)
        #expect(sharesUntilBackup(harness) <= 4)
        for miner in harness.miners { harness.submit(miner) }
        #expect(harness.miners.allSatisfy { $0.answer == .status($0.lastRequest, "OK") })
        #expect(harness.violations.isEmpty)
    }

    @Test func allConnectionsToThePoolAreLeft() {
        let harness = farm(miners: 300, words: "Low difficulty share")
        #expect(harness.open(0).count == 2)
        #expect(sharesUntilBackup(harness) <= 4)
        #expect(harness.open(0).isEmpty && harness.open(1).count == 2)
        #expect(harness.failures.count == 1)
    }

    @Test(arguments: ["Low difficulty share", "Try later"])
    func minersThatComeOneAfterTheOtherAreEnough(words: String) {
        let harness = farm(miners: 0, words: words)
        for number in 0..<4 {
            let miner = harness.join("rig", from: "198.51.100.\(number)")
            harness.submit(miner)
            harness.leave(miner)
        }
        #expect(harness.actives.last == 1)
    }

    @Test func aPoolThatWasOfUseAndBreaksIsLeftInTenSeconds() {
        let harness = farm(miners: 10, words: "unused")
        harness.pools[0].verdict = .accept
        for miner in harness.miners { harness.submit(miner) }
        harness.pools[0].verdict = .refuse("Low difficulty share")
        for second in 0..<12 {
            for number in 0..<3 { harness.submit(harness.miners[(second * 3 + number) % 10]) }
            if second == 8 { #expect(harness.actives == [0]) }
            harness.pass(.seconds(1))
        }
        #expect(harness.actives == [0, 1])
        // It was of use before, and yet is not trusted again at once.
        harness.pass(.seconds(5))
        #expect(harness.actives == [0, 1])
    }

    @Test func aPoolThatAcceptsOneShareInTenIsLeftToo() {
        let harness = farm(miners: 10, words: "unused")
        for share in 0..<150 {
            harness.pools[0].verdict = share % 10 == 0 ? .accept : .refuse("Internal error")
            harness.submit(harness.miners[share % 7])
            harness.pass(Milliseconds(200))
        }
        #expect(harness.actives.contains(1))
    }

    @Test func aSlowMinerAloneIsEnough() {
        let harness = farm(miners: 1, words: "Internal error", retries: 2)
        for _ in 0..<3 {
            harness.pass(.seconds(90))
            harness.submit(harness.miners[0])
        }
        #expect(harness.actives == [0, 1])
        harness.pass(.seconds(8))
        #expect(harness.actives == [0, 1], "a stay in which all was rejected is a short one, however long")
    }

    @Test func silentMinersAreWaitedForAMinuteOnly() {
        let harness = farm(miners: 5, words: "Low difficulty share")
        for _ in 0..<2 { harness.submit(harness.miners[0]) }
        harness.pass(.seconds(50))
        #expect(harness.actives == [0])
        harness.pass(.seconds(12))
        #expect(harness.actives == [0, 1])
    }

    // MARK: - The first pool is tried again

    @Test func theFirstIsTriedAgainAndLeftForLongerEachTime() {
        let harness = farm(miners: 4, words: "Low difficulty share")
        #expect(sharesUntilBackup(harness) <= 4)
        var absences: [UInt64] = []
        for _ in 0..<4 {
            var seconds: UInt64 = 0
            while harness.actives.last == 1, seconds < 400 {
                harness.pass(.seconds(1))
                seconds += 1
            }
            absences.append(seconds)
            for miner in harness.miners where harness.actives.last == 0 { harness.submit(miner) }
            #expect(harness.actives.last == 1)
        }
        #expect(absences == [10, 20, 40, 80])
        harness.pools[0].verdict = .accept
        harness.pass(.seconds(170))
        #expect(harness.actives.last == 0)
        for miner in harness.miners { harness.submit(miner) }
        #expect(harness.miners.allSatisfy { $0.answer == .status($0.lastRequest, "OK") })
        #expect(harness.violations.isEmpty)
    }

    @Test(arguments: [1, 2])
    func withoutABackupThatIsBetterItIsToldOnce(pools: Int) {
        let harness = ShardHarness(pools: pools)
        for pool in 0..<pools { harness.pools[pool].verdict = .refuse("Internal error") }
        let miners = (0..<3).map { harness.join("rig\($0)") }
        for _ in 0..<20 {
            for miner in miners { harness.submit(miner) }
            harness.pass(Milliseconds(300))
        }
        let told = harness.notices.count { if case .poolRejects = $0 { true } else { false } }
        #expect(told == 1)
        // With two of them the second is where they stay.
        #expect(harness.actives == Array(0..<pools))
        #expect(miners.allSatisfy { $0.isConnected })
    }

    // MARK: - A hostile miner at a good pool

    private func submitJunk(_ harness: ShardHarness, _ miner: Miner, words: String) {
        harness.pools[0].verdict = .refuse(words)
        harness.submit(miner)
        harness.pools[0].verdict = .accept
    }

    @Test(arguments: words, [true, false])
    func oneHostileMinerDrivesNobodyOff(words: String, guardsPools: Bool) {
        let harness = farm(miners: 3, words: words, guardsPools: guardsPools)
        harness.pools[0].verdict = .accept
        // The others are there, and have not found a share yet.
        for _ in 0..<100 { submitJunk(harness, harness.miners[0], words: words) }
        #expect(harness.actives == [0])
        for _ in 0..<120 {
            for _ in 0..<10 { submitJunk(harness, harness.miners[0], words: words) }
            harness.submit(harness.miners[1])
            harness.pass(.seconds(1))
        }
        #expect(harness.actives == [0] && harness.failures.isEmpty)
        #expect(harness.settled.last?.outcome == .accepted)
    }

    @Test(arguments: words)
    func norDoesOneAddressUnderManyNames(words: String) {
        let harness = farm(miners: 2, words: words)
        harness.pools[0].verdict = .accept
        for number in 0..<50 {
            let junk = harness.join("name\(number)", from: "203.0.113.9")
            submitJunk(harness, junk, words: words)
            submitJunk(harness, junk, words: words)
        }
        #expect(harness.actives == [0])
    }

    @Test func aBlockThatMakesManySharesLateDrivesNobodyOff() {
        let harness = farm(miners: 40, words: "unused")
        harness.pools[0].verdict = .accept
        for miner in harness.miners { harness.submit(miner) }
        harness.pools[0].verdict = .refuse("Block expired")
        for miner in harness.miners { harness.submit(miner) }
        harness.pass(.seconds(1))
        harness.pools[0].verdict = .accept
        for miner in harness.miners { harness.submit(miner) }
        harness.pass(.seconds(30))
        #expect(harness.actives == [0])
    }

    // MARK: - What was held against miners

    @Test func aQuarantineOfAMinerThatHasLeftEndsToo() {
        let harness = farm(miners: 3, words: "Low difficulty share")
        let early = harness.join("early", from: "203.0.113.9")
        for _ in 0..<2 { harness.submit(early) }
        harness.leave(early)
        #expect(sharesUntilBackup(harness) <= 6)
        let again = harness.join("early", from: "203.0.113.9")
        harness.submit(again)
        #expect(again.answer == .status(again.lastRequest, "OK"))
    }

    @Test func aQuarantineFromAGoodPoolStays() {
        let harness = farm(miners: 3, words: "unused")
        harness.pools[0].verdict = .accept
        let bad = harness.join("bad", from: "203.0.113.9")
        harness.submit(harness.miners[0])
        for _ in 0..<2 { submitJunk(harness, bad, words: "Low difficulty share") }
        // The pool is well at that time.
        for _ in 0..<2 { harness.submit(harness.miners[0]) }
        harness.pass(.seconds(90))
        harness.pools[0].verdict = .refuse("Low difficulty share")
        for _ in 0..<4 { for miner in harness.miners { harness.submit(miner) } }
        #expect(harness.actives == [0, 1])
        harness.submit(bad)
        #expect(bad.answer == .refused(bad.lastRequest, MinerReply.Refusal.quarantined.text.description))
    }

    // MARK: - Coding

    @Test func aSuccessorKnowsTheStreak() throws {
        let harness = farm(miners: 3, words: "Low difficulty share")
        for miner in harness.miners.prefix(2) { harness.submit(miner) }
        #expect(harness.actives == [0])
        let again = try read(written(harness.shard))
        #expect(written(again) == written(harness.shard))
        harness.shard = try read(written(harness.shard))
        harness.submit(harness.miners[2])
        #expect(harness.actives == [0, 1])
        let seats = try read(written(harness.shard)).seats
        #expect(seats[0].streak.leftAt == harness.now && seats[0].streak.count == 0)
        #expect(seats[1].streak.acceptedAt == nil)
    }
}
