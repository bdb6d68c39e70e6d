/// What one peer or one file may make this target hold.
enum Limits {
    /// Bytes that a handshake takes from its peer. A client needs less than 2 KiB; a server with a long certificate
    /// chain sends about 10 KiB.
    static let handshakeBytesMax = 64 * 1024

    /// The header of a record: type, version (2), length (2).
    static let recordHeaderBytes = 5
    /// Longest body of a record in any version (RFC 5246, 6.2.3). OpenSSL knows the limits of each version.
    static let recordBodyBytesMax = 16 * 1024 + 2048

    /// Ciphertext of a stream that OpenSSL gets at once. The memory BIO keeps the memory of its largest content.
    static let streamPieceBytes = 4 * 1024
    /// Most plaintext in one record, hence most that one read returns.
    static let plaintextBytesMax = 16 * 1024

    /// A certificate file with a long chain has 20 KiB.
    static let fileBytesMax = 1024 * 1024

    /// Secrets have the length of the suite's hash; SHA-384 is the longest.
    static let secretBytesMax = 48
}
