public import StratumProtocol
public import TLSRecords

/// How the bytes of a connection are protected.
enum Transport {
    case plain
    /// A TLS handshake is done outside of the shard, which sees none of its bytes. Also a connection that a successor
    /// must not continue: it ends with its process.
    case handshake
    /// TLS 1.3: the shard opens and seals the records.
    case records(RecordLayer)
    /// An older TLS, whose records are opened and sealed outside of the shard. The connection ends with its process.
    case outside(TLSDescription)

    var isPlain: Bool {
        if case .plain = self { true } else { false }
    }

    /// Bytes of an unfinished record.
    var heldBytes: Int {
        if case .records(let layer) = self { layer.framer.partialCount } else { 0 }
    }
}

/// The TLS 1.3 records of one connection. A class, so that a connection without TLS pays for a reference only, and so
/// that the keys are wiped with the connection.
final class RecordLayer {
    var state: RecordState
    var framer = RecordFramer()

    init(_ state: RecordState) { self.state = state }

    deinit { state.wipe() }

    /// Nothing is appended when this side was closed, or has used all numbers: the connection then times out.
    func seal(_ content: Span<UInt8>, into output: inout [UInt8], with cipher: RecordCipher) {
        _ = try? state.seal(content, into: &output, with: cipher)
    }
}

/// The TLS of a connection, in the words of OpenSSL.
public struct TLSDescription: Equatable, Sendable {
    /// "TLSv1.3"
    public var version: String
    /// "TLS_AES_128_GCM_SHA256"
    public var cipher: String

    public init(version: String, cipher: String) {
        self.version = version
        self.cipher = cipher
    }

    /// Longer than all registered names.
    fileprivate static let textBytesMax = 128
}

/// What the handshakes of a connection have given, before its first message: the payload of `ShardInput.minerSecured`
/// and `poolConnected`. Contains secrets.
public struct HandshakeResult {
    public enum Records {
        /// Plain TCP, through a proxy that has connected to the pool.
        case none
        /// TLS 1.3: the shard continues with this state.
        case state(RecordState)
        /// The worker opens and seals the records.
        case outside(TLSDescription)
    }

    public var records: Records
    /// All bytes received and sent on the connection until now, without `unread`.
    public var traffic: Traffic
    /// What the peer has sent behind the handshake, as read.
    public var unread: [UInt8]

    public init(_ records: Records, traffic: Traffic, unread: [UInt8] = []) {
        self.records = records
        self.traffic = traffic
        self.unread = unread
    }

    /// The length of its written form in bytes, except for `unread`, is smaller than this.
    public static let headBytesMax = 1_024

    public func encode(to writer: inout BinaryWriter) {
        transport.encode(to: &writer)
        writer.integer(traffic.received)
        writer.integer(traffic.sent)
        writer.bytes(unread)
    }

    var transport: Transport {
        switch records {
        case .none: .plain
        case .state(let state): .records(RecordLayer(state))
        case .outside(let description): .outside(description)
        }
    }

    init(decoding bytes: UnsafeRawBufferPointer, as role: RecordState.Role) throws(DecodingFault) {
        var reader = BinaryReader(bytes)
        switch try Transport(decoding: &reader, as: role) {
        case .records(let layer): records = .state(layer.state)
        case .outside(let description): records = .outside(description)
        case .plain where role == .client: records = .none
        case .plain, .handshake: throw .badField("handshake.records")
        }
        traffic = Traffic(received: try reader.integer(), sent: try reader.integer())
        unread = Array(try reader.bytes(max: .max, "handshake.unread"))
    }
}

// MARK: - Coding

extension Transport {
    func encode(to writer: inout BinaryWriter) {
        switch self {
        case .plain: writer.integer(UInt8(0))
        case .handshake: writer.integer(UInt8(1))
        case .records(let layer):
            writer.integer(UInt8(2))
            layer.state.encode(into: &writer)
            layer.framer.encode(into: &writer)
        case .outside(let description):
            writer.integer(UInt8(3))
            writer.text(description.version)
            writer.text(description.cipher)
        }
    }

    init(decoding reader: inout BinaryReader, as role: RecordState.Role) throws(DecodingFault) {
        switch try reader.integer() as UInt8 {
        case 0: self = .plain
        case 1: self = .handshake
        case 2:
            let layer = RecordLayer(try RecordState(decoding: &reader))
            guard layer.state.role == role else { throw .badField("records.role") }
            layer.framer = try RecordFramer(decoding: &reader)
            self = .records(layer)
        case 3:
            let version = try reader.text(max: TLSDescription.textBytesMax, "tls.version")
            self = .outside(
                TLSDescription(
                    version: version, cipher: try reader.text(max: TLSDescription.textBytesMax, "tls.cipher")))
        default: throw .badField("transport")
        }
    }
}
