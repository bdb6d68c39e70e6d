import RandomX
import StratumProtocol
import TestSupport
import Testing

@testable import MinerSwarm
@testable import PracticePool

/// A pool's judge and a miner, with the lines between them.
private struct Meeting {
    static let session: UInt64 = 0x9f3c_0a1b_e5d2_4477
    let parser = JSONParser()
    var history = JobHistory()
    var rules = PoolRules()
    var judge: ShareJudge
    var miner = SimulatedMiner()
    var work: HashingWork?

    init(nonceByte: UInt8?, difficulty: UInt64) throws {
        rules.target = ShareTarget(difficulty: difficulty, bytes: 8)
        rules.verifiesHashes = true
        var steps = SeededGenerator(seed: 1)
        history.makeJob(using: &steps)
        judge = ShareJudge(session: Self.session, client: 7, nonceByte: nonceByte)
        judge.sent(job: history.made, history: history)
        var job: [UInt8] = []
        history.current?.append(
            to: &job, client: 7, nonceByte: nonceByte ?? 0, target: rules.target, algorithm: "rx/0")
        let extensions = nonceByte == nil ? #""algo""# : #""algo","nicehash""#
        let line =
            #"{"id":1,"error":null,"result":{"id":"9f3c0a1be5d24477","job":"# + String(decoding: job, as: UTF8.self)
            + #","extensions":[\#(extensions)],"status":"OK"}}"#
        _ = try miner.receive(Array(line.utf8).span, parser: parser)
        work = try read(line)
    }

    func read(_ line: String) throws(ProxyFault) -> HashingWork? {
        try parser.parse(Array(line.utf8).span) { root throws(ProxyFault) in try HashingWork(root) }
    }

    /// Searches as the swarm's threads do.
    mutating func find(on machine: inout RandomXMachine) throws -> HashedNonce {
        let job = try #require(miner.job)
        while true {
            let nonce = miner.takeNonce()
            let attempt = HashAttempt(
                holder: ConnectionID(index: 0, serial: 1), part: .init(work: job.work, nonceByte: job.nonceByte),
                work: try #require(work), nonce: try #require(nonce))
            let hashed = attempt.run(on: &machine)
            if hashed.meets(job) { return hashed }
        }
    }

    /// What the pool makes of the miner's line; true when it holds the share's hash for right.
    mutating func judged(_ hashed: HashedNonce, by machine: inout RandomXMachine) throws -> Bool {
        var line: [UInt8] = []
        miner.appendShare(id: 16, hashed, to: &line)
        guard case .submit(let share) = try parser.minerRequest(Array(line.dropLast()).span) else { return false }
        let claim = ShareClaim(
            session: share.session, job: miner.job.flatMap { job in JobName(job.id) }, nonce: share.nonce,
            hash: share.hash, algorithm: .asAsked)
        guard case .unverified(let open) = judge.judge(claim, history: history, rules: rules) else { return false }
        return open.isRight(machine.hash(open.blob.span, key: PracticeJob.seed))
    }
}

extension JobName {
    fileprivate init?(_ id: JobID) {
        self.init(id.bytes.span)
    }
}

struct RealHashTests {
    @Test(arguments: [nil, 0xc3] as [UInt8?])
    func aSharesHashIsRightToThePool(nonceByte: UInt8?) throws {
        var machine = RandomXMachine(RandomXCaches())
        var meeting = try Meeting(nonceByte: nonceByte, difficulty: 3)
        for _ in 0..<3 {
            let hashed = try meeting.find(on: &machine)
            let isRight = try meeting.judged(hashed, by: &machine)
            #expect(isRight)
        }
        // And a hash that meets the target but is another nonce's is not.
        let hashed = try meeting.find(on: &machine)
        let other = HashedNonce(nonce: hashed.nonce + 1, hash: hashed.hash)
        let isRight = try meeting.judged(other, by: &machine)
        #expect(!isRight)
    }

    @Test func whatCannotBeHashedIsAFault() throws {
        let meeting = try Meeting(nonceByte: nil, difficulty: 1)
        let zeros = String(repeating: "0", count: 152)
        let cases: [(String, ProxyFault)] = [
            (#"{"params":{"blob":"\#(zeros)","algo":"rx/wow","seed_hash":"\#(zeros.prefix(64))"}}"#, .foreignAlgorithm),
            (#"{"params":{"blob":"\#(zeros)0","algo":"rx/0","seed_hash":"\#(zeros.prefix(64))"}}"#, .badBlob),
            (#"{"params":{"blob":"\#(zeros.prefix(80))","seed_hash":"\#(zeros.prefix(64))"}}"#, .badBlob),
            (#"{"params":{"blob":"\#(zeros)","seed_hash":"\#(zeros.prefix(62))"}}"#, .badSeedHash),
            (#"{"params":{"blob":"\#(zeros)"}}"#, .badSeedHash),
        ]
        for (line, fault) in cases {
            #expect(throws: fault) { try meeting.read(line) }
        }
    }
}
