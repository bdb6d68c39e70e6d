internal import COpenSSL

/// One TLS handshake on memory buffers, as server or as client. OpenSSL does it; nothing here touches a socket.
///
/// At the end of a TLS 1.3 handshake the traffic secrets are taken from OpenSSL, and OpenSSL is done with the
/// connection: another record layer continues (`SecuredSession`). For that the point of the cut must be exact. OpenSSL
/// therefore gets one whole record at a time and none after the handshake is finished: the records behind it, a server's
/// tickets among them, are `unread`, and the next record in each direction has number 0. Below TLS 1.3, OpenSSL remains
/// the record layer (`TLSStream`); at TLS 1.3, too, if the context `keepsOpenSSL`.
///
/// The life of a handshake: `start` → `receive`… → a state other than `ongoing`. A handshake that is dropped before that
/// sends nothing to its peer.
public final class Handshake {
    /// Nil when the handshake is over: OpenSSL then has no part in the connection, or belongs to the stream.
    private var ssl: OwnedSSL?
    private let notes: HandshakeNotes
    private let isServer: Bool
    private let keepsOpenSSL: Bool
    /// The beginning of a record that has not arrived whole.
    private var record: [UInt8] = []
    /// Of the handshake, including the incomplete record.
    private var bytesReceived = 0

    /// - Returns: nil when there is no memory.
    public init?(server context: ServerContext) {
        guard let ssl = OwnedSSL(context.raw) else { return nil }
        self.ssl = ssl
        notes = HandshakeNotes(requirements: nil)
        isServer = true
        keepsOpenSSL = context.settings.keepsOpenSSL
        notes.attach(to: ssl.raw)
        if !keepsOpenSSL { notes.watchMessages(of: ssl.raw) }
        SSL_set_accept_state(ssl.raw)
    }

