import Foundation
import StratumSession
import TestSupport

/// Random miners and a pool for a scripted worker.
struct ScriptedPeers {
    private struct Miner {
        var session: String?
        var jobID = ""
        var nonceByte = ""
        var nonce: UInt32 = 0
        /// The rest of a line of which a part was sent.
        var rest = ""
    }

    let worker: ScriptedWorker
    private var dice: SeededGenerator
    private var miners: [MinerID: Miner] = [:]
    private var pool: PoolConnectionID?
    private var owed: [Int] = []
    private var jobs = 0

    init(_ worker: ScriptedWorker, seed: UInt64) {
        self.worker = worker
        dice = SeededGenerator(seed: seed)
    }

    /// Connects the pool and logs this number of miners in.
    mutating func begin(miners count: Int) {
        connectPool()
        for _ in 0..<count { login(connect()) }
        hear()
    }

    /// Causes one random event.
    mutating func live() {
        hear()
        let mining = miners.keys.filter { miners[$0]?.session != nil }.sorted { $0.index < $1.index }
        switch dice.number(0...99) {
        case 0..<6: login(connect())
        case 6..<9: if let id = mining.randomElement(using: &dice) { end(id) }
        case 9..<55: if let id = mining.randomElement(using: &dice) { submit(id) }
        case 55..<60: if let id = mining.randomElement(using: &dice) { say(#"{"id":9,"method":"keepalived"}"#, id) }
        case 60..<66: sendJob()
        case 66..<86: answer()
        case 86..<87: losePool()
        case 87..<90: worker.checkpoint()
        default: worker.tick()
        }
    }

    // MARK: - Miners

    private mutating func connect() -> MinerID {
        let id = worker.connect()
        miners[id] = Miner()
        return id
    }

    private mutating func login(_ id: MinerID) {
        let params = #"{"login":"farm","pass":"x","agent":"XMRig/6","rigid":"rack\#(id.index)","algo":["cn/r"]}"#
        say(#"{"id":1,"jsonrpc":"2.0","method":"login","params":\#(params)}"#, id)
    }

    private mutating func submit(_ id: MinerID) {
        guard let miner = miners[id], let session = miner.session else { return }
        miners[id]?.nonce += 1
        let digits = String(format: "%06x", miner.nonce) + miner.nonceByte
        // Every fifth share does not meet the difficulty, and is refused.
        let end = miner.nonce % 5 == 4 ? "01000000000000ff" : "0100000000000000"
        let result = String(repeating: "5a", count: 24) + end
        let params = #"{"id":"\#(session)","job_id":"\#(miner.jobID)","nonce":"\#(digits)","result":"\#(result)"}"#
        say(#"{"id":2,"jsonrpc":"2.0","method":"submit","params":\#(params)}"#, id)
    }

    /// Sends a line in one or two pieces, the second piece together with the next line.
    private mutating func say(_ line: String, _ id: MinerID) {
        let text = (miners[id]?.rest ?? "") + line + "\n"
        let cut = dice.number(0...3) == 0 ? dice.number(1...text.utf8.count - 1) : text.utf8.count
        miners[id]?.rest = String(text.dropFirst(cut))
        worker.says(String(text.prefix(cut)), id)
    }

    private mutating func end(_ id: MinerID) {
        worker.ends(id)
        miners[id] = nil
    }

    // MARK: - The pool

    private mutating func connectPool() {
        guard let id = worker.poolConnects() else { return }
        pool = id
        owed = []
    }

    private mutating func losePool() {
        if let pool { worker.ends(pool) }
        pool = nil
    }

    private mutating func job() -> String {
        jobs += 1
        var blob = String(repeating: "10", count: 39) + "00000000" + String(repeating: "10", count: 33)
        blob.replaceSubrange(
            blob.startIndex..<blob.index(blob.startIndex, offsetBy: 8), with: String(format: "%08x", jobs))
        return #"{"blob":"\#(blob)","job_id":"j\#(jobs)","target":"b88d0600","algo":"cn/r"}"#
    }

    private mutating func sendJob() {
        guard let pool else { return }
        worker.says(#"{"jsonrpc":"2.0","method":"job","params":\#(job())}"# + "\n", pool)
    }

    private mutating func answer() {
        guard let pool, !owed.isEmpty else { return }
        let id = owed.removeFirst()
        let isGood = dice.number(0...4) > 0
        let refusal = #""error":{"code":-1,"message":"Low difficulty share"}"#
        let verdict = isGood ? #""error":null,"result":{"status":"OK"}"# : refusal
        worker.says(#"{"id":\#(id),"jsonrpc":"2.0",\#(verdict)}"# + "\n", pool)
    }

    // MARK: - Received lines

    private mutating func hear() {
        if pool.map({ worker.pools[$0] == nil }) ?? true { connectPool() }
        if let pool {
            for line in worker.lines(to: pool) {
                guard let id = line["id"] as? Int else { continue }
                switch line["method"] as? String {
                case "login":
                    let result = #"{"id":"pool-session","job":\#(job()),"extensions":["algo"],"status":"OK"}"#
                    worker.says(#"{"id":\#(id),"jsonrpc":"2.0","error":null,"result":\#(result)}"# + "\n", pool)
                case "submit": owed.append(id)
                default: worker.says(#"{"id":\#(id),"jsonrpc":"2.0","error":null,"result":{}}"# + "\n", pool)
                }
            }
        }
        for id in miners.keys.sorted(by: { $0.index < $1.index }) {
            guard worker.miners[id] != nil else {
                miners[id] = nil
                continue
            }
            for line in worker.lines(to: id) { hear(line, id) }
        }
    }

    private mutating func hear(_ line: [String: Any], _ id: MinerID) {
        var job = line["params"] as? [String: Any]
        if let result = line["result"] as? [String: Any], let session = result["id"] as? String {
            miners[id]?.session = session
            job = result["job"] as? [String: Any]
        }
        guard let job, let jobID = job["job_id"] as? String, let blob = job["blob"] as? String else { return }
        miners[id]?.jobID = jobID
        miners[id]?.nonceByte = String(blob.dropFirst(84).prefix(2))
    }
}
