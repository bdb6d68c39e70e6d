import StratumProtocol
import Testing

@testable import StratumSession

/// Miners that are written in their own way: they are served, or told what is wrong.
struct OddMinerTests {
    private func login(_ harness: ShardHarness, id: String?, _ params: String = #"{"login":"farm","pass":"x"}"#)
        -> Miner
    {
        let miner = harness.connect()
        let id = id.map { #""id":\#($0),"# } ?? ""
        harness.send(#"{\#(id)"jsonrpc":"2.0","method":"login","params":\#(params)}"#, from: miner)
        return miner
    }

    private func submit(_ harness: ShardHarness, _ miner: Miner, id: String) {
        miner.lastNonce += 1
        let byte = String(UInt32(miner.job?.byte ?? 0) + 256, radix: 16).dropFirst()
        let nonce = "\(String(miner.lastNonce + 0x100000, radix: 16))\(byte)"
        harness.send(
            #"{"id":\#(id),"method":"submit","params":{"id":"\#(miner.session)","job_id":"\#(miner.job?.id ?? "")","#
                + #""nonce":"\#(nonce)","result":"\#(String(repeating: "5a", count: 24))0000000000010000"}}"#,
            from: miner)
    }

    // MARK: - Ids

    static let ids = [#""1""#, #""Stratum""#, #""a\"b\\c""#, "null", "1.5", "9223372036854775808", #""é🙂""#, #""""#]

    @Test(arguments: ids, [Int.max, 1])
    func everyAnswerHasTheIDOfItsRequest(id: String, chunk: Int) {
        let harness = ShardHarness(chunk: chunk)
        let miner = login(harness, id: id)
        #expect(miner.oddReplies.last?.contains("\"id\":\(id),\"error\":null,\"result\":{\"id\"") == true)
        #expect(harness.shard.minersNow == 1)
        submit(harness, miner, id: id)
        #expect(
            miner.oddReplies.last?.hasPrefix(#"{"id":\#(id),"jsonrpc":"2.0","error":null,"result":{"status":"OK"}"#)
                == true)
        harness.send(#"{"id":\#(id),"method":"keepalived","params":{}}    "#, from: miner)
        #expect(miner.oddReplies.last?.contains("KEEPALIVED") == true)
        harness.send(#"{"id":\#(id),"method":"getjob","params":{}}        "#, from: miner)
        #expect(miner.oddReplies.last?.contains("Invalid method") == true)
        #expect(miner.oddReplies.allSatisfy { $0.contains("\"id\":\(id),") })
        #expect(harness.settled.map(\.outcome) == [.accepted])
        #expect(harness.violations.isEmpty)
    }

    @Test func aMissingIDIsAnsweredWithNull() {
        let miner = login(ShardHarness(), id: nil)
        #expect(miner.oddReplies.last?.contains(#""id":null,"error":null,"result":{"id""#) == true)
    }

    @Test(arguments: ids)
    func anIDOutlivesTheProcess(id: String) throws {
        // While the login waits for a job …
        let harness = ShardHarness()
        harness.pools[0].login = .withoutJob
        let waiting = login(harness, id: id)
        var snapshot = written(harness.shard)
        harness.shard = try StratumSessionTests.read(snapshot)
        #expect(written(harness.shard) == snapshot)
        harness.newJob()
        #expect(waiting.oddReplies.last?.contains("\"id\":\(id),\"error\":null") == true)
        // … and while the pool judges a share.
        harness.pools[0].verdict = .withhold
        submit(harness, waiting, id: id)
        snapshot = written(harness.shard)
        harness.shard = try StratumSessionTests.read(snapshot)
        #expect(written(harness.shard) == snapshot)
        for share in harness.peer().owed { harness.answer(share, of: harness.peer()) }
        #expect(waiting.oddReplies.last?.hasPrefix("{\"id\":\(id),") == true)
        #expect(waiting.oddReplies.last?.contains("OK") == true)
        #expect(harness.violations.isEmpty)
    }

    @Test(arguments: ids)
    func anIDOutlivesAnAbsorption(id: String) throws {
        let (here, there) = (ShardHarness(seed: 1), ShardHarness(seed: 2, serial: 1_000))
        there.pools[0].login = .withoutJob
        let waiting = login(there, id: id)
        try here.absorb(there)
        for peer in here.open() where !peer.lines.isEmpty { here.sendJob(to: peer) }
        #expect(waiting.oddReplies.last?.contains("\"id\":\(id),\"error\":null") == true)
    }

    @Test(arguments: [65, 300, 10_000])
    func anIDThatIsTooLongIsRefusedAndTheMinerStays(count: Int) {
        let harness = ShardHarness()
        let id = "\"\(String(repeating: "z", count: count))\""
        let stranger = login(harness, id: id)
        #expect(stranger.oddReplies.last?.contains(#"{"id":null,"#) == true)
        #expect(stranger.oddReplies.last?.contains("Request id too long") == true)
        let miner = harness.join()
        submit(harness, miner, id: id)
        #expect(miner.oddReplies.last?.contains("Request id too long") == true)
        harness.submit(miner)
        #expect(miner.answer == .status(2, "OK"))
        #expect(harness.settled.count == 1)
    }

    @Test func rowsOfSharesWithoutKindsAreStillRead() throws {
        let bytes = bytes { writer in
            writer.integer(Int64(5))
            writer.integer(Int64(6))
            writer.integer(UInt32(1))
            writer.integer(UInt16(65))
            writer.integer(Int64(5))
            writer.integer(UInt32(1))
            writer.integer(UInt32(2))
            writer.integer(UInt64(3))
            writer.integer(Int64(-44))
            for number in UInt64(6)...9 { writer.integer(number) }
            writer.flag(true)
        }
        var shares = try bytes.withUnsafeBytes { memory throws(DecodingFault) in
            var reader = BinaryReader(memory)
            return try SharesInFlight(decoding: &reader)
        }
        let share = shares.remove(requestID: 5)
        #expect(share?.minerRequestID == -44)
        #expect(share?.isExpired == true)
    }

    // MARK: - Requests that cannot be served

    @Test(arguments: [
        (#"{"id":3,"method":"mining.subscribe","params":["cpuminer/2.5"]}"#, "Invalid params", PeerFault.badParams),
        (#"{"id":4,"jsonrpc":"2.0","method":"keepalived","x":1}"#, "Invalid params", .badParams),
        (#"{"id":5,"method":["login"],"params":{"login":"a"}}"#, "Invalid method", .badMethod),
    ])
    func theyAreAnsweredBeforeTheConnectionEnds(line: String, text: String, fault: PeerFault) {
        let harness = ShardHarness()
        let stranger = harness.connect()
        let miner = harness.join()
        for one in [stranger, miner] {
            one.owed.insert(Int64(line.dropFirst(6).prefix(1))!)
            harness.send(line, from: one)
            #expect(one.heard.last == .refused(Int64(line.dropFirst(6).prefix(1))!, text))
            #expect(one.closed == .answered(fault))
        }
        #expect(harness.violations.isEmpty)
    }

    // MARK: - Names

    @Test(arguments: [#"{}"#, #"{"login":17}"#, #"{"login":["a"],"pass":{},"agent":false,"rigid":2}"#])
    func aLoginWithoutANameIsServed(params: String) {
        let harness = ShardHarness()
        let miner = login(harness, id: "1", params)
        #expect(miner.isConnected && miner.job != nil)
        #expect(
            harness.shard.introduction(of: miner.id)
                == MinerIntroduction(address: "192.0.2.0", login: "", password: nil, agent: nil, rigID: nil))
    }

    @Test(arguments: [
        (String(repeating: "a", count: 256), String(repeating: "a", count: 256)),
        (String(repeating: "a", count: 257), String(repeating: "a", count: 256)),
        (String(repeating: "a", count: 255) + "é!", String(repeating: "a", count: 255)),
        (String(repeating: "🙂", count: 500), String(repeating: "🙂", count: 64)),
        ("a" + String(repeating: "世", count: 100), "a" + String(repeating: "世", count: 85)),
    ])
    func aNameIsCutBetweenCharacters(name: String, kept: String) {
        let harness = ShardHarness()
        let miner = login(
            harness, id: "1", #"{"login":"\#(name)","pass":"\#(name)","agent":"\#(name)","rigid":"\#(name)"}"#)
        let known = harness.shard.introduction(of: miner.id)
        #expect(known?.login == kept && known?.password == kept && known?.agent == kept && known?.rigID == kept)
        #expect(throws: Never.self) { _ = try StratumSessionTests.read(written(harness.shard)) }
    }

    @Test func controlCharactersDoNotGetIntoNames() {
        let harness = ShardHarness()
        let miner = login(
            harness, id: "1", #"{"login":"a\u0000b\nc\u001b[31m","rigid":"\u007f\tx","agent":"\r\nagent"}"#)
        let known = harness.shard.introduction(of: miner.id)
        #expect(known?.login == "a?b?c?[31m" && known?.rigID == "??x" && known?.agent == "??agent")
    }

    @Test(arguments: [300, 5_000])
    func aLongPasswordIsComparedWhole(count: Int) {
        let secret = String(repeating: "s", count: count)
        let harness = ShardHarness { $0.accessPassword = secret }
        #expect(harness.join(password: secret).isConnected)
        #expect(!harness.join(password: secret + "x").isConnected)
        #expect(!harness.join(password: String(secret.dropLast())).isConnected)
        #expect(!harness.join(password: String(secret.prefix(256))).isConnected)
    }

    @Test func aPasswordOfAnotherTypeIsNone() {
        let harness = ShardHarness { $0.accessPassword = "12345" }
        #expect(login(harness, id: "1", #"{"login":"a","pass":12345}"#).closed == .permissionDenied)
        #expect(login(harness, id: "1", #"{"login":"a","pass":"12345"}"#).isConnected)
    }

    @Test func theDifficultyBehindALongLoginCounts() {
        let harness = ShardHarness()
        let miner = harness.join(String(repeating: "w", count: 400) + "+5000")
        #expect(harness.shard.difficulty(of: miner.id) == 5_000)
    }
}
