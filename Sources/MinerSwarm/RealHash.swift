internal import EventLoop
internal import RandomX
internal import StratumProtocol

/// The fields of a job needed to compute hashes; made-up hashes do not need them.
struct HashingWork: Sendable {
    /// The block header, with the nonce from the proxy.
    private(set) var blob: [UInt8] = []
    /// The RandomX key, named `seed_hash` on the wire.
    private(set) var seed: [UInt8] = []

    /// Parses a line with a job that `MinerJob` has accepted.
    init(_ root: JSONValue) throws(ProxyFault) {
        let job = root["params"].exists ? root["params"] : root["result"]["job"]
        let algorithm = job["algo"]
        guard !algorithm.exists || algorithm.equals("rx/0") else { throw .foreignAlgorithm }
        guard let blob = job["blob"].withBytes(Self.bytes) ?? nil, blob.count > MinerJob.nonceOffset + 4 else {
            throw .badBlob
        }
        guard let seed = job["seed_hash"].withBytes(Self.bytes) ?? nil, seed.count == 32 else { throw .badSeedHash }
        self.blob = blob
        self.seed = seed
    }

    private static func bytes(_ text: Span<UInt8>) -> [UInt8]? {
        guard text.count.isMultiple(of: 2), text.count <= MinerJob.blobBytesMax * 2 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 2)
        for position in stride(from: 0, to: text.count, by: 2) {
            guard let byte = Hex.byte(text, at: position) else { return nil }
            bytes.append(byte)
        }
        return bytes
    }
}

/// A nonce to try.
struct HashAttempt: Sendable {
    let holder: ConnectionID
    /// The part that the miner worked on; it can have another one when the hash is ready.
    let part: NonceWatch.Part
    let work: HashingWork
    let nonce: UInt32

    func run(on machine: inout RandomXMachine) -> HashedNonce {
        var blob = work.blob
        for index in 0..<4 {
            blob[MinerJob.nonceOffset + index] = UInt8(truncatingIfNeeded: nonce >> UInt32(index * 8))
        }
        return HashedNonce(nonce: nonce, hash: machine.hash(blob.span, key: work.seed))
    }
}

/// A nonce and the real hash of a job's blob with it.
struct HashedNonce: Sendable {
    let nonce: UInt32
    let hash: InlineArray<32, UInt8>

    func meets(_ job: MinerJob) -> Bool {
        Difficulty.tail(of: hash) < job.target
    }
}

/// Searches shares like real miners, one hash at a time per miner, in threads of their own.
///
/// A miner occupies a place from its first nonce until its share is found. After each nonce it goes to the end of the
/// queue, so that it sees a new job after one round.
final class ShareSearch {
    /// Miners that search at the same time: at 50 hashes a second, a round takes little more than a second.
    static let searchingMax = 64

    private var threads: HashingThreads<HashAttempt, (HashAttempt, HashedNonce)>?
    private var searching = 0

    /// - Parameter computed: called with the hash of an attempt; its miner no longer occupies a place.
    init(
        on loop: Loop, threads: Int, computed: @escaping (HashAttempt, HashedNonce) -> Void
    ) throws(SystemFailure) {
        self.threads = try HashingThreads(
            on: loop, threads: threads, waitingMax: Self.searchingMax,
            compute: { attempt, machine in (attempt, attempt.run(on: &machine)) },
            answered: { [unowned self] attempt, hashed in
                searching -= 1
                computed(attempt, hashed)
            })
    }

    /// Queues a nonce of a miner; false when the maximum number of miners search.
    func begin(_ attempt: HashAttempt) -> Bool {
        guard searching < Self.searchingMax, let threads, threads.ask(attempt) else { return false }
        searching += 1
        return true
    }

    func close() {
        threads?.close()
    }
}