    /// - Parameter host: the name or address that the settings have for the server.
    /// - Returns: nil when there is no memory.
    public init?(client context: ClientContext, host: String) {
        guard let ssl = OwnedSSL(context.raw) else { return nil }
        self.ssl = ssl
        notes = HandshakeNotes(requirements: CertificateRequirements(context.settings))
        isServer = false
        keepsOpenSSL = context.settings.keepsOpenSSL
        notes.attach(to: ssl.raw)
        SSL_set_connect_state(ssl.raw)
        let name = ClientContext.serverName(host)
        // A name that is too long for the extension (255 bytes) is not told.
        if context.settings.sendsServerName, let name { _ = cossl_set_server_name(ssl.raw, name) }
        if context.settings.verifies {
            let isSet =
                name.map { SSL_set1_host(ssl.raw, $0) } ?? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.raw), host)
            // Without an expected name any certificate of any authority would pass.
            if isSet != 1 { notes.refusal = "certificate verification failed: \"\(host)\" is not a name or address" }
        }
        ERR_clear_error()
    }

    /// True if the first byte of a connection begins a TLS handshake.
    public static func looksLikeTLS(_ firstByte: UInt8) -> Bool { firstByte == UInt8(SSL3_RT_HANDSHAKE) }

    /// Call it once, first: a client begins to speak.
    public func start() -> HandshakeStep {
        guard let ssl else { preconditionFailure("the handshake is over") }
        if let refusal = notes.refusal { return fail(.certificate, refusal) }
        if !isServer, let step = advance(ssl, unread: []) { return step }
        return HandshakeStep(output: ssl.takeOutput(), state: .ongoing)
    }

    public func receive(_ bytes: [UInt8]) -> HandshakeStep {
        bytes.withUnsafeBytes { receive($0) }
    }

    /// Takes bytes of the peer. Not to be called when the handshake is over.
    public func receive(_ bytes: UnsafeRawBufferPointer) -> HandshakeStep {
        guard let ssl else { preconditionFailure("the handshake is over") }
        var rest = bytes[...]
        while let first = rest.first {
            if bytesReceived == 0, !mayBegin(first) { return fail(.notTLS, "peer does not speak TLS: " + words(rest)) }
            let missing = recordBytes - record.count
            let piece = rest.prefix(missing)
            record += piece
            rest = rest.dropFirst(piece.count)
            bytesReceived += piece.count
            guard bytesReceived <= Limits.handshakeBytesMax else {
                return fail(.tooLong, "handshake has more than \(Limits.handshakeBytesMax) bytes")
            }
            guard record.count == recordBytes || headerIsRefused else { continue }
            let isRefused = headerIsRefused
            ssl.provide(record)
            record.removeAll(keepingCapacity: true)
            if let step = advance(ssl, unread: rest) { return step }
            // OpenSSL fails on such a header by itself, and has sent the alert.
            if isRefused { return fail(.protocolError, "record of invalid version or length") }
        }
        return HandshakeStep(output: ssl.takeOutput(), state: .ongoing)
    }

    // MARK: - Records

    /// Length of the record whose beginning has arrived, as far as it is known.
    private var recordBytes: Int {
        guard record.count >= Limits.recordHeaderBytes else { return Limits.recordHeaderBytes }
        return Limits.recordHeaderBytes + (Int(record[3]) << 8 | Int(record[4]))
    }

    /// The header is complete and its record must not be waited for.
    private var headerIsRefused: Bool {
        record.count == Limits.recordHeaderBytes
            && (record[1] != UInt8(SSL3_VERSION_MAJOR)
                || recordBytes > Limits.recordHeaderBytes + Limits.recordBodyBytesMax)
    }

    private func mayBegin(_ byte: UInt8) -> Bool {
        Handshake.looksLikeTLS(byte) || !isServer && byte == UInt8(SSL3_RT_ALERT)
    }

    /// The first bytes of something that is not TLS, for the log.
    private func words(_ bytes: Slice<UnsafeRawBufferPointer>) -> String {
        let beginning = bytes.prefix(16)
        guard beginning.allSatisfy({ (0x20..<0x7f).contains($0) || $0 == 0x0d || $0 == 0x0a }) else {
            return "its first byte is 0x\(hexadecimal(beginning.prefix(1)))"
        }
        return "it sent text"
    }

    // MARK: - Steps

    /// Lets OpenSSL work on what it has. Nil when it needs more.
    private func advance(_ ssl: OwnedSSL, unread: some Collection<UInt8>) -> HandshakeStep? {
        ERR_clear_error()
        // OpenSSL writes each secret with some hundred calls of sprintf. Of the five of a server's handshake the first
        // two are not needed here: a twentieth of its cost.
        if isServer { SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(ssl.raw), notes.hasVerified ? logKey : nil) }
        let result = SSL_do_handshake(ssl.raw)
        if result == 1 { return finish(ssl, unread: Array(unread)) }
        if SSL_get_error(ssl.raw, result) == SSL_ERROR_WANT_READ {
            ERR_clear_error()
            return nil
        }
        let error = OpenSSLError.take()
        if let refusal = notes.refusal { return fail(.certificate, refusal) }
        guard let error else { return fail(.protocolError, "handshake failed without a reason") }
        return fail(error.handshakeFailureKind, error.text)
    }

    private func fail(_ kind: HandshakeFailure.Kind, _ reason: String) -> HandshakeStep {
        let output = ssl?.takeOutput() ?? []
        notes.secrets.wipe()
        end()
        return HandshakeStep(output: output, state: .failed(HandshakeFailure(kind: kind, reason: reason)))
    }

    private func finish(_ ssl: OwnedSSL, unread: [UInt8]) -> HandshakeStep {
        guard isServer || notes.peerFingerprint != nil else {
            return fail(.certificate, "peer has shown no certificate")
        }
        let output = ssl.takeOutput()
        guard SSL_version(ssl.raw) == TLS1_3_VERSION, !keepsOpenSSL else {
            HandshakeNotes.detach(from: ssl.raw)
            SSL_set_msg_callback(ssl.raw, nil)
            end()
            let stream = TLSStream(ssl, peerFingerprint: notes.peerFingerprint)
            return HandshakeStep(output: output, state: .streaming(stream, unread: unread))
        }
        let suite = SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl.raw))
        let secretBytes = suite == 0x1302 ? 48 : 32
        precondition(
            notes.secrets.bytes(of: .client).count == secretBytes
                && notes.secrets.bytes(of: .server).count == secretBytes, "OpenSSL has given out no traffic secrets")
        precondition(!ssl.hasInput, "OpenSSL has left bytes of the handshake unread")
        let session = SecuredSession(
            suite: suite, secrets: notes.secrets, unread: unread, versionName: ssl.versionName,
            cipherName: ssl.cipherName, peerFingerprint: notes.peerFingerprint)
        end()
        return HandshakeStep(output: output, state: .secured(session))
    }

    private func end() {
        ssl = nil
        record = []
    }
}
