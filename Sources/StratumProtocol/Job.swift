/// A checked job of a pool. `blob`, `id` and `target` keep the pool's text: miners get them unchanged except for the
/// nonce byte and a custom target (docs/COMPATIBILITY.md, "Jobs and difficulty").
public struct Job: Equatable, Sendable {
    /// The longest blob to hash, in bytes.
    public static let blobBytesMax = 407

    public var id: JobID
    /// Hexadecimal text.
    public var blob: [UInt8]
    /// Hexadecimal text of 4 or 8 bytes, little endian; for some algorithms a number (`Algorithm.hasBigEndianTarget`).
    public var target: [UInt8]
    /// The difficulty of `target`.
    public var difficulty: UInt64
    /// Empty when neither the pool nor its configuration names one.
    public var algorithm: AlgorithmName
    /// 0 when not given.
    public var height: UInt64
    /// Hexadecimal text; empty when not given.
    public var seedHash: [UInt8]
    /// Hexadecimal text; empty when not given.
    public var signatureKey: [UInt8]

    /// The offset of the nonce in the blob, in bytes.
    public var nonceOffset: Int { algorithm.nonceOffset }

    /// The nonce's most significant byte as the pool sent it: not 0 when the pool reserves it.
    public var nonceByte: UInt8 {
        Hex.byte(blob.span, at: (nonceOffset + 3) * 2) ?? 0
    }

    /// True when both jobs are the same work, which a pool must not send twice.
    public func isSameWork(as other: Job) -> Bool {
        id == other.id && blob == other.blob && target == other.target
    }
}

extension Job {
    /// Decodes the object `job`, or the `params` of a job notification.
    /// - Parameter assumed: the algorithm of a job that names none.
    init(_ value: JSONValue, assumed: AlgorithmName) throws(PeerFault) {
        guard value.isObject else { throw .badField("job") }
        guard let id = JobID(value["job_id"]) else { throw .badField("job_id") }
        self.id = id
        algorithm = try Job.algorithm(value["algo"], assumed: assumed)
        guard let target = value["target"].withBytes({ [UInt8](copying: $0) }),
            let difficulty = Job.difficulty(target, of: algorithm)
        else { throw .badField("target") }
        self.target = target
        self.difficulty = difficulty
        height = value["height"].uint64 ?? 0
        seedHash = try Job.hex(value["seed_hash"], bytes: 32...32, "seed_hash") ?? []
        // Without the seed no miner can work on a RandomX job: one pool should fail rather than all miners.
        guard !seedHash.isEmpty || !algorithm.needsSeed else { throw .badField("seed_hash") }
        // Only some coins have a key, and miners cannot use a malformed one, so that counts as not given.
        signatureKey = (try? Job.hex(value["sig_key"], bytes: 64...64, "sig_key")) ?? []
        let shortest = algorithm.nonceOffset + 5
        guard let blob = try Job.hex(value["blob"], bytes: shortest...max(shortest, Job.blobBytesMax), "blob") else {
            throw .badField("blob")
        }
        self.blob = blob
    }

    /// The algorithm that a job names. An empty name or one of another type counts as not given.
    private static func algorithm(_ value: JSONValue, assumed: AlgorithmName) throws(PeerFault) -> AlgorithmName {
        guard let name = value.withBytes({ $0.isEmpty ? assumed : AlgorithmName($0) }) else { return assumed }
        guard let name else { throw .badField("algo") }
        return name
    }

    /// A string of hexadecimal digits for a number of bytes in `bytes`; nil when missing, null or empty.
    private static func hex(
        _ value: JSONValue, bytes: ClosedRange<Int>, _ name: String
    ) throws(PeerFault) -> [UInt8]? {
        guard value.exists, !value.isNull else { return nil }
        guard let text = value.withBytes({ [UInt8](copying: $0) }) else { throw .badField(name) }
        guard !text.isEmpty else { return nil }
        guard text.count % 2 == 0, bytes.contains(text.count / 2), Hex.isHex(text.span, count: text.count) else {
            throw .badField(name)
        }
        return text
    }

    /// The difficulty of a target; nil when the text is malformed or no hash can meet it.
    static func difficulty(_ target: [UInt8], of algorithm: AlgorithmName) -> UInt64? {
        if algorithm.hasBigEndianTarget { return Hex.number(target.span).flatMap { Difficulty.of(target64: $0) } }
        if let bytes: InlineArray<4, UInt8> = Hex.decode(target.span) {
            let number = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[$1]) << UInt32($1 * 8) }
            return Difficulty.of(target32: number)
        }
        if let bytes: InlineArray<8, UInt8> = Hex.decode(target.span) {
            let number = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << UInt64($1 * 8) }
            return Difficulty.of(target64: number)
        }
        return nil
    }
}

extension [UInt8] {
    init(copying bytes: Span<UInt8>) {
        self = bytes.withUnsafeBufferPointer { Array($0) }
    }
}

/// The parts of a job that differ between miners.
public struct JobShare: Equatable, Sendable {
    /// The most significant byte of all nonces of the miner; nil leaves the pool's blob unchanged.
    public var nonceByte: UInt8?
    /// The miner's own difficulty, lower than the job's; nil = the job's.
    public var customDifficulty: UInt64?

    public init(nonceByte: UInt8?, customDifficulty: UInt64?) {
        self.nonceByte = nonceByte
        self.customDifficulty = customDifficulty
    }
}

/// A job as JSON, prepared once for all miners: only the nonce byte and the target differ between them.
public struct JobLine: Sendable {
    private let bytes: [UInt8]
    private let nonceByteAt: Int
    private let target: Range<Int>
    private let hasBigEndianTarget: Bool

    public init(_ job: Job) {
        hasBigEndianTarget = job.algorithm.hasBigEndianTarget
        var line: [UInt8] = []
        line.append("{\"blob\":\"")
        nonceByteAt = line.count + (job.nonceOffset + 3) * 2
        line += job.blob
        line.append("\",\"job_id\":\"")
        line.append(jsonEscaped: job.id)
        line.append("\",\"target\":\"")
        target = line.count..<(line.count + job.target.count)
        line += job.target
        line.append("\"")
        if !job.algorithm.isEmpty {
            line.append(",\"algo\":\"")
            line.append(jsonEscaped: job.algorithm)
            line.append("\"")
        }
        if job.height > 0 {
            line.append(",\"height\":")
            line.append(decimal: job.height)
        }
        if !job.seedHash.isEmpty {
            line.append(",\"seed_hash\":\"")
            line += job.seedHash
            line.append("\"")
        }
        if !job.signatureKey.isEmpty {
            line.append(",\"sig_key\":\"")
            line += job.signatureKey
            line.append("\"")
        }
        line.append("}")
        bytes = line
    }

    /// Appends the job object for one miner.
    public func append(to buffer: inout [UInt8], for share: JobShare) {
        let start = buffer.count
        if let difficulty = share.customDifficulty {
            buffer.append(bytes.span.extracting(..<target.lowerBound))
            if hasBigEndianTarget {
                buffer.append(hex64: Difficulty.target64(for: difficulty))
            } else {
                buffer.append(hexLittleEndian: Difficulty.target32(for: difficulty))
            }
            buffer.append(bytes.span.extracting(target.upperBound...))
        } else {
            buffer += bytes
        }
        guard let byte = share.nonceByte else { return }
        buffer[start + nonceByteAt] = Hex.digit(of: byte >> 4)
        buffer[start + nonceByteAt + 1] = Hex.digit(of: byte)
    }
}
