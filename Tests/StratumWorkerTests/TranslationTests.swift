import Configuration
import StratumProtocol
import StratumSession
import Telemetry
import Testing

@testable import StratumWorker

@Suite struct OutcomeTranslationTests {
    @Test func eachFateOfAShareHasItsWordOnTheBus() {
        expect(.accepted, .accepted, .none)
        expect(.rejected, .rejected, .pool)
        expect(.poolLost, .invalid, .poolLost)
        expect(.local, .local, .none)
    }

    @Test func eachRefusalOfOursIsInvalidForItsReason() {
        expect(.invalid(.lowDifficulty), .invalid, .lowDifficulty)
        expect(.invalid(.invalidNonce), .invalid, .invalidNonce)
        expect(.invalid(.staleShare), .invalid, .staleJob)
        expect(.invalid(.wrongAlgorithm), .invalid, .wrongAlgorithm)
        expect(.invalid(.duplicateShare), .invalid, .duplicate)
        expect(.invalid(.badGateway), .invalid, .badGateway)
    }

    @Test(arguments: MinerReply.Refusal.allCases)
    func noRefusalOfOursLooksLikeThePools(refusal: MinerReply.Refusal) {
        let (outcome, reason) = EventTranslation.translate(.invalid(refusal))
        #expect(outcome == .invalid)
        #expect(![.none, .pool, .poolLost].contains(reason))
    }

    private func expect(_ fate: SettledShare.Outcome, _ outcome: ShareOutcome, _ reason: RefusalReason) {
        let translated = EventTranslation.translate(fate)
        #expect(translated.0 == outcome)
        #expect(translated.1 == reason)
    }
}

@Suite struct ShardPolicyTests {
    private var settings: Settings {
        var settings = Settings()
        var pool = Settings.Pool(host: "pool.example", port: 3333, user: "wallet", password: "p")
        pool.rigID = "rig"
        pool.algorithm = "rx/0"
        pool.keepaliveSeconds = 30
        settings.pools = [pool, Settings.Pool(host: "b", port: 1, user: "second", password: "x")]
        return settings
    }

    @Test func poolsKeepTheirOrderAndTheirLogins() {
        let pools = ShardPolicy(settings, shard: 0).pools
        #expect(pools.map(\.user) == ["wallet", "second"])
        #expect(pools.map(\.password) == ["p", "x"])
        #expect(pools.map(\.rigID) == ["rig", nil])
        #expect(pools[0].algorithm == AlgorithmName("rx/0"))
        #expect(pools[1].algorithm == nil)
    }

    @Test func aKeepaliveThatIsOffIsLeftToThePool() {
        let pools = ShardPolicy(settings, shard: 0).pools
        #expect(pools[0].keepalive == .seconds(30))
        #expect(pools[1].keepalive == nil)
    }

    @Test func whatMinersMayDoIsCarriedOver() {
        var settings = settings
        settings.accessPassword = "sesame"
        settings.offersAlgoExtension = false
        settings.customDifficulty = 5_000
        settings.countsCustomDifficulty = true
        settings.retries = 7
        settings.retryPauseSeconds = 9
        let policy = ShardPolicy(settings, shard: 0)
        #expect(policy.accessPassword == "sesame")
        #expect(!policy.offersAlgoExtension)
        #expect(policy.customDifficulty == 5_000)
        #expect(policy.countsCustomDifficulty)
        #expect(policy.retries == 7)
        #expect(policy.retryPause.count == 9_000)
    }

    @Test func onlyTheFirstShardKeepsAnUpstreamWithoutMiners() {
        #expect(ShardPolicy(settings, shard: 0).keepsFirstUpstream)
        #expect(!ShardPolicy(settings, shard: 1).keepsFirstUpstream)
    }

    @Test func poolsSeeOurAgentUnlessTheOperatorNamesAnother() {
        #expect(ShardPolicy(settings, shard: 0).agent.hasPrefix("millrace/"))
        var settings = settings
        settings.userAgent = "farm/1"
        #expect(ShardPolicy(settings, shard: 0).agent == "farm/1")
    }
}
