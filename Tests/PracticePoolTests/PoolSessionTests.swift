import StratumProtocol
import TestSupport
import Testing

@testable import PracticePool

/// One client and the pool's rules, with lines as text.
private struct Dialogue {
    var session: PoolSession
    var history = JobHistory()
    var rules = PoolRules()
    var steps = SeededGenerator(seed: 1)
    let parser = JSONParser()
    var output: [UInt8] = []

    init(nonceByte: UInt8? = nil) {
        session = PoolSession(id: 0x0011_2233_4455_6677, client: 7, nonceByte: nonceByte)
        history.makeJob(using: &steps)
    }

    /// Says a line and returns what the pool answers, or the fault's name.
    mutating func say(_ line: String) -> String {
        output = []
        do throws(ClientFault) {
            _ = try session.receive(
                Array(line.utf8).span, parser: parser, history: history, rules: &rules, using: &steps, output: &output)
            return String(decoding: output, as: UTF8.self)
        } catch {
            return error.rawValue
        }
    }

    mutating func logIn() -> String {
        say(#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"w","pass":"x"}}"#)
    }

    mutating func submit(id: Int = 9, job: String = "0000000100000007", nonce: String = "01000000") -> String {
        say(
            #"{"id":\#(id),"method":"submit","params":{"id":"0011223344556677","job_id":"\#(job)","nonce":"\#(nonce)""#
                + #","result":"\#(String(repeating: "0", count: 64))","algo":"rx/0"}}"#)
    }
}

private let accepted = #"{"id":9,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}"# + "\n"

private func refusal(_ text: String) -> String {
    #"{"id":9,"jsonrpc":"2.0","error":{"code":-1,"message":"\#(text)"}}"# + "\n"
}

struct PoolSessionTests {
    @Test func aLoginIsAnsweredWithSessionJobAndExtensions() {
        var dialogue = Dialogue()
        let reply = dialogue.logIn()
        let start = #"{"id":1,"jsonrpc":"2.0","error":null,"result":{"id":"0011223344556677","job":{"blob":"1010"#
        #expect(reply.hasPrefix(start))
        #expect(reply.contains(#""job_id":"0000000100000007","target":"37894100","algo":"rx/0","height":3000001"#))
        #expect(reply.hasSuffix(#""extensions":["algo","keepalive"],"status":"OK"}}"# + "\n"))
    }

    @Test func theProxysOwnReaderUnderstandsTheReply() throws {
        var dialogue = Dialogue(nonceByte: 0x1b)
        dialogue.rules.hasNicehash = true
        let line = Array(dialogue.logIn().utf8.dropLast())
        let message = try dialogue.parser.poolMessage(line.span, loginID: 1, assumed: AlgorithmName())
        guard case .loggedIn(let login) = message, let job = login.job else { throw TestFailure("\(message)") }
        #expect(login.hasNicehash && login.hasAlgo && login.hasKeepalive)
        #expect(job.blob.count == 152 && job.nonceByte == 0x1b)
        #expect(job.difficulty == dialogue.rules.target.difficulty)
    }

    @Test func aLoginCanWaitForItsJob() {
        var dialogue = Dialogue()
        dialogue.rules.loginCarriesJob = false
        #expect(!dialogue.logIn().contains("job"))
        dialogue.output = []
        #expect(dialogue.session.notify(history: dialogue.history, rules: dialogue.rules, output: &dialogue.output))
        #expect(dialogue.output.starts(with: Array(#"{"jsonrpc":"2.0","method":"job","params":{"blob":""#.utf8)))
    }

    @Test func theSameJobIsNeverSentTwice() {
        var dialogue = Dialogue()
        _ = dialogue.logIn()
        let isSent = dialogue.session.notify(
            history: dialogue.history, rules: dialogue.rules, output: &dialogue.output)
        #expect(!isSent)
    }

    @Test func aShareIsAnsweredUnderItsOwnId() {
        var dialogue = Dialogue()
        _ = dialogue.logIn()
        #expect(dialogue.submit() == accepted)
        #expect(dialogue.submit() == refusal("Duplicate share"))
        #expect(dialogue.submit(job: "0000000900000007") == refusal("Invalid job id"))
        #expect(dialogue.submit(nonce: "0100000") == refusal("Malformed share"))
    }

    @Test func everyNthGoodShareCanBeRefused() {
        var dialogue = Dialogue()
        dialogue.rules.rejection.every = 3
        dialogue.rules.rejection.text = "No"
        _ = dialogue.logIn()
        let replies = (0..<6).map { dialogue.submit(nonce: "0\($0)000000") }
        #expect(replies == [accepted, accepted, refusal("No"), accepted, accepted, refusal("No")])
    }

    @Test func aRefusedLoginSaysWhy() {
        var dialogue = Dialogue()
        dialogue.rules.loginError = "Your \"IP\" is banned"
        #expect(dialogue.logIn().contains(#""message":"Your \"IP\" is banned""#))
        #expect(!dialogue.session.isLoggedIn)
    }

    @Test func keepalivesNeedTheirSession() {
        var dialogue = Dialogue()
        _ = dialogue.logIn()
        let reply = dialogue.say(#"{"id":2,"method":"keepalived","params":{"id":"0011223344556677"}}"#)
        #expect(reply.contains("KEEPALIVED"))
        #expect(dialogue.say(#"{"id":2,"method":"keepalived","params":{"id":"ff"}}"#) == "foreign_keepalive")
    }

    @Test func whatBreaksTheRulesIsAFault() {
        var dialogue = Dialogue()
        #expect(dialogue.submit() == "request_before_login")
        #expect(dialogue.say("{") == "not_json")
        #expect(dialogue.say("[]") == "bad_request")
        #expect(dialogue.say(#"{"id":"1","method":"login","params":{}}"#) == "bad_request")
        #expect(dialogue.say(#"{"id":1,"method":"login","params":[]}"#) == "bad_request")
        _ = dialogue.logIn()
        #expect(dialogue.logIn() == "second_login")
        #expect(dialogue.say(#"{"id":1,"method":"getjob","params":{}}"#) == "unknown_method")
    }
}

struct ShareTargetTests {
    @Test(arguments: [1, 2, 1_000, 100_000, 4_294_967_295] as [UInt64], [4, 8])
    func theTargetAsksForWhatTheProxyReadsOutOfIt(difficulty: UInt64, bytes: Int) throws {
        let target = ShareTarget(difficulty: difficulty, bytes: bytes)
        #expect(target.text.count == bytes * 2)
        #expect(target.difficulty >= difficulty)
        let bits = try #require(number(target.text))
        let read = bytes == 4 ? Difficulty.of(target32: UInt32(bits)) : Difficulty.of(target64: bits)
        #expect(read == target.difficulty)
    }

    /// Little-endian hexadecimal text.
    private func number(_ text: [UInt8]) -> UInt64? {
        var number: UInt64 = 0
        for index in 0..<text.count / 2 {
            guard let byte = Hex.byte(text.span, at: index * 2) else { return nil }
            number |= UInt64(byte) << UInt64(index * 8)
        }
        return number
    }
}

struct DelayedRepliesTests {
    @Test func repliesLeaveInOrderAndNotBeforeTheirTime() {
        var replies = DelayedReplies()
        for number in 0..<10 as Range<UInt8> {
            replies.add(.init(dueMillis: 100 + UInt64(number), client: 1, bytes: [number]))
        }
        #expect(replies.take(atMillis: 99) == nil)
        #expect(replies.nextDueMillis == 100)
        var left: [UInt8] = []
        while let entry = replies.take(atMillis: 104) { left += entry.bytes }
        #expect(left == [0, 1, 2, 3, 4])
        #expect(replies.nextDueMillis == 105)
    }
}
