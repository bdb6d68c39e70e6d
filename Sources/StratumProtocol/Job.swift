/// A pool's job, checked. `blob`, `id` and `target` are kept as the pool wrote them: miners get them back unchanged
/// but for their nonce byte and a custom target (behaviour.md §3).
public struct Job: Equatable, Sendable {
    /// Longest hashing blob in bytes.
    public static let blobBytesMax = 407

    public var id: JobID
    /// Hexadecimal text.
    public var blob: [UInt8]
    /// Hexadecimal text of 4 or 8 bytes, little endian.
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
    public var nonceOffset: Int { Job.nonceOffset(of: algorithm) }

    /// The nonce's most significant byte as the pool sent it: not 0 when the pool has reserved it for itself.
    public var nonceByte: UInt8 {
        Hex.byte(blob.span, at: (nonceOffset + 3) * 2) ?? 0
    }

    /// True when it is the same work: what a pool must not send twice.
    public func isSameWork(as other: Job) -> Bool {
        id == other.id && blob == other.blob && target == other.target
    }

    static func nonceOffset(of algorithm: AlgorithmName) -> Int {
        switch algorithm.text {
        case "ghostrider": 76
        case "kawpow": 32
        case "rx/yada": 147
        default: 39
        }
    }
}

extension Job {
    /// Reads the object `job` (or the `params` of a job notification).
    /// - Parameter assumed: the algorithm of a job that names none.
    init(_ value: JSONValue, assumed: AlgorithmName) throws(PeerFault) {
        guard value.isObject else { throw .badField("job") }
        guard let id = value["job_id"].withBytes({ Job.plain($0) ? JobID($0) : nil }) ?? nil, !id.isEmpty else {
            throw .badField("job_id")
        }
        guard let target = value["target"].withBytes({ [UInt8](copying: $0) }), let difficulty = Job.difficulty(target)
        else { throw .badField("target") }
        self.id = id
        self.target = target
        self.difficulty = difficulty
        height = value["height"].uint64 ?? 0
        algorithm = assumed
        let name = value["algo"]
        if name.exists, !name.isNull {
            guard let given = name.withBytes({ Job.plain($0) ? AlgorithmName($0) : nil }) ?? nil else {
                throw .badField("algo")
            }
            if !given.isEmpty { algorithm = given }
        }
        seedHash = try Job.hex(value["seed_hash"], bytes: 32...32, "seed_hash") ?? []
        // Without its seed no miner can work on a RandomX job: better one pool fails than all miners drop it and us.
        guard !seedHash.isEmpty || !algorithm.text.hasPrefix("rx/") else { throw .badField("seed_hash") }
        signatureKey = try Job.hex(value["sig_key"], bytes: 1...64, "sig_key") ?? []
        let shortest = Job.nonceOffset(of: algorithm) + 5
        guard let blob = try Job.hex(value["blob"], bytes: shortest...max(shortest, Job.blobBytesMax), "blob") else {
            throw .badField("blob")
        }
        self.blob = blob
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

    static func difficulty(_ target: [UInt8]) -> UInt64? {
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

    /// Visible ASCII without the two characters that JSON escapes: such text goes out as it came in.
    private static func plain(_ text: Span<UInt8>) -> Bool {
        for position in text.indices where !isPlain(text[position]) { return false }
        return true
    }

    /// Whether an id goes out as it came in.
    public static func plain(_ id: JobID) -> Bool { (0..<id.count).allSatisfy { isPlain(id[$0]) } }

    private static func isPlain(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7f && byte != 0x22 && byte != 0x5c
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

    public init(_ job: Job) {
        var line: [UInt8] = []
        line.append("{\"blob\":\"")
        nonceByteAt = line.count + (job.nonceOffset + 3) * 2
        line += job.blob
        line.append("\",\"job_id\":\"")
        job.id.append(to: &line)
        line.append("\",\"target\":\"")
        target = line.count..<(line.count + job.target.count)
        line += job.target
        line.append("\"")
        if !job.algorithm.isEmpty {
            line.append(",\"algo\":\"")
            // May be the operator's word, which nobody has checked for quotes.
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
            buffer.append(hexLittleEndian: Difficulty.target32(for: difficulty))
            buffer.append(bytes.span.extracting(target.upperBound...))
        } else {
            buffer += bytes
        }
        guard let byte = share.nonceByte else { return }
        buffer[start + nonceByteAt] = Hex.digit(of: byte >> 4)
        buffer[start + nonceByteAt + 1] = Hex.digit(of: byte)
    }
}
