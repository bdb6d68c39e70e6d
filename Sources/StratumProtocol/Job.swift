/// A pool's job, checked. `blob`, `id` and `target` are kept as the pool wrote them: miners get them back unchanged
/// but for their nonce byte and a custom target (docs/COMPATIBILITY.md, "Jobs and difficulty").
public struct Job: Equatable, Sendable {
    /// Longest hashing blob in bytes.
    public static let blobBytesMax = 407

    public var id: JobID
    /// Hexadecimal text.
    public var blob: [UInt8]
    /// Hexadecimal text of 4 or 8 bytes, little endian; of some algorithms a number (`Algorithm.hasBigEndianTarget`).
    public var target: [UInt8]
    public var difficulty: UInt64
    /// Empty when neither the pool nor its configuration names one.
    public var algorithm: AlgorithmName
    /// 0 when not given.
    public var height: UInt64
    /// Hexadecimal text; empty when not given.
    public var seedHash: [UInt8]
    /// Hexadecimal text; empty when not given.
    public var signatureKey: [UInt8]

    /// Where the nonce begins in the blob, in bytes.
    public var nonceOffset: Int { algorithm.nonceOffset }

    /// The nonce's most significant byte as the pool sent it: not 0 when the pool has reserved it for itself.
    public var nonceByte: UInt8 {
        Hex.byte(blob.span, at: (nonceOffset + 3) * 2) ?? 0
    }

    /// True when it is the same work: what a pool must not send twice.
    public func isSameWork(as other: Job) -> Bool {
        id == other.id && blob == other.blob && target == other.target
    }
}

extension Job {
    /// Reads the object `job` (or the `params` of a job notification).
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
        // Without its seed no miner can work on a RandomX job: better one pool fails than all miners drop it and us.
        guard !seedHash.isEmpty || !algorithm.needsSeed else { throw .badField("seed_hash") }
        // Only some coins know it, and miners can use no other: one that is malformed is none.
        signatureKey = (try? Job.hex(value["sig_key"], bytes: 64...64, "sig_key")) ?? []
        let shortest = algorithm.nonceOffset + 5
        guard let blob = try Job.hex(value["blob"], bytes: shortest...max(shortest, Job.blobBytesMax), "blob") else {
            throw .badField("blob")
        }
        self.blob = blob
    }

    /// The algorithm that a job names. An empty name, or one of another type, is none.
    private static func algorithm(_ value: JSONValue, assumed: AlgorithmName) throws(PeerFault) -> AlgorithmName {
        guard let name = value.withBytes({ $0.isEmpty ? assumed : AlgorithmName($0) }) else { return assumed }
        guard let name else { throw .badField("algo") }
        return name
    }

    /// A string of hexadecimal digits for so many bytes; nil when missing, null or empty.
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

    /// The difficulty that a target's text asks for; nil when there is none that could be met.
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

/// What of a job is one miner's own.
public struct JobShare: Equatable, Sendable {
    /// The most significant byte of all its nonces; nil leaves the pool's blob as it is.
    public var nonceByte: UInt8?
    /// Difficulty lower than the job's that the miner works at; nil = the job's.
    public var customDifficulty: UInt64?

    public init(nonceByte: UInt8?, customDifficulty: UInt64?) {
        self.nonceByte = nonceByte
        self.customDifficulty = customDifficulty
    }
}

/// A job as JSON, prepared once for all its miners: only the nonce byte and the target differ between them.
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

    /// Appends the object for one miner.
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
