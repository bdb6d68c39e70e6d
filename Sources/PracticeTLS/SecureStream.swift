public import EventLoop
internal import TLSHandshake

/// Why a connection cannot be used from the start.
public enum OpeningFailure {
    case connection(SystemFailure)
    /// TLS failed; `TLSCounts.failed` has the reason.
    case handshake
}

/// A TCP connection with or without TLS. Subclass it: what the subclass reads and writes is plaintext.
///
/// The life of a stream: `connect`, or being accepted; `didOpen`; `didReceive(plaintext:)`, `write`, …; `didFinish` (at
/// most once, never after `close`). As a `TCPStream`, it must be closed.
open class SecureStream: TCPStream {
    private enum Layer {
        case plain
        case handshake(Handshake)
        case tls(TLSStream)
        /// Nothing is read or written: TLS has not begun, or is over.
        case closed
    }

    private let security: Security?
    private var layer: Layer
    private var connectedNanos: UInt64 = 0
    /// From the connection to the end of the handshake; nil without TLS.
    public private(set) var handshakeNanos: UInt64?
    private var messages = 0

    /// - Parameter security: nil = without TLS.
    public init(on loop: Loop, security: Security?) {
        self.security = security
        layer = security == nil ? .plain : .closed
        super.init(on: loop)
    }

    // MARK: - Events

    /// The connection can be read and written (`failure` is nil), or it cannot be used; then `close` it.
    open func didOpen(_ failure: OpeningFailure?) {}

    /// Bytes have arrived. Use them or copy them before returning.
    open func didReceive(plaintext chunk: UnsafeRawBufferPointer) {}

    /// The peer has ended the connection, or it failed; `close` it.
    open func didFinish() {}

    // MARK: - Operations

    /// Sends bytes in order, completely or not at all. Until `didOpen` the stream counts as closed.
    public func write(_ bytes: UnsafeRawBufferPointer) -> SendOutcome {
        switch layer {
        case .plain: return send(bytes)
        case .tls(let stream):
            guard !bytes.isEmpty else { return .sent }
            requestKeyUpdateWhenDue(stream)
            return send(stream.write(bytes))
        case .handshake, .closed: return .closed
        }
    }

    /// Tells the peer that nothing more follows. Nothing happens without TLS.
    public func sendCloseNotify() {
        if case .tls(let stream) = layer { _ = send(stream.close()) }
    }

    // MARK: - The TCP connection's events

    public final override func didConnect(_ failure: SystemFailure?) {
        if let failure { return didOpen(.connection(failure)) }
        startReading()
        guard let security else { return didOpen(nil) }
        connectedNanos = loop.nanoseconds
        guard let handshake = security.makeHandshake() else { return fail("no memory for a handshake") }
        layer = .handshake(handshake)
        take(handshake.start())
    }

    public final override func didReceive(_ chunk: UnsafeRawBufferPointer) {
        switch layer {
        case .plain: didReceive(plaintext: chunk)
        case .handshake(let handshake): take(handshake.receive(chunk))
        case .tls(let stream): take(stream.read(chunk))
        case .closed: break
        }
    }

    public final override func didEnd(_ end: StreamEnd) {
        switch layer {
        case .plain: didFinish()
        case .handshake:
            switch end {
            case .endOfStream: fail("peer closed the connection during the handshake")
            case .failure(let failure): fail("connection failed during the handshake: \(failure)")
            }
        case .tls:
            security?.counts.unannouncedEnds += 1
            layer = .closed
            didFinish()
        case .closed: break
        }
    }

    // MARK: - TLS

    private func take(_ step: HandshakeStep) {
        _ = send(step.output)
        switch step.state {
        case .ongoing: break
        case .failed(let failure): fail(failure.reason)
        case .secured: preconditionFailure("the context keeps OpenSSL as the record layer")
        case .streaming(let stream, let unread):
            layer = .tls(stream)
            handshakeNanos = loop.nanoseconds - connectedNanos
            security?.counts.secured.count("\(stream.versionName) \(stream.cipherName)")
            didOpen(nil)
            if !isClosed, !unread.isEmpty { take(stream.read(unread)) }
        }
    }

    private func fail(_ reason: String) {
        security?.counts.failed.count(reason)
        layer = .closed
        didOpen(.handshake)
    }

    private func take(_ received: TLSStream.Received) {
        security?.counts.ticketsReceived += received.tickets
        security?.counts.keyUpdatesReceived += received.keyUpdates
        // Before the answers to the plaintext: records are numbered.
        let outcome = send(received.output)
        if case .failed(let reason) = received.end { security?.counts.broken.count(reason) }
        if !received.plaintext.isEmpty { received.plaintext.withUnsafeBytes { didReceive(plaintext: $0) } }
        guard !isClosed, received.end != nil || outcome == .overflow else { return }
        if received.end != .closed { layer = .closed }
        didFinish()
    }

    private func requestKeyUpdateWhenDue(_ stream: TLSStream) {
        guard let security, security.messagesPerKeyUpdate > 0 else { return }
        messages += 1
        guard messages.isMultiple(of: security.messagesPerKeyUpdate), stream.requestKeyUpdate() else { return }
        security.counts.keyUpdatesRequested += 1
    }

    private func send(_ bytes: [UInt8]) -> SendOutcome {
        bytes.withUnsafeBytes { send($0) }
    }
}
