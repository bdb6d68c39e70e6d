internal import StratumProtocol
internal import StratumSession

/// A shard with miners and a pool, without sockets. Bytes are processed as in the worker process.
struct Scene: ~Copyable {
    private static let minerCount = 256

    private var shard: Shard
    private let parser = JSONParser()
    private var spare = Outbox()
    private var miners: [(id: MinerID, session: [UInt8], byte: UInt8)] = []
    private var pool = PoolConnectionID(upstream: 0, pool: 0, generation: 0)
    private var now = Instant(microseconds: 1_000_000)
    private(set) var acceptedCount = 0
    private(set) var jobCount = 0

    init() {
        shard = Shard(
            policy: ShardPolicy(pools: [ShardPolicy.Pool(user: "u", password: "x")], agent: "a"), seed: 7, secretSeed: 8
        )
        for _ in 0..<Scene.minerCount {
            guard let id = shard.nextMinerID else { preconditionFailure("no room") }
            take(.minerConnected(id), Array("192.0.2.1".utf8))
            take(.minerBytes(id), Texts.login)
            miners.append((id, [], 0))
            perform()
        }
        take(.poolConnected(pool))
        perform()
        take(.poolBytes(pool), Texts.welcome(id: 1))
        perform()
        precondition(jobCount == Scene.minerCount, "not all miners have a job")
    }

    // MARK: - Measured steps

    static let all: [(name: String, measure: @Sendable () -> Measurement)] = [
        // From the miner's bytes to the pool's answer and the reply to the miner.
        ("a share through the shard", { shares(together: 1) }),
        // As on a busy loop: many answers in one chunk from the pool.
        ("a share through the shard, 64 at a time", { shares(together: 64) }),
        ("a job through the shard, for each miner", broadcast),
    ]

    private static func shares(together: Int) -> Measurement {
        var scene = Scene()
        let count = 512
        // Created before the measurement for all rounds, because no nonce may occur twice.
        let turns = (0..<(Measurement.rounds * count / together)).map { scene.turn($0, of: together) }
        var next = 0
        return Measurement(operations: count) {
            for _ in 0..<(count / together) {
                scene.play(turns[next])
                next += 1
            }
        }
    }

    /// The cost of a new job for each miner that receives it.
    private static func broadcast() -> Measurement {
        var scene = Scene()
        var number: UInt8 = 1
        return Measurement(operations: Scene.minerCount) {
            number &+= 1
            // When there are more than ten jobs a second, miners receive only the newest one.
            scene.pass(Limits.tick)
            scene.hear(Texts.job(number: number))
        }
    }

    // MARK: - Steps

    /// The messages of some miners and the answers of the pool, each a chunk.
    private struct Turn {
        let lines: [[UInt8]]
        let answers: [UInt8]
    }

    private mutating func turn(_ number: Int, of count: Int) -> Turn {
        let lines = (0..<count).map { row in
            let nonce = UInt32(number * count + row)
            return Texts.submit(id: Int64(nonce), session: miners[row].session, nonce: nonce, byte: miners[row].byte)
        }
        // The login had the first id.
        let answers = (0..<count).flatMap { Texts.accepted(id: Int64(2 + number * count + $0)) }
        return Turn(lines: lines, answers: answers)
    }

    private mutating func play(_ turn: Turn) {
        let before = acceptedCount
        for row in turn.lines.indices {
            take(.minerBytes(miners[row].id), turn.lines[row])
            perform()
        }
        hear(turn.answers)
        precondition(acceptedCount - before == turn.lines.count, "a share was not settled")
    }

    private mutating func pass(_ time: Milliseconds) { now = now + time }

    private mutating func hear(_ bytes: [UInt8]) {
        take(.poolBytes(pool), bytes)
        perform()
    }

    private mutating func take(_ input: ShardInput, _ bytes: [UInt8] = []) {
        now = now + Milliseconds(1)
        do throws(ReplayFault) {
            try shard.apply(input, bytes.span, with: parser, at: now)
        } catch {
            preconditionFailure("\(error)")
        }
    }

    /// Performs the shard's decisions as the worker process does.
    private mutating func perform() {
        shard.takeOutbox(replacingWith: &spare)
        for command in spare.commands {
            switch command {
            case .dial(let id): pool = id
            case .sendToMiner(let id, let range): read(spare.bytes[range], for: id)
            case .settled(let share):
                precondition(share.outcome == .accepted, "a share was not accepted: \(share.outcome)")
                acceptedCount += 1
            case .beginHandshake, .sendToPool, .closeMiner, .pauseMiner, .resumeMiner, .hangUp, .joined, .moved, .left,
                .released, .poolError, .notice:
                break
            }
        }
        spare.removeAll()
    }

    /// Reads the session and the nonce byte from the login reply.
    private mutating func read(_ line: ArraySlice<UInt8>, for id: MinerID) {
        let row = Int(id.index)
        guard line.count > 200 else { return }
        jobCount += 1
        guard miners[row].session.isEmpty else { return }
        let text = String(decoding: line, as: UTF8.self)
        guard let session = text.split(separator: "\"id\":\"").dropFirst().first?.prefix(16),
            let blob = text.split(separator: "\"blob\":\"").dropFirst().first,
            let byte = UInt8(blob.dropFirst(84).prefix(2), radix: 16)
        else { preconditionFailure("a login reply that cannot be read") }
        miners[row].session = Array(session.utf8)
        miners[row].byte = byte
    }
}
