import TestSupport
import Testing

@testable import StratumProtocol

struct PoolMessageTests {
    private let parser = JSONParser()

    private func refusal(_ text: String, loginID: Int64? = nil) throws -> String? {
        guard case .refused(_, let text) = try parser.poolMessage(text, loginID: loginID) else { return nil }
        return text
    }

    private func isOther(_ text: String, loginID: Int64? = nil) throws -> Bool {
        if case .other = try parser.poolMessage(text, loginID: loginID) { true } else { false }
    }

    @Test func aLoginReplyIsRead() throws {
        guard case .loggedIn(let login) = try parser.poolMessage(try Golden.text("pool-login-reply"), loginID: 1) else {
            throw TestFailure("no login reply")
        }
        #expect(login.session == name("7ad10ef2-51c6"))
        #expect(login.job?.id == name("8841"))
        #expect(login.hasAlgo)
        #expect(login.hasKeepalive)
        #expect(!login.hasNicehash)
    }

    @Test func theSameReplyIsAnOrdinaryOneWhenNoLoginWaits() throws {
        guard case .accepted(1) = try parser.poolMessage(try Golden.text("pool-login-reply")) else {
            throw TestFailure("taken for a login")
        }
    }

    @Test func sharesAreAnsweredYesOrNo() throws {
        guard case .accepted(7) = try parser.poolMessage(try Golden.text("pool-share-accepted"), loginID: 1),
            case .refused(7, "Block expired") = try parser.poolMessage(try Golden.text("pool-share-refused")),
            case .accepted(8) = try parser.poolMessage(try Golden.text("pool-keepalived"))
        else {
            throw TestFailure("misread")
        }
    }

    @Test(arguments: [
        #"{"id":7,"jsonrpc":"2.0","error":{"code":-1}}"#, #"{"id":7,"jsonrpc":"2.0","error":{"message":5}}"#,
        #"{"id":7,"jsonrpc":"2.0","error":{"message":""}}"#, #"{"id":7,"jsonrpc":"2.0","error":5}"#,
        #"{"id":7,"jsonrpc":"2.0","error":{}}"#, #"{"id":7,"jsonrpc":"2.0"}"#, #"{"id":7,"error":null,"result":null}"#,
        #"{"id":7,"result":false}"#,
    ])
    func whateverIsNotAYesIsANo(line: String) throws {
        #expect(try refusal(line) == "Unknown error")
    }

    @Test func anErrorMayBeABareString() throws {
        #expect(try refusal(#"{"id":7,"error":"Low difficulty share"}"#) == "Low difficulty share")
    }

