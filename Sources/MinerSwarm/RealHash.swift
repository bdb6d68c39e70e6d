internal import EventLoop
internal import RandomX
internal import StratumProtocol

/// What a miner must know of its job to compute hashes; made-up ones do without.
struct HashingWork: Sendable {
    /// The block header, with the nonce that the proxy left in it.
    private(set) var blob: [UInt8] = []
    /// The RandomX key, called `seed_hash` on the wire.
    private(set) var seed: [UInt8] = []

    /// Reads it out of a line that brought a job which `MinerJob` found good.
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

/// One nonce to be tried.
struct HashAttempt: Sendable {
    let holder: ConnectionID
    /// What the miner worked on; it may have something else by the time that the hash is there.
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

/// A nonce, and the true hash of a job's blob with it.
struct HashedNonce: Sendable {
    let nonce: UInt32
    let hash: InlineArray<32, UInt8>

    func meets(_ job: MinerJob) -> Bool {
        Difficulty.tail(of: hash) < job.target
    }
}

/// Searches shares as a miner does, a hash at a time for each miner, on threads beside the loop.
///
/// A miner holds one place from its first nonce until its share is found; between two nonces it goes to the end of the
/// queue, so that a new job is noticed after one round.
final class ShareSearch {
    /// Miners that search at the same time: at 50 hashes a second, their round takes little more than a second.
    static let searchingMax = 64

    private var threads: HashingThreads<HashAttempt, (HashAttempt, HashedNonce)>?
    private var searching = 0

    /// - Parameter computed: an attempt's hash is there; its miner no longer holds a place.
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

    /// Queues one nonce of a miner; false when as many miners search as may.
    func begin(_ attempt: HashAttempt) -> Bool {
        guard searching < Self.searchingMax, let threads, threads.ask(attempt) else { return false }
        searching += 1
        return true
    }

    func close() {
        threads?.close()
    }
}
