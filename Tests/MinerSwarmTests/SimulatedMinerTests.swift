import StratumProtocol
import TestSupport
import Testing

@testable import MinerSwarm

/// A miner and what it says, as text.
private struct Rig {
    var miner = SimulatedMiner()
    var generator = SplitMix(seed: 1)
    let parser = JSONParser()

    /// Blob of 76 bytes, all zero but for the byte that a proxy sets.
    static func job(id: String = "8842", byte: String = "1b", block: String = "00") -> String {
        #"{"blob":"\#(block)\#(zeros(76))000000\#(byte)\#(zeros(66))","job_id":"\#(id)","target":"b88d0600","#
            + #""algo":"rx/0","height":1,"seed_hash":"\#(zeros(64))"}"#
    }

    static func zeros(_ count: Int) -> String { String(repeating: "0", count: count) }

    static func loginReply(job: String?, extensions: String = #""algo","nicehash","keepalive""#) -> String {
        #"{"jsonrpc":"2.0","id":1,"error":null,"result":{"id":"9f3c0a1be5d24477","#
            + (job.map { #""job":\#($0),"# } ?? "") + #""extensions":[\#(extensions)],"status":"OK"}}"#
    }

    static func notification(_ job: String) -> String {
        #"{"jsonrpc":"2.0","method":"job","params":\#(job)}"#
    }

    /// Hears a line; nil when it was a fault, whose name is in `fault`.
    mutating func hear(_ line: String) -> SimulatedMiner.Event? {
        do throws(ProxyFault) {
            return try miner.receive(Array(line.utf8).span, parser: parser)
        } catch {
            fault = error
            return nil
        }
    }

    var fault: ProxyFault?

    mutating func share(id: Int64 = 16) throws -> SubmitRequest {
        var line: [UInt8] = []
        miner.appendShare(id: id, using: &generator, to: &line)
        #expect(line.last == 0x0a)
        let request = try parser.minerRequest(Array(line.dropLast()).span)
        guard case .submit(let submit) = request else { throw ProxyFault.unknownMessage }
        return submit
    }
}

struct SimulatedMinerTests {
    @Test func aShareIsWhatTheProxyExpects() throws {
        var rig = Rig()
        guard case .loggedIn(hasJob: true) = rig.hear(Rig.loginReply(job: Rig.job())) else {
            throw TestFailure("no login")
        }
        let share = try rig.share(id: 42)
        #expect(share.id == 42 && share.session == 0x9f3c_0a1b_e5d2_4477)
        #expect(share.jobID == JobID("8842")?.fingerprint && share.algorithm == AlgorithmName("rx/0")?.known)
        #expect(share.nonce == 0x1b00_0000)
        #expect(try rig.share().nonce == 0x1b00_0001)
    }

    @Test func everyHashMeetsTheTarget() throws {
        var rig = Rig()
        _ = rig.hear(Rig.loginReply(job: Rig.job()))
        let asked = try #require(Difficulty.of(target32: 0x0006_8db8))
        for _ in 0..<1_000 {
            let hash = try #require(try rig.share().hash)
            #expect(Difficulty.ofHash(tail: Difficulty.tail(of: hash)) >= asked)
        }
    }

    @Test func aNewJobBeginsItsNoncesAnewAndANewNameForTheSameWorkDoesNot() throws {
        var rig = Rig()
        _ = rig.hear(Rig.loginReply(job: Rig.job()))
        _ = try rig.share()
        _ = rig.hear(Rig.notification(Rig.job(id: "8843")))
        #expect(try rig.share().nonce == 0x1b00_0001)
        _ = rig.hear(Rig.notification(Rig.job(id: "8844", block: "01")))
        #expect(try rig.share().nonce == 0x1b00_0000)
    }

    @Test func withoutReservedByteTheWholeNonceIsTheMiners() throws {
        var rig = Rig()
        _ = rig.hear(Rig.loginReply(job: Rig.job(byte: "00"), extensions: #""keepalive""#))
        let share = try rig.share()
        #expect(share.nonce == 0 && share.algorithm == nil)
    }

    @Test func aLoginMayWaitForItsJob() throws {
        var rig = Rig()
        guard case .loggedIn(hasJob: false) = rig.hear(Rig.loginReply(job: nil)) else { throw TestFailure("no login") }
        #expect(!rig.miner.canMine)
        _ = rig.hear(Rig.notification(Rig.job()))
        #expect(rig.miner.canMine)
    }

    @Test func repliesAreToldApartByTheirIds() throws {
        var rig = Rig()
        _ = rig.hear(Rig.loginReply(job: Rig.job()))
        guard case .shareAccepted(id: 17) = rig.hear(#"{"id":17,"error":null,"result":{"status":"OK"}}"#) else {
            throw TestFailure("not accepted")
        }
        let refusal = #"{"id":18,"jsonrpc":"2.0","error":{"code":-1,"message":"Stale share"}}"#
        guard case .shareRefused(id: 18, text: "Stale share") = rig.hear(refusal) else {
            throw TestFailure("not refused")
        }
        guard case .keptAlive = rig.hear(#"{"id":2,"error":null,"result":{"status":"KEEPALIVED"}}"#) else {
            throw TestFailure("not kept alive")
        }
    }

    @Test func whatNoMinerCouldWorkWithIsAFault() {
        let good = Rig.job()
        let cases: [(String, ProxyFault)] = [
            (good.replacing(#""b88d0600""#, with: #""00000000""#), .badTarget),
            (good.replacing(#""b88d0600""#, with: #""b88d06""#), .badTarget),
            (good.replacing("1b", with: "zz"), .badBlob),
            (good.replacing(#""seed_hash":"00"#, with: #""seed_hash":"0"#), .badSeedHash),
            (good.replacing(#""8842""#, with: "8842"), .badJob),
            ("null", .badJob),
        ]
        for (job, fault) in cases {
            var rig = Rig()
            _ = rig.hear(Rig.loginReply(job: nil))
            #expect(rig.hear(Rig.notification(job)) == nil)
            #expect(rig.fault == fault, "\(job)")
        }
    }

    @Test func theSameJobTwiceIsAFault() {
        var rig = Rig()
        _ = rig.hear(Rig.loginReply(job: Rig.job()))
        #expect(rig.hear(Rig.notification(Rig.job())) == nil)
        #expect(rig.fault == .repeatedJob)
    }

    @Test func theLoginNamesTheMiner() throws {
        var line: [UInt8] = []
        LoginPattern(login: "farm{n}+1000", password: "p", rigID: "rig-{n}", agent: "a", names: 10)
            .append(miner: 13, to: &line)
        let request = try JSONParser().minerRequest(Array(line.dropLast()).span)
        guard case .login(let login) = request else { throw TestFailure("\(request)") }
        #expect(login.login == "farm3+1000" && login.rigID == "rig-3" && login.password == "p")
    }
}

struct MinerJobTests {
    /// The nonce byte is what proxies change: it must not make a different work of a job.
    @Test func minersThatSplitAJobAreSeenOnTheSameWork() throws {
        let one = try #require(job(Rig.job(byte: "1b")))
        let other = try #require(job(Rig.job(byte: "ff")))
        let next = try #require(job(Rig.job(block: "01")))
        #expect(one.work == other.work && one.nonceByte == 0x1b && other.nonceByte == 0xff)
        #expect(one.work != next.work && one.broadcast != next.broadcast)
    }

    private func job(_ text: String) -> MinerJob? {
        try? JSONParser().parse(Array(text.utf8).span) { value throws(ProxyFault) in try MinerJob(value) }
    }
}