    /// In the line, "?" stands for a byte that is not UTF-8.
    @Test(arguments: [
        (#"{"id":7,"error":{"message":"dur?e"}}"#, "dur\u{fffd}e"),
        (#"{"id":7,"error":"half \ud83d"}"#, "half \u{fffd}"),
        (#"{"id":7,"error":"bad ??"}"#, "bad \u{fffd}\u{fffd}"),
    ])
    func aRefusalThatIsNotUTF8AnswersItsShare(line: String, text: String) throws {
        let bytes = line.utf8.map { $0 == UInt8(ascii: "?") ? 0xe9 : $0 }
        guard case .refused(7, text) = try parser.poolMessage(bytes.span, loginID: nil, assumed: AlgorithmName()) else {
            throw TestFailure("not read")
        }
    }

    @Test func aLongRefusalIsCutBetweenCharacters() throws {
        let text = String(repeating: "a", count: 255) + "é" + String(repeating: "b", count: 99)
        #expect(try refusal(#"{"id":7,"error":{"message":"\#(text)"}}"#) == String(repeating: "a", count: 255))
    }

    @Test func aRefusalWithoutIDAnswersTheLoginThatWaits() throws {
        let line = #"{"id":null,"error":{"code":-1,"message":"IP Address currently banned"}}"#
        #expect(try refusal(line, loginID: 1) == "IP Address currently banned")
        guard case .refused(nil, "IP Address currently banned") = try parser.poolMessage(line) else {
            throw TestFailure("a complaint without a request is not one about a request")
        }
    }

    @Test(arguments: [
        (#"{"id":7,"result":false,"error":[21,"Job not found",null]}"#, "Job not found"),
        (#"{"id":7,"error":["Stale","ignored"]}"#, "Stale"), (#"{"id":7,"error":[23,"",null,"Low diff"]}"#, "Low diff"),
        (#"{"id":7,"error":[20]}"#, "Unknown error"), (#"{"id":7,"error":true}"#, "Unknown error"),
        (#"{"id":"7","error":"Block expired"}"#, "Block expired"), (#"{"id":7,"error":{"code":-3}}"#, "Unknown error"),
        (#"{"id":7,"error":[[21,"nested"]]}"#, "Unknown error"),
    ])
    func errorsOfAllShapesAreRead(line: String, text: String) throws {
        #expect(try refusal(line) == text)
    }

    @Test(arguments: [
        #"{"id":"7","result":{"status":"OK"},"error":null}"#, #"{"id":7,"result":"OK","error":false}"#,
        #"{"id":7,"result":true,"error":[]}"#, #"{"id":"007","result":true,"error":""}"#,
        #"{"id":7,"result":true,"error":0}"#,
    ])
    func aYesOfAnyShapeIsAYes(line: String) throws {
        guard case .accepted(7) = try parser.poolMessage(line) else { throw TestFailure("taken for a no") }
    }

    @Test(arguments: [
        "\"\"", "\"-7\"", "\"7 \"", "\"0x7\"", "\"1234567890123456789\"", "\"7.0\"", "[7]", "{}", "true",
    ])
    func whatIsNoNumberIsNoID(id: String) throws {
        #expect(try isOther(#"{"id":\#(id),"result":true}"#))
    }

    @Test(arguments: [
        (#"["a.example","3333"]"#, PoolRedirect(host: "a.example", port: 3_333)),
        (#"["a.example",3333,5]"#, PoolRedirect(host: "a.example", port: 3_333)),
        (#"["2001:db8::1",1]"#, PoolRedirect(host: "2001:db8::1", port: 1)),
        ("[]", PoolRedirect(host: nil, port: nil)), (#"[null,"80"]"#, PoolRedirect(host: nil, port: 80)),
    ])
    func aRedirectIsRead(params: String, redirect: PoolRedirect) throws {
        let line = #"{"id":null,"method":"client.reconnect","params":\#(params)}"#
        guard case .reconnect(redirect) = try parser.poolMessage(line) else { throw TestFailure("no redirect") }
    }

    @Test func theRedirectOfTheDocumentIsRead() throws {
        guard case .reconnect(let redirect) = try parser.poolMessage(try Golden.text("pool-reconnect")) else {
            throw TestFailure("no redirect")
        }
        #expect(redirect == PoolRedirect(host: "eu.pool.example", port: 3_334))
    }

    @Test(arguments: [
        #"["a b","1"]"#, #"["a\u0000b",1]"#, #"["a/b",1]"#, #"["a",0]"#, #"["a",-1]"#, #"["a",65536]"#, #"["a","+1x"]"#,
        #"["\#(String(repeating: "a", count: 254))",1]"#, #"[{},1]"#,
    ])
    func aRedirectToNowhereIsPassedOver(params: String) throws {
        #expect(try isOther(#"{"method":"client.reconnect","params":\#(params)}"#))
    }

    @Test(arguments: [
        #"{"id":7,"method":"client.show_message","params":["hello"]}"#, #"{"jsonrpc":"2.0","method":5,"params":{}}"#,
        #"{"id":"seven","result":true}"#, #"{"id":7.5,"result":true}"#, #"{"result":true}"#, "{}",
    ])
    func whatWeDoNotKnowIsPassedOver(line: String) throws {
        #expect(try isOther(line))
    }

    @Test(arguments: ["", "[]", "7", "null", #""text""#, "nonsense", #"{"id":1"#])
    func whatIsNoObjectIsAFault(line: String) {
        #expect(throws: PeerFault.self) { try parser.poolMessage(line) }
    }

    @Test(arguments: [
        #"{"id":1,"result":{"status":"OK"}}"#, #"{"id":1,"result":{"id":""}}"#, #"{"id":1,"result":{"id":{}}}"#,
        #"{"id":1,"result":null}"#, #"{"id":1}"#,
    ])
    func aLoginReplyWithoutSessionIsAFault(line: String) {
        #expect(throws: PeerFault.badField("result.id")) { try parser.poolMessage(line, loginID: 1) }
    }

    @Test(arguments: [("7", "7"), (#""a \"b\" é\\""#, #"a "b" é\"#), (#"" ""#, " "), (#""\u00e9""#, "é")])
    func aSessionMayBeAnyTextOrAnInteger(written: String, text: String) throws {
        guard case .loggedIn(let login) = try parser.poolMessage(#"{"id":1,"result":{"id":\#(written)}}"#, loginID: 1)
        else {
            throw TestFailure("no login reply")
        }
        #expect(login.session.text == text)
    }

    @Test func aSessionMayHave256Bytes() throws {
        let reply = { (count: Int) in #"{"id":1,"result":{"id":"\#(String(repeating: "s", count: count))"}}"# }
        guard case .loggedIn(let login) = try parser.poolMessage(reply(256), loginID: 1) else {
            throw TestFailure("no login reply")
        }
        #expect(login.job == nil)
        #expect(throws: PeerFault.badField("result.id")) { try parser.poolMessage(reply(257), loginID: 1) }
    }

    @Test func extensionsOfAnyShapeAreSurvived() throws {
        for list in [
            #"["nicehash",5,null,{},["algo"]]"#, "5", "{}", "null",
            "[" + (0..<500).map { "\"e\($0)\"" }.joined(separator: ",") + "]",
        ] {
            guard
                case .loggedIn(let login) = try parser.poolMessage(
                    #"{"id":1,"result":{"id":"s","extensions":\#(list)}}"#, loginID: 1)
            else {
                Issue.record("no login reply")
                return
            }
            #expect(login.hasNicehash == list.contains("nicehash"))
            #expect(!login.hasAlgo)
        }
    }

    @Test func aBadJobInALoginReplyIsAFault() {
        #expect(throws: PeerFault.badField("job_id")) {
            try parser.poolMessage(#"{"id":1,"result":{"id":"s","job":{}}}"#, loginID: 1)
        }
    }
}
