import StratumProtocol
import TestSupport
import Testing

@testable import StratumSession

/// A pool that has forgotten our session, or has banned us, and keeps the connection open.
struct SessionLossTests {
    static let forgotten = [
        "Unauthenticated", "unauthenticated: no such session", "  UNAUTHENTICATED", "Unauthorized worker",
        "Session expired", "Not logged in", "Unknown miner", "Please login first", "Invalid session id",
    ]
    static let bans = [
        "Your IP is banned", "YOUR IP IS BANNED for 600 s", "IP Address currently banned",
        "Address banned: 203.0.113.9",
        "You have been temporarily banned", "This wallet is blacklisted",
    ]
    /// The refusals on which XMRig drops its connection; it compares the first letters, in any case.
    static let critical = ["unauthenticated", "your ip is banned", "ip address currently banned", "invalid job id"]

    private func isLoss(_ failure: PoolFailure?) -> Bool {
        if case .sessionLost = failure { true } else { false }
    }

    private func isBan(_ failure: PoolFailure?) -> Bool {
        if case .banned = failure { true } else { false }
    }

    // MARK: - Forgotten

    @Test(arguments: forgotten + ["Invalid job id", "INVALID JOB ID 17"])
    func aSessionThatThePoolHasForgottenIsRenewed(words: String) {
        let (harness, miner) = ShardHarness.withMiner()
        harness.pools[0].verdict = .refuse(words)
        harness.submit(miner)
        #expect(harness.failures == [.sessionLost(words)])
        #expect(harness.open().isEmpty)
        #expect(harness.settled.map(\.outcome) == [.rejected])
        harness.pools[0].verdict = .accept
        harness.pass(Milliseconds(1_100))
        harness.submit(miner)
        #expect(miner.answer == .status(miner.lastRequest, "OK"))
        #expect(harness.violations.isEmpty)
    }

    /// A connection with an older TLS, behind a restart.
    @Test func aConnectionThatIsNotKeptIsRenewedAtOnceAndIsNoFailure() {
        let (harness, miner) = ShardHarness.withMiner()
        harness.submit(miner)
        let lost = harness.open()
        #expect(lost.count == 1)
        for peer in lost { harness.loseInTakeover(peer) }
        #expect(harness.failures.isEmpty)
        #expect(harness.open().count == 1 && harness.open()[0].id != lost[0].id)
        // Without the passing of time:
        harness.submit(miner)
        #expect(miner.answer == .status(miner.lastRequest, "OK"))
        #expect(miner.isConnected)
        #expect(harness.settled.map(\.outcome) == [.accepted, .accepted])
        #expect(harness.violations.isEmpty)
    }

    @Test(arguments: forgotten + bans + ["Invalid job id", "invalid JOB id (stale)"])
    func minersNeverReadWordsOnWhichTheyHangUp(words: String) throws {
        let (harness, miner) = ShardHarness.withMiner()
        harness.pools[0].verdict = .refuse(words)
        harness.submit(miner)
        guard case .refused(_, let text) = miner.answer else { throw TestFailure("no refusal") }
        #expect(!SessionLossTests.critical.contains { text.lowercased().hasPrefix($0) })
        #expect(harness.poolErrors == [words], "the operator reads the pool's own words")
        #expect(miner.isConnected)
    }

    @Test(arguments: ["Low difficulty share", "Duplicate share", "Block expired", "Malformed nonce", "Job not found"])
    func anOrdinaryRefusalIsRelayedAndTheSessionStays(words: String) {
        let (harness, miner) = ShardHarness.withMiner()
        harness.pools[0].verdict = .refuse(words)
        harness.submit(miner)
        #expect(miner.answer == .refused(miner.lastRequest, words))
        #expect(harness.open().count == 1)
    }

