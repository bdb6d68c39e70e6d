internal import StratumProtocol
internal import StratumSession
internal import Telemetry

/// Single operations with the data they need.
enum Steps {
    private static let count = 1_000
    static let all: [(name: String, measure: @Sendable () -> Measurement)] = [
        ("the machine itself", yardstick),
        ("frame a line", framing), ("read a share", minerRequest), ("read a pool's answer", poolAnswer),
        ("write a job", jobLine), ("log an input", inputLog), ("record and frame an event", shareEvent),
        ("fold an event", foldedShare),
    ]

    private static let epoch = Epoch(high: 1, low: 2)

    /// A reference that uses no code of Millrace: a chain of 1,000 dependent loads and multiplications. It makes times
    /// of different machines and moments comparable.
    private static func yardstick() -> Measurement {
        var table = (0..<UInt32(4_096)).map { $0 &* 2_654_435_761 }
        var state: UInt32 = 1
        return Measurement(operations: 10) {
            for _ in 0..<10_000 {
                let index = Int(state & 4_095)
                state = state &* 1_664_525 &+ table[index]
                table[index] = state
            }
            precondition(table.count == 4_096)
        }
    }

    /// A line of a miner, split off a received chunk.
    private static func framing() -> Measurement {
        let line = Texts.submit(id: 7, session: Array("0000000000000000".utf8), nonce: 1, byte: 9)
        let chunk = [[UInt8]](repeating: line, count: 100).flatMap(\.self)
        var framer = LineFramer(lineBytesMax: LineFramer.minerLineBytesMax)
        var bytes = 0
        return Measurement(operations: count) {
            for _ in 0..<(count / 100) {
                do throws(PeerFault) {
                    try framer.feed(chunk.span) { line in
                        bytes &+= line.count
                        return true
                    }
                } catch {
                    preconditionFailure("\(error)")
                }
            }
        }
    }

    private static func minerRequest() -> Measurement {
        let line = Texts.submit(id: 7, session: Array("0000000000000000".utf8), nonce: 1, byte: 9).dropLast() + []
        let parser = JSONParser()
        return Measurement(operations: count) {
            for _ in 0..<count {
                guard case .submit? = try? parser.minerRequest(line.span) else { preconditionFailure("no share") }
            }
        }
    }

    private static func poolAnswer() -> Measurement {
        let line = Array(Texts.accepted(id: 4_711).dropLast())
        let parser = JSONParser()
        return Measurement(operations: count) {
            for _ in 0..<count {
                guard case .accepted? = try? parser.poolMessage(line.span, loginID: nil, assumed: AlgorithmName())
                else { preconditionFailure("no answer") }
            }
        }
    }

    /// The cost of a new job per miner.
    private static func jobLine() -> Measurement {
        let line = Array(Texts.job(number: 1).dropLast())
        guard case .job(let job)? = try? JSONParser().poolMessage(line.span, loginID: nil, assumed: AlgorithmName())
        else { preconditionFailure("no job") }
        let prepared = JobLine(job)
        var buffer: [UInt8] = []
        return Measurement(operations: count) {
            for number in 0..<count {
                buffer.removeAll(keepingCapacity: true)
                let share = JobShare(nonceByte: UInt8(truncatingIfNeeded: number), customDifficulty: nil)
                MinerReply.job(prepared, for: share, to: &buffer)
            }
        }
    }

    /// A chunk that is written to the input log.
    private static func inputLog() -> Measurement {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: count * 320, alignment: 64)
        defer { memory.deallocate() }
        let bytes = Texts.submit(id: 7, session: Array("0000000000000000".utf8), nonce: 1, byte: 9)
        return Measurement(operations: count) {
            guard var log = InputLog(emptying: memory, rules: 1) else { preconditionFailure("no memory") }
            for number in 0..<count {
                let input = ShardInput.minerBytes(MinerID(index: UInt32(number), generation: 0))
                let isLogged = bytes.withUnsafeBytes { log.append(input, $0, at: Instant(microseconds: 1)) }
                precondition(isLogged, "the log is full")
            }
        }
    }

    /// Recorded, published in batches of fifty, acknowledged.
    private static func shareEvent() -> Measurement {
        var log = EventLog(shard: 0, epoch: epoch)
        var frame: [UInt8] = []
        return Measurement(operations: count) {
            for number in 0..<count {
                log.append(share(of: number % 1_000))
                guard number % 50 == 49 else { continue }
                while log.takeUnsent(into: &frame) {}
                log.acknowledge(Acknowledgement(shard: 0, epoch: log.epoch, before: log.next))
            }
        }
    }

    /// Folds an event of a known miner, as the collector does.
    private static func foldedShare() -> Measurement {
        var statistics = Statistics(startedAt: 0, shardCount: 1)
        let joined = (0..<1_000).map { number in
            ShardEvent.joined(
                MinerJoined(
                    key: UInt64(number), worker: "worker\(number)", ip: "192.0.2.1", agent: "XMRig", user: "wallet",
                    rigID: "", shard: 0))
        }
        let moment = Statistics.Moment(time: 1_000, monotonic: 1_000)
        statistics.hear([.epochBegan(epoch), .events(epoch, joined[...])], from: 0, at: moment)
        let shares = (0..<50).map { ShardEvent.share(share(of: $0)) }
        return Measurement(operations: count) {
            for _ in 0..<(count / 50) { statistics.hear([.events(epoch, shares[...])], from: 0, at: moment) }
        }
    }

    private static func share(of miner: Int) -> ShareSettled {
        ShareSettled(
            miner: UInt64(miner), time: 1_000, outcome: .accepted, difficulty: 1_000, creditedDifficulty: 1_000,
            actualDifficulty: 1_234, latencyMicroseconds: 60)
    }
}
