import StratumProtocol
import Testing

@testable import StratumSession

/// Which names of algorithms, jobs and sessions pass through a shard, and what becomes of them.
struct AlgorithmTests {
    private func harness(pool algorithm: String?, configured: String? = nil) -> ShardHarness {
        let harness = ShardHarness { $0.pools[0].algorithm = configured.flatMap { AlgorithmName($0) } }
        harness.newJob { $0.algorithm = algorithm }
        return harness
    }

    private func submits(_ harness: ShardHarness, _ algorithm: String?) -> Miner.Heard? {
        let miner = harness.miners.last ?? harness.join()
        harness.submit(miner, algorithm: algorithm)
        return miner.answer
    }

    private func isAccepted(_ answer: Miner.Heard?) -> Bool { if case .status = answer { true } else { false } }

    private func isWrongAlgorithm(_ answer: Miner.Heard?) -> Bool {
        if case .refused(_, "Incorrect algorithm") = answer { true } else { false }
    }

    private func warnings(_ harness: ShardHarness) -> Int {
        harness.notices.count { if case .jobsWithoutAlgorithm = $0 { true } else { false } }
    }

    // MARK: - Names

    @Test(arguments: [
        ("cryptonight/r", "cn/r"), ("CN/R", "cn/r"), ("cryptonight_r", "cn/r"), ("cn-pico/trtl", "cn-pico"),
        ("chukwav2", "argon2/chukwav2"), ("Cryptonight-Heavy", "cn-heavy/0"), ("cn", "cn/0"),
    ])
    func whateverThePoolCallsItXMRigsShareFits(alias: String, canonical: String) {
        let named = harness(pool: alias)
        let configured = harness(pool: nil, configured: alias)
        for harness in [named, configured] {
            for spelling in [canonical, alias, canonical.uppercased()] {
                #expect(isAccepted(submits(harness, spelling)), "\(alias) \(spelling)")
            }
            #expect(isWrongAlgorithm(submits(harness, "rx/0")))
            #expect(harness.peer().shares.map(\.algorithm) == [canonical, canonical, canonical])
            #expect(harness.violations.isEmpty)
        }
    }

    @Test(arguments: ["foo", "rx/9", "", "cn/r ", "null"])
    func anUnknownNameInAShareIsNotCompared(name: String) {
        #expect(isAccepted(submits(harness(pool: "cn/r"), name)))
        #expect(isAccepted(submits(harness(pool: "foo/1"), name)))
    }

    @Test(arguments: ["7", "null", "[]", #"["rx/0"]"#, "{}", "true"])
    func anAlgorithmThatIsNoTextIsNotCompared(value: String) {
        let (harness, miner) = ShardHarness.withMiner()
        let byte = hex([miner.job?.byte ?? 0])
        let result = String(repeating: "5a", count: 24) + "0100000000000000"
        harness.request(
            "submit",
            #"{"id":"\#(miner.session)","job_id":"j1","nonce":"050000\#(byte)","result":"\#(result)","algo":\#(value)}"#,
            of: miner)
        #expect(isAccepted(miner.answer))
    }

    @Test func anUnknownNameOfAPoolIsKeptAndEqualsNoKnownOne() {
        let harness = harness(pool: "New/1", configured: "cn/r")
        #expect(isAccepted(submits(harness, "New/1")))
        #expect(isWrongAlgorithm(submits(harness, "cn/r")))
        #expect(harness.peer().shares.map(\.algorithm) == ["New/1"])
    }

    // MARK: - Jobs without an algorithm

    @Test func jobsWithoutAlgorithmAreServedAndToldOnceAPool() {
        let harness = harness(pool: nil)
        #expect(isAccepted(submits(harness, "rx/0")))
        #expect(isAccepted(submits(harness, nil)))
        for _ in 0..<5 { harness.newJob() }
        harness.drop(harness.peer())
        harness.pass(.seconds(5))
        #expect(harness.miners[0].isConnected && harness.actives.count == 2)
        #expect(warnings(harness) == 1)
    }

    @Test func eachPoolIsToldOnItsOwnAndAgainWhenItHasChanged() {
        let harness = ShardHarness(pools: 2) { $0.retries = 1 }
        for pool in 0..<2 { harness.newJob(pool: pool) { $0.algorithm = nil } }
        harness.join()
        #expect(warnings(harness) == 1)
        harness.pools[0].door = .closed
        harness.drop(harness.peer())
        harness.pass(.seconds(5))
        #expect(warnings(harness) == 2)
        harness.adopt { $0.pools[1].user = "another" }
        harness.pass(.seconds(5))
        #expect(warnings(harness) == 3)
    }

    @Test(arguments: [(String?.none, String?("cryptonight")), ("foo", nil), ("cn/r", nil), ("cn/r", "rx/0")])
    func aPoolThatNamesOneOrHasOneConfiguredIsNotTold(named: String?, configured: String?) {
        let harness = harness(pool: named, configured: configured)
        harness.join()
        #expect(warnings(harness) == 0)
    }

    @Test func whatWasToldIsKnownToTheSuccessor() throws {
        let harness = harness(pool: nil)
        harness.join()
        let told = try read(written(harness.shard)).seats.map(\.hasSaidNoAlgorithm)
        #expect(told == [true])
    }

    // MARK: - Results that no hash has

    @Test(arguments: ["00", "5a"])
    func aResultThatEndsInZerosIsALowOne(byte: String) {
        let (harness, miner) = ShardHarness.withMiner()
        let result = String(repeating: byte, count: 24) + String(repeating: "0", count: 16)
        harness.request(
            "submit",
            #"{"id":"\#(miner.session)","job_id":"j1","nonce":"050000\#(hex([miner.job!.byte]))","result":"\#(result)"}"#,
            of: miner)
        #expect(miner.answer == .refused(2, "Low difficulty share"))
        #expect(harness.settled.map(\.actualDifficulty) == [0])
        #expect(harness.peer().shares.isEmpty && miner.isConnected)
    }

    // MARK: - Names of jobs

    @Test(arguments: [
        #"a "job" \"#, "two words", "é⛏", String(repeating: "j", count: 256), String(repeating: "\"", count: 200),
    ])
    func aJobNameComesBackToThePoolAsItWas(id: String) {
        let harness = ShardHarness(chunk: 7)
        harness.newJob { $0.id = id }
        let miner = harness.join()
        #expect(miner.job?.id == id)
        harness.submit(miner)
        #expect(isAccepted(miner.answer))
        #expect(harness.peer().shares.map(\.jobID) == [id])
        harness.newJob()
        harness.submit(miner, job: id)
        #expect(isAccepted(miner.answer))
        #expect(harness.settled.last?.isExpired == true)
        harness.submit(miner, job: id + " ")
        #expect(miner.answer == .refused(4, "Stale share"))
        #expect(harness.violations.isEmpty)
    }
}