    @Test(arguments: ["Job not found", "unknown job 12", "No such job"])
    func aPoolThatKeepsDenyingItsCurrentJobHasLostTheSession(words: String) {
        let (harness, miner) = ShardHarness.withMiner()
        harness.pools[0].verdict = .refuse(words)
        harness.submit(miner)
        harness.submit(miner)
        #expect(harness.failures.isEmpty)
        harness.submit(miner)
        #expect(harness.failures == [.sessionLost(words)])
    }

    @Test func anAcceptedShareForgivesUnknownJobs() {
        let (harness, miner) = ShardHarness.withMiner()
        for _ in 0..<4 {
            harness.pools[0].verdict = .refuse("Job not found")
            harness.submit(miner)
            harness.submit(miner)
            harness.pools[0].verdict = .accept
            harness.submit(miner)
        }
        #expect(harness.failures.isEmpty)
    }

    @Test func anInvalidJobIDForAJobThatThePoolHasReplacedIsOrdinary() {
        let (harness, miner) = ShardHarness.withMiner()
        harness.submit(miner)
        harness.pools[0].verdict = .withhold
        harness.submit(miner)
        harness.pass(Milliseconds(100))
        harness.newJob()
        harness.submit(miner, job: "j1")
        let peer = harness.peer()
        for share in peer.owed { harness.answer(share, of: peer, refusal: "Invalid job id") }
        #expect(harness.failures.isEmpty)
        #expect(peer.isOpen)
        #expect(miner.heard.suffix(2).allSatisfy { if case .refused(_, "Stale share") = $0 { true } else { false } })
    }

    @Test(arguments: [
        #"{"id":2,"error":{"code":-1,"message":"Unauthenticated"}}"#,
        #"{"id":null,"error":{"code":-1,"message":"Unauthenticated"}}"#,
        #"{"error":"Your session: unauthenticated","id":"2"}"#, #"{"id":99,"error":[25,"Not subscribed",null]}"#,
    ])
    func theSameWordsInAnswerToAKeepaliveOrUnaskedCount(line: String) {
        let harness = ShardHarness { $0.pools[0].keepalive = .seconds(1) }
        harness.pools[0].answersKeepalives = false
        harness.join()
        harness.pass(Milliseconds(1_100))
        #expect(harness.peer().keepalives == [2])
        harness.send(line, from: harness.peer())
        #expect(isLoss(harness.failures.first) == !line.contains("Your session"))
    }

    @Test func aPoolThatForgetsAgainAndAgainLeadsToTheNext() {
        let (harness, miner) = ShardHarness.withMiner(pools: 2) { $0.retries = 2 }
        harness.pools[0].verdict = .refuse("Unauthenticated")
        for _ in 0..<2 {
            harness.submit(miner)
            harness.pass(Milliseconds(1_100))
        }
        #expect(harness.actives == [0, 0, 1])
        harness.submit(miner)
        #expect(miner.answer == .status(miner.lastRequest, "OK"))
        #expect(harness.settled.last?.pool == 1)
        #expect(harness.violations.isEmpty)
    }

    @Test func theFirstIsTriedAgainAndStaysOnceItIsOfUse() {
        let (harness, miner) = ShardHarness.withMiner(pools: 2) { $0.retries = 1 }
        harness.pools[0].verdict = .refuse("Unauthenticated")
        harness.submit(miner)
        harness.pass(Milliseconds(200))
        #expect(harness.actives == [0, 1])
        harness.pools[0].verdict = .accept
        harness.pass(Milliseconds(9_000))
        #expect(harness.actives == [0, 1], "it is held down for ten seconds")
        harness.pass(.seconds(2))
        #expect(harness.actives == [0, 1, 0])
        harness.submit(miner)
        #expect(miner.answer == .status(miner.lastRequest, "OK"))
    }

