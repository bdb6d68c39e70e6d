internal import Addresses
internal import EventLoop
internal import StratumSession
internal import TLSHandshake
internal import TLSRecords

/// What the bytes of a connection pass through in this process.
enum Protection {
    /// Nothing: plain TCP, or TLS 1.3, whose records the shard opens and seals.
    case none
    case handshake(PendingHandshake)
    /// TLS 1.2 or lower. It ends with this process.
    case stream(TLSStream)
}

/// A handshake that is not complete, and the bytes of its connection, of which the shard does not know.
final class PendingHandshake {
    /// nil until it begins: a crowd waits for that without an object of OpenSSL.
    private var handshake: Handshake?
    /// All bytes received and sent on the connection.
    private(set) var traffic: Traffic
    /// The address in whose turn it is served (`HandshakeLine`).
    let address: Network?
    /// Received, but not processed: the handshakes of this turn have used up their time.
    var deferred: [UInt8] = []

    /// - Parameter traffic: before the handshake, including the bytes that are its beginning.
    init(_ handshake: Handshake? = nil, of address: Network? = nil, traffic: Traffic) {
        self.handshake = handshake
        self.address = address
        self.traffic = traffic
    }

    var hasBegun: Bool { handshake != nil }

    func begin(_ handshake: Handshake) { self.handshake = handshake }

    /// A client begins to speak.
    /// - Precondition: it has begun.
    func start() -> HandshakeStep { counted(begunHandshake.start()) }

    /// Bytes were read.
    func noteReceived(_ count: Int) { traffic.received += UInt64(count) }

    /// - Precondition: it has begun.
    func receive(_ bytes: UnsafeRawBufferPointer) -> HandshakeStep { counted(begunHandshake.receive(bytes)) }

    private var begunHandshake: Handshake {
        guard let handshake else { preconditionFailure("the handshake has not begun") }
        return handshake
    }

    private func counted(_ step: HandshakeStep) -> HandshakeStep {
        traffic.sent += UInt64(step.output.count)
        return step
    }
}

extension HandshakeResult {
    /// - Parameter traffic: of the connection, including the bytes that the session has not read.
    init?(_ session: SecuredSession, as role: RecordState.Role, traffic: Traffic) {
        guard let suite = CipherSuite(rawValue: session.suite) else { return nil }
        let state = session.withSecrets { client, server in
            client.withMemoryRebound(to: UInt8.self) { client in
                server.withMemoryRebound(to: UInt8.self) { server in
                    RecordState(
                        suite, as: role, clientSecret: client.span, serverSecret: server.span,
                        readSequence: session.readSequence, writeSequence: session.writeSequence)
                }
            }
        }
        guard let state else { return nil }
        let read = Traffic(received: traffic.received - UInt64(session.unread.count), sent: traffic.sent)
        self.init(.state(state), traffic: read, unread: session.unread)
    }

    init(_ stream: TLSStream, traffic: Traffic) {
        self.init(
            .outside(TLSDescription(version: stream.versionName, cipher: stream.cipherName)), traffic: traffic)
    }
}

extension TCPStream {
    /// Sends what the shard has decided: sealed here, if its TLS is older than 1.3.
    func send(_ bytes: UnsafeRawBufferPointer, through protection: Protection) -> SendOutcome {
        guard case .stream(let stream) = protection else { return send(bytes) }
        return stream.write(bytes).withUnsafeBytes { send($0) }
    }

    /// Sends bytes of a handshake, or of a TLS stream.
    /// - Returns: false when the peer does not read, or is gone.
    @discardableResult
    func send(record bytes: [UInt8]) -> Bool {
        guard !bytes.isEmpty else { return true }
        switch bytes.withUnsafeBytes({ send($0) }) {
        case .sent, .queued: return true
        case .overflow, .closed: return false
        }
    }
}
