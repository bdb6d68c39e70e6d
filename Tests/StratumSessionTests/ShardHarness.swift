import StratumProtocol
import Testing

@testable import StratumSession

/// A shard between simulated miners and pools, with a clock that stands until it is moved.
///
/// Everything that they exchange goes as bytes through framer and parser in both directions, cut into chunks. The
/// pools are strict, and the harness keeps books: what must never happen is collected in `violations`.
final class ShardHarness {
    var shard: Shard
    /// Sees every input and every decision.
    private let witness: (any ShardWitness)?
    private(set) var now = Instant(microseconds: 1_000_000)
    private let parser = JSONParser()
    let chunk: Int
    private let serial: UInt32
    private var later: [() -> Void] = []

    var pools: [PoolConduct]
    /// What pools do to shares now and then in a random life.
    var refusal = PoolConduct.Verdict.refuse("Block expired")
    var miners: [Miner] = []
    var minerOf: [MinerID: Miner] = [:]
    var peers: [PoolPeer] = []
    var peerOf: [PoolConnectionID: PoolPeer] = [:]

    var settled: [SettledShare] = []
    private(set) var notices: [ShardNotice] = []
    private(set) var poolErrors: [String] = []
    private(set) var keys: Set<UInt64> = []
    /// Shares that were submitted with the right session.
    var authenticated = 0
    /// Of these, shares that waited because their miner was paused.
    var waitedShares = 0
    var violations: [String] = []
    /// Which miner has been given which blob, nonce byte included.
    var workerOfBlob: [String: Int] = [:]
    var noncesAtPools: Set<String> = []

    /// Miners and pools use TLS 1.3.
    let usesTLS: Bool
    var handshakes: UInt64 = 0
    var completesHandshakes = true

    /// - Parameter chunk: the bytes that the network delivers at once.
    /// - Parameter serial: of two shards at the same pools each has its own.
    init(
        pools: Int = 1, chunk: Int = .max, seed: UInt64 = 7, serial: UInt32 = 0, tls: Bool = false,
        witness: (any ShardWitness)? = nil, _ adjust: (inout ShardPolicy) -> Void = { _ in }
    ) {
        self.chunk = chunk
        self.serial = serial
        usesTLS = tls
        self.witness = witness
        self.pools = Array(repeating: PoolConduct(), count: pools)
        var policy = ShardPolicy(
            pools: (0..<pools).map { ShardHarness.pool($0) }, agent: "millrace/test")
        adjust(&policy)
        shard = Shard(policy: policy, seed: seed, secretSeed: ~seed)
        witness?.begins(shard, at: now)
        take(.start)
        perform()
    }

    /// A shard with one miner, which has logged in.
    static func withMiner(
        pools: Int = 1, chunk: Int = .max, _ adjust: (inout ShardPolicy) -> Void = { _ in }
    ) -> (harness: ShardHarness, miner: Miner) {
        let harness = ShardHarness(pools: pools, chunk: chunk, adjust)
        return (harness, harness.join())
    }

    /// The harness's number of a connection's pool.
    func pool(of id: PoolConnectionID) -> Int { peerOf[id]?.pool ?? -1 }

    // MARK: - Time

    func pass(_ time: Milliseconds) {
        for _ in 0..<time.count / Limits.tick.count {
            now = now + Limits.tick
            take(.tick)
            perform()
        }
    }

    /// The only way into the shard.
    func take(_ input: ShardInput, _ bytes: [UInt8] = []) {
        witness?.happens(input, bytes, at: now)
        do throws(ReplayFault) {
            try shard.apply(input, bytes.span, with: parser, at: now)
        } catch {
            violations.append("an input that the shard does not take")
        }
    }

    // MARK: - Miners

    func connect(from address: String? = nil) -> Miner {
        let id = shard.nextMinerID!
        take(.minerConnected(id, usesTLS ? .mayUseTLS : []), Array((address ?? "192.0.2.\(miners.count % 250)").utf8))
        let miner = Miner(number: miners.count, id: id)
        miners.append(miner)
        minerOf[id] = miner
        perform()
        if usesTLS { secure(miner) }
        return miner
    }

    /// Connects and logs in.
    @discardableResult
    func join(_ login: String = "farm", password: String = "x", from address: String? = nil) -> Miner {
        let miner = connect(from: address)
        self.login(miner, login, password: password)
        return miner
    }

