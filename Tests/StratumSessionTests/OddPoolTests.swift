import StratumProtocol
import Testing

@testable import StratumSession

/// Pools that speak a little differently.
struct OddPoolTests {
    private func oddLines(_ harness: ShardHarness) -> Int {
        harness.notices.count { if case .poolOddLine = $0 { true } else { false } }
    }

    // MARK: - Odd lines

    @Test(arguments: ["", "\r", "   ", "\t\r", " \t \t "], [Int.max, 1])
    func blankLinesAreNothing(line: String, chunk: Int) {
        let (harness, miner) = ShardHarness.withMiner(chunk: chunk)
        for _ in 0..<1_000 { harness.send(line, from: harness.peer()) }
        #expect(oddLines(harness) == 0)
        harness.submit(miner)
        #expect(miner.answer == .status(miner.lastRequest, "OK"))
    }

    @Test(arguments: ["PING", "[]", "17", "HTTP/1.1 400 Bad Request", "{\"id\":1", "\u{0}\u{1}", "null"])
    func aLineThatIsNoMessageIsPassedOverAndTold(line: String) {
        let (harness, miner) = ShardHarness.withMiner()
        harness.send(line, from: harness.peer())
        #expect(oddLines(harness) == 1)
        harness.newJob()
        harness.submit(miner)
        #expect(miner.answer == .status(miner.lastRequest, "OK"))
        #expect(harness.open().count == 1)
    }

    @Test func manyOddLinesWithinAMinuteEndTheSession() {
        let harness = ShardHarness()
        harness.join()
        let peer = harness.peer()
        for _ in 0..<Limits.oddLinesMax { harness.send("noise", from: peer) }
        #expect(peer.isOpen)
        harness.send("noise", from: peer)
        #expect(!peer.isOpen)
        #expect(harness.failures == [.fault(.invalidJSON)])
    }

    @Test func aFewOddLinesEachMinuteDoNot() {
        let (harness, miner) = ShardHarness.withMiner()
        for _ in 0..<20 {
            for _ in 0..<10 { harness.send("noise", from: harness.peer()) }
            harness.pass(.seconds(60))
            harness.keepalive(miner)
        }
        #expect(harness.failures.isEmpty)
    }

    // MARK: - Early jobs

    private func params(_ id: String) -> String {
        #"{"blob":"\#(String(repeating: "07", count: 76))","job_id":"\#(id)","target":"b88d0600","algo":"cn/r"}"#
    }

