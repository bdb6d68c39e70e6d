/// The record layer of one TLS 1.3 connection after its handshake (RFC 8446, 4.6, 5, 6 and 7): flat memory of fixed
/// size, part of a shard's state. What it needs to compute with, and shares with all connections, is `RecordCipher`.
///
/// OpenSSL does the handshake. Then this state is made of its traffic secrets, and all that follows is a function of
/// it: the same ciphertext gives the same content, and the same content gives the same ciphertext. A TLS 1.3 record
/// contains no random number; its nonce is its number. So records are decided again in a replay like everything else
/// (docs/decisions/0006), and a successor continues at the byte where the kernel stopped.
///
/// **One nonce, one content.** A number must never seal two contents under one key: that gives away the key of the tags
/// of AES-GCM, and the xor of both contents. A replay seals the same contents as long as it decides the same. The
/// `mark` of a connection proves that it did: it is a digest of all records that were sealed. The rules, whose reasons
/// are in docs/decisions/0018-tls-records.md:
///
/// 1. A message is sealed where it is decided, never what a write happened to gather.
/// 2. Before bytes go to the kernel, and before a snapshot is published, the connection's `mark` is stored in memory
///    that outlives the process, by one store. A record that the stored mark does not cover was never written.
/// 3. A successor compares the stored mark with that of its snapshot, and with its own after each input of the replay.
///    One of them is equal, or the replay went another way: then it wipes the state and closes that connection without
///    another byte. It writes nothing before the replay is complete and its own snapshot is published.
/// 4. One process seals. A process that freezes wipes its states and its `RecordCipher`.
/// 5. The log of another program is not replayed. The handshake is not replayed either: its result is one input.
///
/// Use: `RecordFramer.feed` cuts what was read into records, `open` opens each of them, `seal` appends to an output.
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
    /// A digest of all records that were sealed, in their order; 0 = none. Equal marks mean equal ciphertext from the
    /// first byte on, with an error probability of 2^-64.
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
