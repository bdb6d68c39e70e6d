/// The cipher suites of TLS 1.3 that clients offer, by their registered numbers (RFC 8446, B.4).
public enum CipherSuite: UInt16, BitwiseCopyable, CaseIterable, Sendable {
    case aes128GCM = 0x1301
    case aes256GCM = 0x1302
    case chaCha20Poly1305 = 0x1303

    /// Its registered name, as OpenSSL writes it.
    public var name: String {
        switch self {
        case .aes128GCM: "TLS_AES_128_GCM_SHA256"
        case .aes256GCM: "TLS_AES_256_GCM_SHA384"
        case .chaCha20Poly1305: "TLS_CHACHA20_POLY1305_SHA256"
        }
    }

    /// Bytes of a traffic secret: those of the suite's hash.
    public var secretBytes: Int { self == .aes256GCM ? 48 : 32 }

    /// Bytes of a key.
    var keyBytes: Int { self == .aes128GCM ? 16 : 32 }

    /// How many records are sealed with one key; then a KeyUpdate is sent.
    ///
    /// AES-GCM loses its margin of safety after 2^24.5 records of full size (RFC 8446, 5.5). A third of that is a power
    /// of two, and weeks for a busy pool connection. ChaCha20-Poly1305 has no such limit: its sequence number is used
    /// up first.
    var recordsPerKeyMax: UInt64 {
        switch self {
        case .aes128GCM, .aes256GCM: 1 << 23
        case .chaCha20Poly1305: .max
        }
    }
}
