import StratumProtocol
import Testing

@testable import StratumSession

/// Every check of a share, in its order, with its words.
struct ShareTests {
    private let harness = ShardHarness()
    private let miner: Miner

    init() { miner = harness.join() }

    private func refusal(_ submit: () -> Void) -> String? {
        submit()
        if case .refused(_, let text) = miner.answer { return text }
        return nil
    }

    private var outcomes: [SettledShare.Outcome] { harness.settled.map(\.outcome) }

    @Test func aGoodShareIsForwardedAndAnsweredWhenThePoolAnswers() {
        harness.pools[0].verdict = .withhold
        harness.submit(miner, difficulty: 20_000, nonce: 0xa7)
        let peer = harness.peer()
        #expect(peer.shares.count == 1)
        #expect(peer.shares[0].jobID == "j1")
        #expect(peer.shares[0].nonce == "a70000" + hex([miner.job!.byte]))
        #expect(peer.shares[0].algorithm == "cn/r")
        #expect(miner.answer == nil)
        #expect(harness.settled.isEmpty)
        harness.pass(.seconds(2))
        harness.answer(peer.owed[0], of: peer)
        #expect(miner.answer == .status(2, "OK"))
        #expect(outcomes == [.accepted])
        #expect(harness.settled[0].difficulty == 10_000)
        #expect(harness.settled[0].creditedDifficulty == 10_000)
        #expect(harness.settled[0].actualDifficulty == 20_000)
        #expect(harness.settled[0].latencyMicroseconds == 2_000_000)
        #expect(!harness.settled[0].isExpired)
        #expect(harness.keys.contains(harness.settled[0].minerKey))
    }

    @Test func algoGoesOnlyToPoolsThatOfferIt() {
        let harness = ShardHarness()
        harness.pools[0].extensions = []
        harness.submit(harness.join(), algorithm: "cn/r")
        #expect(harness.peer().shares[0].algorithm == nil)
    }

    @Test func aShareOfAnotherSessionIsUnauthenticatedAndNotCounted() {
        #expect(refusal { harness.submit(miner, session: "0123456789abcdef") } == "Unauthenticated")
        #expect(refusal { harness.submit(miner, session: "nonsense") } == "Unauthenticated")
        #expect(harness.settled.isEmpty)
        #expect(miner.isConnected)
    }

    @Test(arguments: [
        #""nonce":"0000001","result":"RRR""#, #""result":"RRR""#, #""nonce":"00000001","result":"RR""#,
        #""nonce":"00000001""#, #""nonce":1,"result":"RRR""#, #""nonce":"00000001","result":null"#,
    ])
    func aMalformedShareIsALowOne(fields: String) {
        let hash = String(repeating: "0", count: 64)
        let fields = fields.replacing("RRR", with: hash).replacing("RR", with: hash.dropLast())
        let params = #"{"id":"\#(miner.session)","job_id":"j1",\#(fields)}"#
        #expect(refusal { harness.request("submit", params, of: miner) } == "Low difficulty share")
        #expect(outcomes == [.invalid(.lowDifficulty)])
        #expect(miner.isConnected)
    }

    @Test func aShareWithoutJobNameIsALowOne() {
        let params =
            #"{"id":"\#(miner.session)","nonce":"010000\#(hex([miner.job!.byte]))","result":"\#(String(repeating: "0", count: 64))"}"#
        #expect(refusal { harness.request("submit", params, of: miner) } == "Low difficulty share")
    }

    @Test func aShareBelowTheDifficultyIsRefused() {
        #expect(refusal { harness.submit(miner, difficulty: 9_999) } == "Low difficulty share")
        #expect(refusal { harness.submit(miner, difficulty: 10_000) } == nil)
        #expect(outcomes == [.invalid(.lowDifficulty), .accepted])
        #expect(harness.settled[0].actualDifficulty == 9_999)
    }