    @Test func aUsefulPoolThatForgetsAfterALongSilenceIsNotLeft() {
        let (harness, miner) = ShardHarness.withMiner(pools: 2) { $0.retries = 2 }
        for _ in 0..<5 {
            harness.submit(miner)
            harness.pass(.seconds(300))
            harness.pools[0].verdict = .refuse("Unauthenticated")
            harness.submit(miner)
            harness.pools[0].verdict = .accept
            harness.pass(Milliseconds(1_100))
        }
        #expect(harness.dials(1) == 0)
        #expect(harness.settled.count { $0.outcome == .rejected } == 5)
    }

    // MARK: - Banned

    @Test(arguments: bans)
    func aBanIsWaitedOut(words: String) {
        let (harness, miner) = ShardHarness.withMiner()
        harness.pools[0].verdict = .refuse(words)
        harness.submit(miner)
        #expect(isBan(harness.failures.first))
        harness.pass(.seconds(14))
        #expect(harness.dials() == 1)
        harness.pass(.seconds(2))
        #expect(harness.dials() == 2)
    }

    @Test func thePauseGrowsToTenMinutesAndAnAcceptedShareEndsTheRow() {
        let harness = ShardHarness()
        harness.pools[0].login = .refused("Your IP is banned")
        harness.join()
        var dialledAt: [UInt64] = [0]
        for second in 1...3_600 as ClosedRange<UInt64> {
            let before = harness.dials()
            harness.pass(.seconds(1))
            if harness.dials() > before { dialledAt.append(second) }
            if second % 300 == 0 { harness.keepalive(harness.miners[0]) }
        }
        let pauses = zip(dialledAt.dropFirst(), dialledAt).map { $0 - $1 }
        #expect(pauses.prefix(7).elementsEqual([15, 30, 60, 120, 240, 480, 600], by: { abs(Int($0) - Int($1)) <= 1 }))
        #expect(pauses.dropFirst(7).allSatisfy { (600...601).contains($0) })
        harness.pools[0].login = .welcome
        for _ in 0..<3 {
            harness.pass(.seconds(201))
            harness.keepalive(harness.miners[0])
        }
        let miner = harness.miners[0]
        harness.submit(miner)
        #expect(miner.answer == .status(miner.lastRequest, "OK"))
        harness.pools[0].verdict = .refuse("Your IP is banned")
        harness.submit(miner)
        harness.pools[0].verdict = .accept
        harness.pass(.seconds(16))
        #expect(harness.open().count == 1, "the next ban is a first one again")
    }

    @Test func withABackupTheMinersAreThereAtOnceAndNewUpstreamsTooDoNotAskTheBanningPool() {
        let (harness, miner) = ShardHarness.withMiner(pools: 2) { $0.retries = 5 }
        harness.pools[0].verdict = .refuse("IP Address currently banned")
        harness.submit(miner)
        harness.pass(Milliseconds(200))
        #expect(harness.actives == [0, 1])
        for _ in 0..<256 { harness.join() }
        harness.pass(Milliseconds(300))
        #expect(harness.miners.allSatisfy { $0.job != nil })
        #expect(harness.dials(0) == 1)
        #expect(harness.open(1).count == 2)
        #expect(harness.violations.isEmpty)
    }

    @Test func manyUpstreamsThatHearOfOneBanCountItOnce() {
        let harness = ShardHarness()
        for _ in 0..<600 { harness.join() }
        #expect(harness.open().count == 3)
        harness.pools[0].verdict = .refuse("Your IP is banned")
        for miner in [harness.miners[0], harness.miners[300], harness.miners[599]] { harness.submit(miner) }
        #expect(harness.open().isEmpty)
        harness.pass(.seconds(16))
        #expect(harness.open().count == 3)
    }

    @Test func theOperatorsOtherLoginIsNotBanned() {
        let (harness, miner) = ShardHarness.withMiner()
        harness.pools[0].verdict = .refuse("This wallet is blacklisted")
        harness.submit(miner)
        harness.pools[0].verdict = .accept
        harness.adopt { $0.pools[0].user = "other" }
        harness.pass(Milliseconds(200))
        #expect(harness.open().count == 1)
    }
}