    private func job(_ id: String) -> String { #"{"jsonrpc":"2.0","method":"job","params":\#(params(id))}"# }

    @Test(arguments: [Int.max, 1])
    func aJobBeforeTheAnswerToTheLoginIsKeptForIt(chunk: Int) {
        let harness = ShardHarness(chunk: chunk)
        harness.pools[0].login = .unanswered
        let miner = harness.join()
        let peer = harness.peer()
        harness.send(job("too-early"), from: peer)
        harness.send(job("early"), from: peer)
        #expect(miner.jobs.isEmpty)
        harness.send(#"{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"s","status":"OK"}}"#, from: peer)
        #expect(miner.job?.id == "early")
    }

    @Test func aJobInTheAnswerIsNewerThanOneBeforeIt() {
        let harness = ShardHarness()
        harness.pools[0].login = .unanswered
        let miner = harness.join()
        harness.send(job("early"), from: harness.peer())
        let login = #"{"id":1,"error":null,"result":{"id":"s","job":\#(params("login"))}}"#
        harness.send(login, from: harness.peer())
        #expect(miner.jobs.map(\.id) == ["login"])
    }

    // MARK: - Keepalives

    @Test func theOperatorsWordIsEnoughForKeepalives() {
        let harness = ShardHarness { $0.pools[0].keepalive = .seconds(30) }
        harness.pools[0].extensions = ["algo"]
        harness.join()
        harness.pass(.seconds(95))
        #expect(harness.peer().keepalives.count == 3)
    }

    @Test func aPoolThatNeverAnswersKeepalivesIsWell() {
        let harness = ShardHarness { $0.pools[0].keepalive = .seconds(5) }
        harness.pools[0].answersKeepalives = false
        let miner = harness.join()
        harness.pass(.seconds(61))
        #expect(harness.peer().keepalives.count == 12)
        harness.submit(miner)
        #expect(miner.answer == .status(miner.lastRequest, "OK"))
        #expect(harness.failures.isEmpty)
    }

    @Test func aRefusedKeepaliveIsAnAnswer() {
        let harness = ShardHarness { $0.pools[0].keepalive = .seconds(5) }
        harness.pools[0].answersKeepalives = false
        harness.join()
        for _ in 0..<5 {
            harness.pass(.seconds(5))
            guard let id = harness.peer().keepalives.last else { break }
            harness.send(
                #"{"id":\#(id),"error":{"code":-32601,"message":"Procedure not found."}}"#, from: harness.peer())
        }
        #expect(harness.peer().keepalives.count >= 4)
        #expect(harness.failures.isEmpty)
    }

    @Test func silenceIsCountedFromWhatWeSent() {
        let harness = ShardHarness { $0.pools[0].keepalive = .seconds(10) }
        harness.join()
        for _ in 0..<30 {
            harness.pass(.seconds(1))
            harness.newJob()
        }
        #expect(harness.peer().keepalives.count >= 2, "jobs of the pool are not our words")
    }

    @Test func theKeepalivesOfManyUpstreamsAreSpread() {
        let harness = ShardHarness { $0.pools[0].keepalive = .seconds(60) }
        harness.pools[0].job.reservedByte = 1
        for _ in 0..<100 { harness.join() }
        #expect(harness.open().count == 100)
        var most = 0
        for _ in 0..<650 {
            let before = harness.peers.reduce(0) { $0 + $1.keepalives.count }
            harness.pass(Limits.tick)
            most = max(most, harness.peers.reduce(0) { $0 + $1.keepalives.count } - before)
        }
        #expect(harness.peers.allSatisfy { $0.keepalives.count >= 1 })
        #expect(most <= 10)
    }

    // MARK: - client.reconnect

    private func reconnect(_ params: String, _ name: String, phase: PoolConduct.Login = .welcome) -> ShardHarness {
        let harness = ShardHarness { $0.pools[0].name = name }
        harness.pools[0].login = phase
        harness.join()
        harness.send(#"{"id":null,"method":"client.reconnect","params":\#(params)}"#, from: harness.peers[0])
        return harness
    }

    private func target(_ harness: ShardHarness) -> String? {
        harness.peers.last.flatMap { harness.shard.redirect(of: $0.id)?.address }
    }

    @Test(arguments: [
        (#"["pool0","4444"]"#, "pool0:3333", "pool0:4444"),
        (#"["pool0",4444]"#, "pool0:3333", "pool0:4444"),
        (#"["",50001]"#, "pool0.example:3333", "pool0.example:50001"),
        (#"[]"#, "pool0.example:3333", "pool0.example:3333"),
        (#"["EU.pool0.example",80]"#, "pool0.example:3333", "EU.pool0.example:80"),
        (#"["us.miningrig.example","3333"]"#, "eu.miningrig.example:3333", "us.miningrig.example:3333"),
        (#"["::1","3334"]"#, "[::1]:3333", "[::1]:3334"),
    ])
    func aPoolIsFollowedToItsOwnSite(params: String, name: String, there: String) {
        let harness = reconnect(params, name, phase: .unanswered)
        #expect(!harness.peers[0].isOpen)
        #expect(target(harness) == there)
        #expect(harness.notices.contains { if case .redirected = $0 { true } else { false } })
    }

    @Test(arguments: [
        (#"["evil.example","3333"]"#, "pool0.example:3333"), (#"["pool0.example.evil","1"]"#, "pool0.example:3333"),
        (#"["evil.co.uk",3333]"#, "pool0.co.uk:3333"), (#"["10.0.0.2","3333"]"#, "10.0.0.1:3333"),
        (#"["xpool0.example",1]"#, "pool0.example:1"), (#"["example",1]"#, "pool0.example:1"),
    ])
    func itIsNotFollowedToAForeignHost(params: String, name: String) {
        let harness = reconnect(params, name)
        #expect(harness.peers.count == 1 && harness.peers[0].isOpen)
        #expect(harness.notices.contains { if case .redirectRefused = $0 { true } else { false } })
    }

    @Test(arguments: [#"["pool0",0]"#, #"["pool0",70000]"#, #"[7,7]"#, #"["po ol","1"]"#, #"["pool0","x"]"#, #"{}"#])
    func paramsThatMakeNoSenseAreIgnored(params: String) {
        let harness = reconnect(params, "pool0:3333")
        #expect(harness.peers.count == 1 || params == "{}")
        #expect(harness.failures.isEmpty)
    }

    @Test func minersStayAndItsOwnAddressIsTriedAgainAfterwards() {
        let harness = ShardHarness { $0.pools[0].name = "pool0:3333" }
        let miner = harness.join()
        harness.send(#"{"method":"client.reconnect","params":["pool0","4444"]}"#, from: harness.peer())
        #expect(target(harness) == "pool0:4444")
        harness.submit(miner)
        #expect(miner.answer == .status(miner.lastRequest, "OK"))
        harness.drop(harness.peer())
        harness.pass(Milliseconds(1_100))
        #expect(target(harness) == nil && harness.open().count == 1)
    }

    @Test func aCircleOfRedirectsEnds() {
        let harness = ShardHarness { $0.pools[0].name = "pool0:3333" }
        harness.join()
        for _ in 0..<Limits.redirectsMax + 1 {
            harness.send(#"{"method":"client.reconnect","params":["pool0","4444"]}"#, from: harness.peer())
        }
        #expect(harness.failures == [.redirectedTooOften])
        #expect(harness.open().isEmpty)
    }
}