    func login(_ miner: Miner, _ login: String = "farm", password: String = "x") {
        request(
            "login", #"{"login":"\#(login)","pass":"\#(password)","agent":"XMRig/6.26.0","algo":["cn/r"]}"#, of: miner)
    }

    func keepalive(_ miner: Miner) {
        request("keepalived", #"{"id":"\#(miner.session)"}"#, of: miner)
    }

    /// Submits a share with a nonce of its own; whatever is not given is right.
    func submit(
        _ miner: Miner, difficulty: UInt64 = 1 << 40, nonce: UInt32? = nil, byte: UInt8? = nil, job: String? = nil,
        session: String? = nil, algorithm: String? = nil
    ) {
        miner.lastNonce += 1
        let number = UInt32(byte ?? miner.job?.byte ?? 0) << 24 | (nonce ?? miner.lastNonce)
        let tail = UInt64.max / difficulty
        let digits = { (number: UInt64, count: Int) in
            hex((0..<count).map { UInt8(truncatingIfNeeded: number >> UInt64($0 * 8)) })
        }
        let result = String(repeating: "5a", count: 24) + digits(tail, 8)
        let algorithm = algorithm.map { #","algo":"\#($0)""# } ?? ""
        let params =
            #"{"id":"\#(session ?? miner.session)","job_id":"\#(escaped(job ?? miner.job?.id ?? "none"))","#
            + #""nonce":"\#(digits(UInt64(number), 4))","result":"\#(result)"\#(algorithm)}"#
        request("submit", params, of: miner, isShare: session == nil && !miner.jobs.isEmpty)
    }

    func request(_ method: String, _ params: String, of miner: Miner, isShare: Bool = false) {
        miner.lastRequest += 1
        miner.owed.insert(miner.lastRequest)
        send(
            #"{"id":\#(miner.lastRequest),"jsonrpc":"2.0","method":"\#(method)","params":\#(params)}"#, from: miner,
            isShare: isShare)
    }

    /// Sends a line as it is; a paused miner's waits until the shard reads on.
    /// - Parameter isShare: it is to be settled.
    func send(_ line: String, from miner: Miner, isShare: Bool = false) {
        if miner.isPaused { return miner.waiting.append((line, isShare)) }
        if isShare { authenticated += 1 }
        for piece in pieces(of: line + "\n", miner.tls) { take(.minerBytes(miner.id), piece) }
        perform()
    }

    func leave(_ miner: Miner) {
        miner.hasLeft = true
        take(.minerClosed(miner.id))
        perform()
    }

    // MARK: - Pools

    /// The open connections to a pool, oldest first.
    func open(_ pool: Int = 0) -> [PoolPeer] { peers.filter { $0.isOpen && $0.pool == pool } }

    /// The first of them. When there is none, a closed one, and a violation: the test fails, the others go on.
    func peer(_ pool: Int = 0) -> PoolPeer {
        if let peer = open(pool).first { return peer }
        Issue.record("no open connection to pool \(pool)")
        return PoolPeer(PoolConnectionID(upstream: .max, pool: UInt8(pool), generation: 0), pool: pool)
    }

    /// Gives a new job to all connections of a pool.
    func newJob(pool: Int = 0, _ change: (inout PoolJob) -> Void = { _ in }) {
        pools[pool].job.work += 1
        pools[pool].job.id = "j\(pools[pool].job.work)"
        change(&pools[pool].job)
        for peer in open(pool) where !peer.lines.isEmpty { sendJob(to: peer) }
    }

    func sendJob(to peer: PoolPeer) {
        let job = pools[peer.pool].job
        peer.blobs[job.id] = job.blob(for: peer)
        send(#"{"jsonrpc":"2.0","method":"job","params":\#(job.json(for: peer))}"#, from: peer)
    }

    /// Answers a share that was withheld.
    func answer(_ share: Int64, of peer: PoolPeer, refusal: String? = nil) {
        peer.owed.removeAll { $0 == share }
        let error = refusal.map { #"{"code":-1,"message":"\#($0)"}"# } ?? "null"
        let result = refusal == nil ? #"{"status":"OK"}"# : "null"
        send(#"{"id":\#(share),"jsonrpc":"2.0","error":\#(error),"result":\#(result)}"#, from: peer)
    }

    func send(_ line: String, from peer: PoolPeer) {
        for piece in pieces(of: line + "\n", peer.tls) { take(.poolBytes(peer.id), piece) }
        perform()
    }

    /// The connection breaks.
    func drop(_ peer: PoolPeer) {
        peer.isOpen = false
        take(.poolClosed(peer.id), Array("connection reset".utf8))
        perform()
    }

    /// A new process cannot continue the connection.
    func loseInTakeover(_ peer: PoolPeer) {
        peer.isOpen = false
        take(.poolNotKept(peer.id), [])
        perform()
    }

    // MARK: - What the worker does

    func perform() {
        repeat {
            var outbox = Outbox()
            shard.takeOutbox(replacingWith: &outbox)
            witness?.decides(outbox, shard, at: now)
            for command in outbox.commands { perform(command, outbox.bytes) }
            let events = later
            later = []
            for event in events { event() }
        } while !shard.outbox.isEmpty || !later.isEmpty
    }

    private func perform(_ command: ShardCommand, _ bytes: [UInt8]) {
        switch command {
        case .sendToMiner(let id, let range):
            guard let miner = minerOf[id] else { return violations.append("a message to a stranger") }
            let sent = Array(bytes[range])
            deliver(miner.tls?.open(sent) ?? sent, to: &miner.framer) { hear($0, miner) }
        case .beginHandshake(let id, _):
            guard let miner = minerOf[id] else { return violations.append("a handshake with a stranger") }
            if completesHandshakes { later.append { [self] in complete(miner) } }
        case .closeMiner(let id, let reason):
            minerOf[id]?.closed = reason
            later.append { [self] in take(.minerClosed(id)) }
        case .pauseMiner(let id): minerOf[id]?.isPaused = true
        case .resumeMiner(let id):
            guard let miner = minerOf[id] else { return violations.append("a stranger is read on from") }
            miner.isPaused = false
            later.append { [self] in readOn(miner) }
        case .sendToPool(let id, let range):
            guard let peer = peerOf[id], peer.isOpen else { return violations.append("a message to a closed pool") }
            let sent = Array(bytes[range])
            deliver(peer.tls?.open(sent) ?? sent, to: &peer.framer) { hear($0, peer) }
        case .dial(let id): dial(id)
        case .hangUp(let id): peerOf[id]?.isOpen = false
        case .joined(_, let key), .moved(_, let key): keep(keys.insert(key).inserted, "a key joined twice")
        case .left(_, let key): keep(keys.remove(key) != nil, "a key left twice")
        case .released(let id, let key):
            keep(minerOf.removeValue(forKey: id) != nil, "a stranger was released")
            if let key { keep(keys.remove(key) != nil, "a key left twice") }
        case .settled(let share): settled.append(share)
        case .poolError(let text): poolErrors.append(text)
        case .notice(let one): notices.append(one)
        }
    }

    private func readOn(_ miner: Miner) {
        while !miner.isPaused, miner.isConnected, !miner.waiting.isEmpty {
            let next = miner.waiting.removeFirst()
            if next.isShare { waitedShares += 1 }
            send(next.line, from: miner, isShare: next.isShare)
        }
    }

    private func dial(_ id: PoolConnectionID) {
        let name = shard.pool(of: id).name
        // "pool7", perhaps with more behind it: the tests of redirects name hosts and ports.
        let number = name.hasPrefix("pool") ? Int(name.dropFirst(4).prefix { $0.isNumber }) ?? 0 : 0
        keep(number < pools.count, "a dial to nowhere")
        let peer = PoolPeer(id, pool: number, serial: serial)
        keep(peerOf[id] == nil, "a connection with the name of another")
        peers.append(peer)
        peerOf[id] = peer
        switch pools[number].door {
        case .open: later.append { [self] in connect(peer) }
        case .closed: later.append { [self] in take(.poolClosed(id), Array("connection refused".utf8)) }
        case .silent: break
        }
    }

    func keep(_ rule: Bool, _ text: String) {
        if !rule { violations.append(text) }
    }

    // MARK: - What peers hear

    private func hear(_ line: Span<UInt8>, _ miner: Miner) {
        let isObject: Void? = parser.parse(line) { root in
            if root["method"].equals("job") {
                miner.heard.append(.job)
                return take(root["params"], miner)
            }
            guard let id = root["id"].int64 else {
                miner.oddReplies.append(line.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) })
                if root["result"]["job"].exists {
                    miner.session = root["result"]["id"].string ?? "?"
                    take(root["result"]["job"], miner)
                }
                return
            }
            keep(miner.owed.remove(id) != nil, "a second reply, or one that nobody asked for")
            if let text = root["error"]["message"].string {
                miner.heard.append(.refused(id, text))
            } else if root["result"]["job"].exists {
                let extensions = (0..<4).compactMap { root["result"]["extensions"][$0].string }
                miner.heard.append(.loggedIn(id, extensions: extensions))
                miner.session = root["result"]["id"].string ?? "?"
                take(root["result"]["job"], miner)
            } else {
                miner.heard.append(.status(id, root["result"]["status"].string ?? "?"))
            }
        }
        keep(isObject != nil, "a line that is not JSON")
    }

    private func take(_ job: JSONValue, _ miner: Miner) {
        let blob = job["blob"].string ?? ""
        let byte = UInt8(blob.dropFirst(84).prefix(2), radix: 16) ?? 0
        let new = Miner.Job(
            id: job["job_id"].string ?? "", blob: blob, target: job["target"].string ?? "", byte: byte)
        keep(new != miner.job, "the same job twice: XMRig would drop us")
        miner.jobs.append(new)
        let worker = workerOfBlob[blob] ?? miner.number
        keep(worker == miner.number, "miners \(worker) and \(miner.number) have had the same work")
        workerOfBlob[blob] = miner.number
    }

    private func hear(_ line: Span<UInt8>, _ peer: PoolPeer) {
        let conduct = pools[peer.pool]
        let text = line.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        let isObject: Void? = parser.parse(line) { root in
            let id = root["id"].int64 ?? -1
            let params = root["params"]
            let method = root["method"].string ?? ""
            keep((method == "login") == peer.lines.isEmpty, "the first line, and only that, is a login")
            peer.lines.append(text)
            switch method {
            case "login": later.append { [self] in welcome(peer, id, conduct) }
            case "keepalived":
                peer.keepalives.append(id)
                if conduct.answersKeepalives {
                    later.append { [self] in send(#"{"id":\#(id),"result":{"status":"KEEPALIVED"}}"#, from: peer) }
                }
            case "submit":
                let share = PoolPeer.Share(
                    id: id, session: params["id"].string ?? "", jobID: params["job_id"].string ?? "",
                    nonce: params["nonce"].string ?? "", algorithm: params["algo"].string)
                judge(share, peer, conduct)
            default: violations.append("unknown method \(method)")
            }
        }
        keep(isObject != nil, "a line that is not JSON")
    }

    private func welcome(_ peer: PoolPeer, _ id: Int64, _ conduct: PoolConduct) {
        let extensions = conduct.extensions.map { "\"\($0)\"" }.joined(separator: ",")
        let start = #"{"id":\#(id),"jsonrpc":"2.0","error":null,"result":{"id":"s\#(peer.name)","#
        switch conduct.login {
        case .welcome:
            peer.blobs[conduct.job.id] = conduct.job.blob(for: peer)
            send(start + #""job":\#(conduct.job.json(for: peer)),"extensions":[\#(extensions)]}}"#, from: peer)
        case .withoutJob: send(start + #""extensions":[\#(extensions)]}}"#, from: peer)
        case .refused(let text): send(#"{"id":\#(id),"error":{"code":-1,"message":"\#(text)"}}"#, from: peer)
        case .unanswered: break
        }
    }

    private func judge(_ share: PoolPeer.Share, _ peer: PoolPeer, _ conduct: PoolConduct) {
        peer.shares.append(share)
        peer.owed.append(share.id)
        keep(share.session == "s\(peer.name)", "a share of another session")
        if let blob = peer.blobs[share.jobID] {
            keep(noncesAtPools.insert(blob + share.nonce).inserted, "a nonce twice at the pool")
        } else {
            violations.append("a job that this connection never had")
        }
        switch conduct.verdict {
        case .accept: later.append { [self] in answer(share.id, of: peer) }
        case .refuse(let text): later.append { [self] in answer(share.id, of: peer, refusal: text) }
        case .withhold: break
        }
    }
}
