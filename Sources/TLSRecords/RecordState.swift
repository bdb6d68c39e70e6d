/// The record layer of one TLS 1.3 connection after its handshake (RFC 8446, 4.6, 5, 6 and 7), without its cipher: flat
/// memory of fixed size, part of a shard's state.
///
/// OpenSSL does the handshake. Then this state is made of its traffic secrets, and everything that follows is a function
/// of it: the same ciphertext gives the same content, the same content gives the same ciphertext. There is no randomness
/// in a TLS 1.3 record; its nonce is its number. So records are decided again in a replay like everything else
/// (docs/decisions/0006), and the ciphertext that a successor makes continues at the byte where the kernel stopped.
///
/// **One nonce, one plaintext.** A record number must never seal two different contents under one key: that would give
/// away AES-GCM's key for tags, and the xor of both contents. A replay makes the same records as long as it decides the
/// same. To know it, not to believe it, each connection has a `mark`: a digest of all records that it has sealed.
///
/// 1. Content is sealed where it is decided, one message at a time, never what a write happened to gather.
/// 2. Before bytes are given to the kernel, the connection's `mark` is stored in memory that outlives the process, by one
///    store. What was sealed behind the stored mark was never written, and no peer has seen its nonces.
/// 3. A successor compares the marks of its replay with the stored one, after each input. When none is equal, its replay
///    has gone another way: it wipes the state and closes the connection without a byte. It sends nothing on any
///    connection before that, and before its own snapshot is written.
/// 4. One process seals. One that freezes wipes its states and its `RecordCipher`; sealing is refused from then on.
/// 5. Another program's log is never replayed. The handshake is not replayed at all: what it gave is one input.
///
/// A pause between the two halves is possible: reading and sealing share nothing but the owed KeyUpdate.
public struct RecordState: BitwiseCopyable, Sendable {
    /// Which side of the connection this process is.
    public enum Role: UInt8, BitwiseCopyable, Sendable {
        /// Towards a pool.
        case client = 0
        /// Towards a miner.
        case server = 1
    }

    /// Records in a row that carry no application data: empty ones, and KeyUpdates. As in BoringSSL and rustls; more of
    /// them keep a processor busy for nothing.
    public static let emptyRecordsMax = 32

    public let suite: CipherSuite
    public let role: Role
    var reading: TrafficKeys
    var writing: TrafficKeys
    var handshake = HandshakeReader()
    var emptyRecords: UInt8 = 0
    /// The peer has ended its side, or broken the protocol: what still comes is ignored (RFC 8446, 6.1).
    public internal(set) var isReadClosed = false
    /// An alert was sealed: nothing may follow it.
    public internal(set) var isWriteClosed = false
    /// The peer has requested a KeyUpdate: it comes before the next application data (RFC 8446, 4.6.3).
    var owesKeyUpdate = false
    /// A digest of all records that were sealed, in their order; 0 = none. Equal marks mean equal ciphertext from the first
    /// byte on, but for a chance of 2^-64.
    public internal(set) var mark: UInt64 = 0

    /// Begins behind a handshake.
    /// - Parameters:
    ///   - clientSecret: client_application_traffic_secret_0, or what KeyUpdates have made of it.
    ///   - readSequence: the number of the first record that is still to be opened.
    ///   - writeSequence: how many records were sealed with the write key already; tickets count.
    /// - Returns: nil when a secret is not as long as the suite's hash.
    public init?(
        _ suite: CipherSuite, as role: Role, clientSecret: Span<UInt8>, serverSecret: Span<UInt8>,
        readSequence: UInt64 = 0, writeSequence: UInt64 = 0
    ) {
        guard clientSecret.count == suite.secretBytes, serverSecret.count == suite.secretBytes else { return nil }
        self.suite = suite
        self.role = role
        let client = TrafficKeys(
            suite, secret: clientSecret, sequence: role == .client ? writeSequence : readSequence)
        let server = TrafficKeys(
            suite, secret: serverSecret, sequence: role == .server ? writeSequence : readSequence)
        (reading, writing) = role == .server ? (client, server) : (server, client)
    }
}

/// A printed state names no secret.
extension RecordState: CustomStringConvertible, CustomReflectable {
    public var description: String { "\(suite.name), \(role)" }
    public var customMirror: Mirror { Mirror(self, children: [:]) }
}