    @Test func aNonceOfAnotherMinerIsRefusedAndTheConnectionClosed() {
        let byte = miner.job!.byte &+ 1
        #expect(
            refusal { harness.submit(miner, byte: byte) } == "Invalid nonce; is miner not compatible with NiceHash?")
        #expect(outcomes == [.invalid(.invalidNonce)])
        #expect(miner.closed == .notNicehashCapable)
        #expect(harness.peer().shares.isEmpty)
    }

    @Test func aShareForAJobThatIsGoneIsStale() {
        #expect(refusal { harness.submit(miner, job: "another") } == "Stale share")
        harness.newJob()
        harness.newJob()
        #expect(refusal { harness.submit(miner, job: "j1") } == "Stale share")
        #expect(outcomes == [.invalid(.staleShare), .invalid(.staleShare)])
        #expect(miner.isConnected)
    }

    @Test func aShareOfAnotherAlgorithmIsRefused() {
        #expect(refusal { harness.submit(miner, algorithm: "rx/0") } == "Incorrect algorithm")
        #expect(refusal { harness.submit(miner, algorithm: "cn/r") } == nil)
        #expect(outcomes == [.invalid(.wrongAlgorithm), .accepted])
    }

    @Test func theSameShareTwiceIsADuplicateAndThePoolSeesItOnce() {
        harness.submit(miner, nonce: 5)
        #expect(refusal { harness.submit(miner, nonce: 5) } == "Duplicate share")
        #expect(outcomes == [.accepted, .invalid(.duplicateShare)])
        #expect(harness.peer().shares.count == 1)
        #expect(miner.isConnected)
    }

    @Test func aShareThatThePoolRefusedIsADuplicateThereafterToo() {
        harness.pools[0].verdict = .refuse("Bad hash")
        harness.submit(miner, nonce: 5)
        #expect(refusal { harness.submit(miner, nonce: 5) } == "Duplicate share")
    }

    @Test func refusedSharesAreNotRemembered() {
        harness.submit(miner, nonce: 5, algorithm: "rx/0")
        #expect(refusal { harness.submit(miner, nonce: 5) } == nil)
    }

    @Test func theSameNonceForTheNextJobIsAnotherShare() {
        harness.submit(miner, nonce: 5)
        harness.newJob()
        #expect(refusal { harness.submit(miner, nonce: 5) } == nil)
    }

    @Test func theFirstFaultInTheOrderOfTheChecksIsTheOneThatIsSaid() {
        let byte = miner.job!.byte &+ 1
        harness.newJob()
        let wrong = { [self] (difficulty: UInt64, byte: UInt8?) in
            harness.submit(miner, difficulty: difficulty, byte: byte, job: "none", algorithm: "rx/0")
        }
        #expect(refusal { wrong(1, byte) } == "Low difficulty share")
        #expect(refusal { wrong(1 << 40, nil) } == "Stale share")
        harness.drop(harness.peer())
        #expect(refusal { wrong(1 << 40, nil) } == "Bad gateway")
        #expect(refusal { wrong(1 << 40, byte) }?.hasPrefix("Invalid nonce") == true)
    }

    // MARK: - The job before

    /// Pools of the nodejs family ban an address for it.
    @Test func theFirstShareOfAPoolSessionIsNeverALateOne() {
        harness.newJob()
        #expect(refusal { harness.submit(miner, job: "j1") } == "Stale share")
        #expect(harness.peer().shares.isEmpty)
        #expect(refusal { harness.submit(miner) } == nil)
        #expect(refusal { harness.submit(miner, job: "j1") } == nil)
        #expect(harness.peer().shares.count == 2)
    }

    @Test func aShareForTheJobBeforeIsExpiredAndForwarded() {
        harness.submit(miner)
        harness.newJob()
        #expect(refusal { harness.submit(miner, job: "j1") } == nil)
        #expect(outcomes == [.accepted, .accepted])
        #expect(harness.settled.last?.isExpired == true)
        #expect(harness.peer().shares.last?.jobID == "j1")
        #expect(refusal { harness.submit(miner, nonce: miner.lastNonce, job: "j1") } == "Duplicate share")
    }

    @Test func aShareIsMeasuredByTheJobThatItNames() {
        harness.submit(miner)
        harness.newJob { $0.difficulty = 100_000 }
        #expect(refusal { harness.submit(miner, difficulty: 20_000, job: "j1") } == nil)
        #expect(refusal { harness.submit(miner, difficulty: 20_000) } == "Low difficulty share")
        #expect(harness.settled.map(\.difficulty) == [10_000, 10_000, 100_000])
    }

    @Test func afterAReconnectTheJobsBeforeAreStale() {
        harness.newJob()
        harness.drop(harness.peer())
        harness.pools[0].job.id = "j9"
        harness.pools[0].job.work = 9
        harness.pass(.seconds(2))
        #expect(miner.job?.id == "j9")
        #expect(refusal { harness.submit(miner, job: "j2") } == "Stale share")
        #expect(refusal { harness.submit(miner, job: "j1") } == "Stale share")
        #expect(refusal { harness.submit(miner) } == nil)
    }

    // MARK: - What the pool says

    @Test func aPoolsRefusalIsRelayedInItsWords() {
        harness.pools[0].verdict = .refuse("Block expired")
        #expect(refusal { harness.submit(miner) } == "Block expired")
        #expect(outcomes == [.rejected])
        #expect(harness.poolErrors == ["Block expired"])
    }

    @Test func answersFindTheirSharesInAnyOrder() {
        let other = harness.join()
        // Of a miner that the pool knows, several are under way at once.
        harness.submit(miner)
        harness.pools[0].verdict = .withhold
        harness.submit(miner)
        harness.submit(other)
        harness.submit(miner)
        let peer = harness.peer()
        let shares = peer.owed
        harness.answer(shares[2], of: peer)
        #expect(miner.answer == .status(4, "OK"))
        harness.answer(shares[1], of: peer, refusal: "no")
        #expect(other.answer == .refused(2, "no"))
        harness.answer(shares[0], of: peer)
        #expect(miner.heard.suffix(2) == [.status(4, "OK"), .status(3, "OK")])
        #expect(outcomes == [.accepted, .accepted, .rejected, .accepted])
    }

    @Test func anAnswerThatNobodyWaitsForIsPassedOver() {
        harness.pools[0].verdict = .withhold
        harness.submit(miner)
        let peer = harness.peer()
        let share = peer.owed[0]
        for id in [0, -1, share + 1, .max, .min] { harness.answer(id, of: peer) }
        harness.answer(share, of: peer)
        harness.answer(share, of: peer, refusal: "twice")
        #expect(outcomes == [.accepted])
        #expect(harness.violations.isEmpty)
    }

    @Test func sharesInFlightAreAnsweredWhenThePoolIsLost() {
        harness.pools[0].verdict = .withhold
        let other = harness.join()
        harness.submit(miner)
        harness.submit(other)
        let peer = harness.peer()
        let share = peer.owed[0]
        harness.drop(peer)
        #expect(miner.answer == .refused(2, "Bad gateway"))
        #expect(other.answer == .refused(2, "Bad gateway"))
        #expect(outcomes == [.poolLost, .poolLost])
        // Its answer comes after all.
        harness.answer(share, of: peer)
        #expect(harness.settled.count == 2)
        #expect(harness.violations.isEmpty)
    }

    @Test func withoutAPoolSharesMeetABadGatewayAndMinersStay() {
        harness.drop(harness.peer())
        #expect(refusal { harness.submit(miner) } == "Bad gateway")
        #expect(outcomes == [.invalid(.badGateway)])
        #expect(miner.isConnected)
    }
}
