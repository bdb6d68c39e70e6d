/// The TLS handshakes of miners that a shard's process has done since it started.
public struct HandshakeCounts: Equatable, Sendable {
    public enum Result: Int, CaseIterable, Sendable {
        /// TLS 1.3: such a connection outlives its process.
        case tls13
        /// TLS 1.2 or lower.
        case older
        /// The two sides have nothing in common, or the peer has broken the protocol or refused the certificate.
        case failed
        /// There is no certificate.
        case unusable
        /// Too many handshakes at once.
        case crowded

        /// The label of a metric.
        public var name: String {
            switch self {
            case .tls13: "tls13"
            case .older: "older"
            case .failed: "failed"
            case .unusable: "no_certificate"
            case .crowded: "too_many"
            }
        }
    }

    private var counts = [UInt64](repeating: 0, count: Result.allCases.count)
    /// The processor time of all of them.
    public var nanoseconds: UInt64 = 0

    public init() {}

    public subscript(result: Result) -> UInt64 { counts[result.rawValue] }

    public mutating func count(_ result: Result) { counts[result.rawValue] &+= 1 }

    fileprivate func encode(to writer: inout ByteWriter) {
        for count in counts { writer.integer(count) }
        writer.integer(nanoseconds)
    }

    fileprivate init(from reader: inout ByteReader, results: Int) throws(DecodingFailure) {
        for index in 0..<results {
            let count = try reader.integer(UInt64.self)
            if index < counts.count { counts[index] = count }
        }
        nanoseconds = try reader.integer()
    }
}

/// The TLS of a shard.
public struct TLSFigures: Equatable, Sendable {
    public var handshakes = HandshakeCounts()
    /// Connections of miners with TLS 1.3, which outlive the process.
    public var kept: UInt32 = 0
    /// Connections of miners with an older TLS, which end with the process.
    public var notKept: UInt32 = 0
    /// When the certificate for miners expires, in seconds since 1970; 0 = there is none.
    public var certificateExpires: Int64 = 0
    /// The SHA-256 of the certificate in hexadecimal, as `tls-fingerprint` takes it; empty = there is none.
    public var certificateFingerprint = ""

    static let fingerprintBytesMax = 64

    public init() {}
}

// MARK: - Coding

extension TLSFigures {
    static let resultCount = HandshakeCounts.Result.allCases.count
    /// With the longest fingerprint.
    static let byteCount = resultCount * 8 + 8 + 4 + 4 + 8 + 2 + fingerprintBytesMax

    func encode(to writer: inout ByteWriter) {
        handshakes.encode(to: &writer)
        writer.integer(kept)
        writer.integer(notKept)
        writer.integer(certificateExpires)
        writer.text(certificateFingerprint, bytesMax: TLSFigures.fingerprintBytesMax)
    }

    /// - Parameter results: the number of counters of handshakes. A newer program sends more than this one knows, an
    ///   older one fewer.
    init(from reader: inout ByteReader, results: Int = resultCount) throws(DecodingFailure) {
        handshakes = try HandshakeCounts(from: &reader, results: results)
        kept = try reader.integer()
        notKept = try reader.integer()
        certificateExpires = try reader.integer()
        certificateFingerprint = try reader.text(bytesMax: TLSFigures.fingerprintBytesMax)
    }
}
