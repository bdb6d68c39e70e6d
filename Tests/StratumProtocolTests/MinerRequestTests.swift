import Algorithms
import TestSupport
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
            throw TestFailure("no login")
        }
        #expect(
            login
                == LoginRequest(
                    id: 1, login: "farm1+20000", password: "x", agent: "XMRig/6.26.0 (Linux x86_64)",
                    rigID: "rack7-03"))
    }

    @Test func aShareIsRead() throws {
        guard case .submit(let share) = try parser.minerRequest(try Golden.text("miner-submit")) else {
            throw TestFailure("no share")
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
            throw TestFailure("no keepalive")
        }
        #expect(id == 43)
    }

    @Test func anUnknownMethodIsNamedAsSuch() throws {
        guard case .other(let id) = try parser.minerRequest(#"{"id":-9,"method":"getjob","params":{}}  "#) else {
            throw TestFailure("known?")
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
        (#"{"id":18446744073709551616,"method":"submit","params":{}}"#, .invalidJSON),
    ])
    func whatIsNoRequestIsAFault(line: String, expected: PeerFault) {
        #expect(fault(line) == expected)
        #expect(!expected.text.isEmpty)
    }

    @Test(arguments: [
        (#"{"id":7,"params":{},"more":"more, and more"}"#, RequestID.integer(7), PeerFault.badMethod),
        (#"{"id":"a","method":7,"params":{},"more":"more"}"#, .text(name("a")), .badMethod),
        (#"{"method":null,"params":{},"more":"more"}"#, .null, .badMethod),
        (#"{"id":1,"method":"submit","more":"more"}"#, 1, .badParams),
        (#"{"id":null,"method":"submit","params":null}"#, .null, .badParams),
        (#"{"id":2,"method":"mining.subscribe","params":["a"]}"#, 2, .badParams),
        (#"{"id":"\#(String(repeating: "x", count: 65))","method":"login","params":{}}"#, .null, .badRequestID),
        (#"{"id":"\#(String(repeating: "é", count: 33))","method":"login","params":{}}"#, .null, .badRequestID),
    ])
    func anObjectThatIsNoRequestCanBeAnswered(line: String, id: RequestID, fault: PeerFault) throws {
        guard case .malformed(id, fault) = try parser.minerRequest(line) else { throw TestFailure("read otherwise") }
        #expect(!fault.text.isEmpty)
    }

    @Test(arguments: [
        ("0", "0"), ("-9223372036854775808", "-9223372036854775808"), ("9223372036854775807", "9223372036854775807"),
        ("9223372036854775808", "9223372036854775808"), ("18446744073709551615", "18446744073709551615"),
        ("1.0", "1.0"), ("-2.5", "-2.5"), ("1e3", "1000.0"), ("1e300", "1e+300"),
        (#""1""#, #""1""#), (#""""#, #""""#), (#""a\"b\\c""#, #""a\"b\\c""#), (#""\u0000\n""#, #""\u0000\u000a""#),
        (#""Grüße 世界 🙂""#, #""Grüße 世界 🙂""#), (#""\u00e9""#, #""é""#),
        (#""\#(String(repeating: "f", count: 64))""#, #""\#(String(repeating: "f", count: 64))""#),
        ("null", "null"), ("true", "null"), ("[1]", "null"), (#"{"a":1}"#, "null"),
    ])
    func anIDComesBackAsTheSameValue(id: String, expected: String) throws {
        guard case .keepalived(let read) = try parser.minerRequest(#"{"id":\#(id),"method":"keepalived","params":{}}"#)
        else {
            throw TestFailure("no keepalive")
        }
        #expect(written { MinerReply.ok(id: read, to: &$0) }.hasPrefix("{\"id\":\(expected),"))
        #expect(RequestID(read.kind, bits: read.bits, text: read.text ?? RequestID.Text()) == read)
    }

    @Test func aMissingIDIsNull() throws {
        guard case .other(.null) = try parser.minerRequest(#"{"method":"getjob","params":{"a":"b"}}"#) else {
            throw TestFailure("read otherwise")
        }
    }

    // MARK: - Logins of all kinds

    private func login(_ params: String) throws -> LoginRequest {
        guard case .login(let login) = try parser.minerRequest(#"{"id":1,"method":"login","params":\#(params)}"#) else {
            throw PeerFault.badMethod
        }
        return login
    }

    @Test(arguments: ["5", "null", "true", "[]", #"{"a":"b"}"#, "1.5", "-9e9"])
    func aFieldOfAnotherTypeIsNotGiven(value: String) throws {
        #expect(
            try login(#"{"login":\#(value),"pass":\#(value),"agent":\#(value),"rigid":\#(value)}"#)
                == LoginRequest(id: 1, login: ""))
    }

    @Test func noFieldAtAllIsALoginToo() throws {
        #expect(try login(#"{"algo":["rx/0"]}"#) == LoginRequest(id: 1, login: ""))
    }

    @Test func aFieldIsReadWhole() throws {
        let long = String(repeating: "w", count: 3_000)
        let read = try login(#"{"login":"\#(long)+5000","pass":"\#(long)1"}"#)
        #expect(read.login == long + "+5000")
        #expect(read.password == long + "1")
    }

    @Test(
        arguments: [
            ([0xff], "\u{fffd}"), ([0xc3, 0x28], "\u{fffd}("), ([0xe4, 0xbd], "\u{fffd}"), ([0xc3, 0xa9], "é"),
            ([0xed, 0xa0, 0x80], "\u{fffd}\u{fffd}\u{fffd}"), (Array(#"\ud83d"#.utf8), "\u{fffd}"),
            (Array(#"\ud83d\u0041"#.utf8), "\u{fffd}A"), (Array(#"\ude00\ud83d\ude42"#.utf8), "\u{fffd}🙂"),
            (Array(#"\\ud83d"#.utf8) + [0xfe], "\\ud83d\u{fffd}"), (Array(#"\ud83d\ud83d\ude42"#.utf8), "\u{fffd}🙂"),
        ] as [([UInt8], String)])
    func whatIsNoTextIsReplaced(bytes: [UInt8], expected: String) throws {
        let line = Array(#"{"id":1,"method":"login","params":{"login":"<"#.utf8) + bytes + Array(#">"}}"#.utf8)
        guard case .login(let login) = try parser.minerRequest(line.span) else { throw PeerFault.badMethod }
        #expect(login.login == "<\(expected)>")
    }

    @Test(
        arguments: [
            [0xff], Array(#"{"id":1,"method":"login","params":{"login":"#.utf8) + [0xff, 0x7d, 0x7d],
            Array(#"{"id":1,"method":"login","params":{"login":"\ud8"}}"#.utf8),
            Array(#"{"id":1,"method":"login","params":{"login":"\ud83d}}"#.utf8), Array(repeating: 0xfe, count: 16_000),
        ] as [[UInt8]])
    func repairDoesNotMakeARequestOfGarbage(line: [UInt8]) {
        #expect(throws: PeerFault.self) { try parser.minerRequest(line.span) }
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
