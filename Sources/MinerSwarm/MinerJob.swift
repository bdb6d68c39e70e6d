internal import StratumProtocol

/// The fields of a job that a miner keeps.
struct MinerJob: Equatable, Sendable {
    var id = JobID()
    /// A share's hash must have its last eight bytes below this.
    var target: UInt64 = 0
    /// The byte set by the proxy: the highest of the nonce.
    var nonceByte: UInt8 = 0
    /// Fingerprint of the blob without its nonce byte: equal for miners that share a job.
    var work: UInt64 = 0
    /// Fingerprint of the common part of all blobs of a pool's job: versions, time, previous block.
    var broadcast: UInt64 = 0
    var algorithm = AlgorithmName()
}

/// A fault of the proxy that makes the miner disconnect.
enum ProxyFault: String, Error, Codable, CaseIterable {
    case lineTooLong = "line_too_long"
    case notJSON = "not_json"
    case badJob = "bad_job"
    case badBlob = "bad_blob"
    case badTarget = "bad_target"
    case badSeedHash = "bad_seed_hash"
    /// Only with real hashes, which support rx/0 only.
    case foreignAlgorithm = "foreign_algorithm"
    case badLogin = "bad_login"
    case unknownMessage = "unknown_message"
    case repeatedJob = "repeated_job"
}

extension MinerJob {
    static let nonceOffset = 39
    static let blobBytesMax = 407

    /// Parses a job as strictly as XMRig.
    init(_ value: JSONValue) throws(ProxyFault) {
        guard value.isObject, let id = value["job_id"].withBytes({ JobID($0) }) ?? nil, !id.isEmpty else {
            throw .badJob
        }
        self.id = id
        guard let target = value["target"].withBytes(MinerJob.target) ?? nil, target > 0 else { throw .badTarget }
        self.target = target
        algorithm = value["algo"].withBytes { AlgorithmName($0) ?? AlgorithmName() } ?? AlgorithmName()
        if algorithm.needsSeed {
            // A RandomX miner cannot start without the key.
            guard value["seed_hash"].withBytes({ Hex.isHex($0, count: 64) }) == true else { throw .badSeedHash }
        }
        guard let isRead = value["blob"].withBytes({ read(blob: $0) }), isRead else { throw .badBlob }
    }

    private static func target(_ text: Span<UInt8>) -> UInt64? {
        guard text.count == 8 || text.count == 16 else { return nil }
        var number: UInt64 = 0
        for index in 0..<text.count / 2 {
            guard let byte = Hex.byte(text, at: index * 2) else { return nil }
            number |= UInt64(byte) << UInt64(index * 8)
        }
        guard text.count == 8, number > 0 else { return number }
        return UInt64.max / (UInt64(UInt32.max) / number)
    }

    /// Sets the fingerprints and the nonce byte; false for an invalid blob.
    private mutating func read(blob text: Span<UInt8>) -> Bool {
        let digits = Self.nonceOffset * 2
        guard text.count.isMultiple(of: 2), text.count > digits + 8, text.count <= Self.blobBytesMax * 2 else {
            return false
        }
        guard let byte = Hex.byte(text, at: digits + 6) else { return false }
        nonceByte = byte
        var print = Fingerprint()
        print.add(text.extracting(0..<digits))
        broadcast = print.value
        print.add(text.extracting(digits..<digits + 6))
        print.add(text.extracting((digits + 8)...))
        work = print.value
        return true
    }
}

/// A 64-bit hash of bytes, eight at a time: fast, and sufficient to distinguish jobs.
struct Fingerprint {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ bytes: Span<UInt8>) {
        var hash = value
        bytes.withUnsafeBytes { raw in
            var offset = 0
            while offset + 8 <= raw.count {
                hash = Self.mix(hash ^ raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
                offset += 8
            }
            var rest = UInt64(raw.count - offset) << 56
            while offset < raw.count {
                rest = rest << 8 | UInt64(raw[offset])
                offset += 1
            }
            hash = Self.mix(hash ^ rest)
        }
        value = hash
    }

    private static func mix(_ word: UInt64) -> UInt64 {
        let (high, low) = word.multipliedFullWidth(by: 0x9fb2_1c65_1e98_df25)
        return high ^ low
    }
}
