internal import StratumProtocol

/// The bytes that a miner hashes: a Monero block header in the form for `rx/0`.
///
/// | offset | bytes | content |
/// |---|---|---|
/// | 0 | 2 | major and minor version |
/// | 2 | 5 | timestamp (varint) |
/// | 7 | 32 | hash of the previous block |
/// | 39 | 4 | nonce, little-endian; its last byte is the one that proxies assign |
/// | 43 | 32 | transaction root; here its last 4 bytes are the client's number |
/// | 75 | 1 | number of transactions |
typealias HashingBlob = InlineArray<76, UInt8>

/// A job of the pool. Every client gets its own blob, so that no two clients do the same work.
struct PracticeJob: Sendable {
    static let nonceOffset = 39
    static let nonceByteOffset = 42
    private static let clientOffset = 71

    /// Incremented with each job; the first is 1.
    let number: UInt32
    let height: UInt64
    private let common: HashingBlob

    init(number: UInt32, height: UInt64, using generator: inout some RandomNumberGenerator) {
        self.number = number
        self.height = height
        var blob = HashingBlob { _ in UInt8.random(in: 0...255, using: &generator) }
        blob[0] = 16
        blob[1] = 16
        for offset in 2..<6 { blob[offset] |= 0x80 }
        blob[6] = 0x06
        for offset in Self.nonceOffset..<Self.nonceOffset + 4 { blob[offset] = 0 }
        blob[75] = 1 + blob[75] % 100
        common = blob
    }

    /// The blob for one client.
    /// - Parameter nonceByte: the reserved byte; 0 leaves the whole nonce to the client.
    func blob(client: UInt32, nonceByte: UInt8) -> HashingBlob {
        var blob = common
        blob[Self.nonceByteOffset] = nonceByte
        for index in 0..<4 { blob[Self.clientOffset + index] = UInt8(truncatingIfNeeded: client >> UInt32(index * 8)) }
        return blob
    }

    /// Appends the job as the JSON object in logins and notifications.
    func append(
        to line: inout [UInt8], client: UInt32, nonceByte: UInt8, target: ShareTarget, algorithm: String
    ) {
        line.append("{\"blob\":\"")
        line.append(hex: blob(client: client, nonceByte: nonceByte).span)
        line.append("\",\"job_id\":\"")
        JobName(job: number, client: client).append(to: &line)
        line.append("\",\"target\":\"")
        line.append(contentsOf: target.text)
        line.append("\",\"algo\":\"")
        line.append(jsonEscaped: algorithm)
        line.append("\",\"height\":")
        line.append(decimal: height)
        line.append(",\"seed_hash\":\"")
        line.append(hex: PracticeJob.seed.span)
        line.append("\"}")
    }

    /// The RandomX key. Constant, because a new key would stop verification for a second while the cache is computed.
    static let seed = [UInt8](repeating: 0x4d, count: 32)
}

/// The `job_id` on the wire: sixteen digits with the numbers of the job and the client. It distinguishes a share for
/// another client's job from one with an invented id.
struct JobName: Equatable, Sendable {
    let job: UInt32
    let client: UInt32

    init(job: UInt32, client: UInt32) {
        self.job = job
        self.client = client
    }

    /// nil when the text is not a job id of this pool.
    init?(_ text: Span<UInt8>) {
        guard let bytes: InlineArray<8, UInt8> = Hex.decode(text) else { return nil }
        var number: UInt64 = 0
        for index in 0..<8 { number = number << 8 | UInt64(bytes[index]) }
        job = UInt32(truncatingIfNeeded: number >> 32)
        client = UInt32(truncatingIfNeeded: number)
    }

    func append(to line: inout [UInt8]) {
        line.append(hex64: UInt64(job) << 32 | UInt64(client))
    }
}

/// The current job and the previous ones for which shares are still accepted.
struct JobHistory: Sendable {
    /// Shares are in flight while a new block arrives; pools remember three or four jobs.
    static let rememberedMax = 4

    private var jobs: [PracticeJob] = []
    private(set) var made: UInt32 = 0

    var current: PracticeJob? { jobs.last }

    /// The number of the oldest job for which shares are accepted; 0 without a job.
    var oldest: UInt32 { jobs.first?.number ?? 0 }

    subscript(number: UInt32) -> PracticeJob? {
        guard let first = jobs.first, number >= first.number else { return nil }
        let index = Int(number - first.number)
        return index < jobs.count ? jobs[index] : nil
    }

    mutating func makeJob(using generator: inout some RandomNumberGenerator) {
        made += 1
        jobs.append(PracticeJob(number: made, height: 3_000_000 + UInt64(made), using: &generator))
        if jobs.count > Self.rememberedMax { jobs.removeFirst() }
    }
}
