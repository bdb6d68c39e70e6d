import Algorithms
import Testing

@testable import StratumProtocol

struct MinerRequestTests {
    private let parser = JSONParser()

    private func fault(_ text: String) -> PeerFault? {
        do throws(PeerFault) {
            _ = try parser.minerRequest(text)
            return nil
        } catch {
            return error
        }
    }

    private func submit(_ params: String) throws -> SubmitRequest {
        let line = #"{"id":42,"jsonrpc":"2.0","method":"submit","params":{"# + params + "}}"
        guard case .submit(let share) = try parser.minerRequest(line) else { throw PeerFault.badMethod }
        return share
    }

    // MARK: - The examples

    @Test func aLoginIsRead() throws {
        guard case .login(let login) = try parser.minerRequest(try Golden.text("miner-login")) else {
            Issue.record("no login")
            return
        }
        #expect(
            login
                == LoginRequest(
                    id: 1, login: "farm1+20000", password: "x", agent: "XMRig/6.26.0 (Linux x86_64)",
                    rigID: "rack7-03"))
    }

    @Test func aShareIsRead() throws {
        guard case .submit(let share) = try parser.minerRequest(try Golden.text("miner-submit")) else {
            Issue.record("no share")
            return
        }
        #expect(share.id == 42)
        #expect(share.session == 0x9f3c_0a1b_e5d2_4477)
        #expect(share.jobID == JobID("8842")?.fingerprint)
        #expect(share.nonce == 0x1b00_00a7)
        #expect(share.hash.map(Difficulty.tail) == 0x0001_b4cd_6a04_e0c0)
        #expect(share.algorithm == .rx0)
        #expect(share.signature == nil)
        #expect(share.commitment == nil)
    }

    @Test func aKeepaliveIsRead() throws {
        guard case .keepalived(let id) = try parser.minerRequest(try Golden.text("miner-keepalived")) else {
            Issue.record("no keepalive")
            return
        }
        #expect(id == 43)
    }

    @Test func anUnknownMethodIsNamedAsSuch() throws {
        guard case .other(let id) = try parser.minerRequest(#"{"id":-9,"method":"getjob","params":{}}  "#) else {
            Issue.record("known?")
            return
        }
        #expect(id == -9)
    }

    // MARK: - What ends a connection

    @Test(arguments: [
        ("", PeerFault.notARequest), ("{}", .notARequest), ("GET / HTTP/1.1 and some more text...", .notARequest),
        (#"[{"id":1,"method":"login","params":{}}]"#, .notARequest),
        (#" {"id":1,"method":"submit","params":{}}"#, .notARequest),
        (#"{"id":1,"method":"login","params":{"#, .invalidJSON),
        (#"{"id":1,"method":"submit","params":{}} {}"#, .invalidJSON),
        (#"{"id":1e999,"method":"submit","params":{}}"#, .invalidJSON),
        ("{\"id\":1,\"method\":\"submit\",\"params\":{\"x\":\"\u{1}\"}}", .invalidJSON),
        (#"{"method":"submit","params":{},"more":0}"#, .badRequestID),
        (#"{"id":null,"method":"submit","params":{}}"#, .badRequestID),
        (#"{"id":"1","method":"submit","params":{}}"#, .badRequestID),
        (#"{"id":1.0,"method":"submit","params":{}}"#, .badRequestID),
        (#"{"id":9223372036854775808,"method":"submit","params":{}}"#, .badRequestID),
        (#"{"id":1,"params":{},"more":"more, and more"}"#, .badMethod),
        (#"{"id":1,"method":7,"params":{},"more":"more"}"#, .badMethod),
        (#"{"id":1,"method":null,"params":{},"more":"more"}"#, .badMethod),
        (#"{"id":1,"method":"submit","more":"more"}"#, .badParams),
        (#"{"id":1,"method":"submit","params":null}"#, .badParams),
        (#"{"id":1,"method":"submit","params":["a"]}"#, .badParams),
        (#"{"id":1,"method":"login","params":{"pass":"x"}}"#, .badField("login")),
        (#"{"id":1,"method":"login","params":{"login":null}}"#, .badField("login")),
        (#"{"id":1,"method":"login","params":{"login":5}}"#, .badField("login")),
        (#"{"id":1,"method":"login","params":{"login":"a","pass":[]}}"#, .badField("pass")),
        (#"{"id":1,"method":"login","params":{"login":"a","agent":{}}}"#, .badField("agent")),
        (#"{"id":1,"method":"login","params":{"login":"a","rigid":true}}"#, .badField("rigid")),
    ])
    func whatIsNoRequestIsAFault(line: String, expected: PeerFault) {
        #expect(fault(line) == expected)
        #expect(!expected.text.isEmpty)
    }

    @Test(arguments: ["-9223372036854775808", "9223372036854775807", "0"])
    func anIDMayBeAnyIntegerOfSixtyFourBits(id: String) throws {
        guard case .keepalived(let read) = try parser.minerRequest(#"{"id":\#(id),"method":"keepalived","params":{}}"#)
        else {
            Issue.record("no keepalive")
            return
        }
        #expect("\(read)" == id)
    }

    @Test func bytesThatAreNotUTF8AreAFault() {
        var line = Array(#"{"id":1,"method":"login","params":{"login":"?"}}"#.utf8)
        line[line.firstIndex(of: 0x3f)!] = 0xff
        #expect(throws: PeerFault.invalidJSON) { try parser.minerRequest(line.span) }
    }

    @Test func aFieldMayBe256BytesLong() throws {
        let login = { (count: Int) in
            #"{"id":1,"method":"login","params":{"login":"\#(String(repeating: "a", count: count))"}}"#
        }
        #expect(fault(login(256)) == nil)
        #expect(fault(login(257)) == .badField("login"))
    }

    @Test(arguments: ["[", "{\"a\":"])
    func deepNestingIsRefusedWithoutRecursion(opening: String) {
        let line = #"{"id":1,"method":"submit","params":{"x":"# + String(repeating: opening, count: 5_000)
        #expect(fault(line) == .invalidJSON)
        let closed = { (depth: Int) in
            #"{"id":1,"method":"submit","params":{"x":"# + String(repeating: "[", count: depth)
                + String(repeating: "]", count: depth) + "}}"
        }
        #expect(fault(closed(8)) == nil)
        #expect(fault(closed(20)) == .invalidJSON)
    }

    @Test func aDocumentBeyondTheParsersLimitIsRefused() {
        let small = JSONParser(documentBytesMax: 100)
        let line = #"{"id":1,"method":"keepalived","params":{}}"#
        #expect(throws: Never.self) { try small.minerRequest(line + String(repeating: " ", count: 100 - line.count)) }
        #expect(throws: PeerFault.invalidJSON) {
            try small.minerRequest(line + String(repeating: " ", count: 101 - line.count))
        }
    }

    // MARK: - Shares that are merely wrong

    @Test(arguments: ["", #""id":7"#, #""id":null"#, #""id":"9f3c""#, #""id":"9f3c0a1be5d2447g""#, #""id":{}"#])
    func aSessionOfTheWrongFormIsNone(params: String) throws {
        #expect(try submit(params).session == nil)
    }

    @Test(arguments: [#""nonce":7"#, #""nonce":"a700001""#, #""nonce":"a700001b0""#, #""nonce":"a700001x""#])
    func aNonceIsEightDigits(params: String) throws {
        #expect(try submit(params).nonce == nil)
    }

    @Test func aHashIsSixtyFourDigits() throws {
        let digits = String(repeating: "5", count: 64)
        #expect(try submit(#""result":"\#(digits)""#).hash != nil)
        #expect(try submit(#""result":"\#(digits)5""#).hash == nil)
        #expect(try submit(#""result":"\#(digits.dropLast())""#).hash == nil)
        #expect(try submit(#""result":"\#(digits.dropLast())z""#).hash == nil)
        #expect(try submit(#""result":[]"#).hash == nil)
    }

    @Test(arguments: [
        (#"8842"#, "8842"), (#"a \"b\" \\"#, #"a "b" \"#), (#"job #7/é"#, "job #7/é"), (#"\u0041\u00e9"#, "Aé"),
        (String(repeating: "j", count: 256), String(repeating: "j", count: 256)),
    ])
    func aJobIsNamedByItsUnescapedText(written: String, text: String) throws {
        let id = try submit(#""job_id":"\#(written)""#).jobID
        #expect(id == JobID(text)?.fingerprint)
        #expect(id != JobID(text + "-")?.fingerprint)
    }

    @Test func aJobNameThatIsNoTextIsNone() throws {
        #expect(try submit(#""job_id":8842"#).jobID == nil)
        #expect(try submit(#""job_id":null"#).jobID == nil)
        #expect(try submit("").jobID == nil)
    }

    @Test(arguments: [
        (#""rx/0""#, AlgorithmName("rx/0")), (#""RandomX""#, AlgorithmName("rx/0")),
        (#""cryptonight\/R""#, AlgorithmName("cn/r")), (#""cn-trtl""#, AlgorithmName("cn-pico")),
    ])
    func anyNameOfAnAlgorithmIsUnderstood(written: String, name: AlgorithmName?) throws {
        #expect(try submit(#""algo":\#(written)"#).algorithm == name?.known)
    }

    @Test(arguments: [
        #""""#, "3", "null", "{}", #"["rx/0"]"#, #""foo/1""#, #""rx/0 ""#, #""\u0000""#,
        "\"" + String(repeating: "a", count: 1_000) + "\"",
    ])
    func anAlgorithmThatIsNotKnownIsNotGiven(written: String) throws {
        #expect(try submit(#""algo":\#(written)"#).algorithm == nil)
    }

    @Test func signatureAndCommitmentAreRead() throws {
        let share = try submit(
            #""sig":"\#(String(repeating: "1", count: 128))","commitment":"\#(String(repeating: "2", count: 64))""#)
        #expect(share.signature?[63] == 0x11)
        #expect(share.commitment?[31] == 0x22)
    }
}
