internal import COpenSSL

/// A connection behind its handshake whose record layer is OpenSSL, on memory buffers: TLS 1.2 or lower, or TLS 1.3 of a
/// context that `keepsOpenSSL`.
///
/// Between two calls it holds at most one incomplete record of the peer. It cannot be moved to another process.
public final class TLSStream {
    public enum End: Equatable, Sendable {
        /// The peer has closed its side in good order (close_notify).
        case closed
        /// Nothing after this can be trusted. The output has the alert, if there is one.
        case failed(reason: String)
    }

    public struct Received {
        /// In order; what arrived before the end is valid.
        public var plaintext: [UInt8] = []
        /// To be sent to the peer.
        public var output: [UInt8] = []
        /// Nothing is read after it.
        public var end: End?
        /// Session tickets and KeyUpdates of the peer among the bytes (TLS 1.3).
        public var tickets = 0
        public var keyUpdates = 0
    }

    /// For example `TLSv1.2`.
    public let versionName: String
    /// For example `ECDHE-ECDSA-AES256-GCM-SHA384`.
    public let cipherName: String
    /// SHA-256 of the certificate that the peer has shown. Nil for clients.
    public let peerFingerprint: String?

    private let ssl: OwnedSSL
    /// No more is read, because of `end`.
    private var readEnd: End?
    private var isClosed = false
    /// Messages of the peer, counted while it is read.
    private var tickets = 0
    private var keyUpdates = 0

    init(_ ssl: OwnedSSL, peerFingerprint: String?) {
        self.ssl = ssl
        self.peerFingerprint = peerFingerprint
        versionName = ssl.versionName
        cipherName = ssl.cipherName
        ssl.renewBuffers()
        if SSL_version(ssl.raw) == TLS1_3_VERSION {
            cossl_watch_messages(ssl.raw, noteMessage, Unmanaged.passUnretained(self).toOpaque())
        }
    }

    public func read(_ bytes: [UInt8]) -> Received {
        bytes.withUnsafeBytes { read($0) }
    }

    /// Takes bytes of the peer, and decrypts every record that is whole.
    public func read(_ bytes: UnsafeRawBufferPointer) -> Received {
        var received = Received()
        guard readEnd == nil else {
            received.end = readEnd
            return received
        }
        withUnsafeTemporaryAllocation(byteCount: Limits.plaintextBytesMax, alignment: 1) { buffer in
            var rest = bytes[...]
            while !rest.isEmpty, readEnd == nil {
                ssl.provide(rest.prefix(Limits.streamPieceBytes))
                rest = rest.dropFirst(Limits.streamPieceBytes)
                while decrypt(into: buffer, &received.plaintext) {}
            }
            OPENSSL_cleanse(buffer.baseAddress, buffer.count)
        }
        received.output = ssl.takeOutput()
        received.end = readEnd
        (received.tickets, received.keyUpdates) = (tickets, keyUpdates)
        (tickets, keyUpdates) = (0, 0)
        return received
    }

    fileprivate func note(_ message: UInt8) {
        switch Int32(message) {
        case SSL3_MT_NEWSESSION_TICKET: tickets += 1
        case SSL3_MT_KEY_UPDATE: keyUpdates += 1
        default: break
        }
    }

    /// False when there is no more.
    private func decrypt(into buffer: UnsafeMutableRawBufferPointer, _ plaintext: inout [UInt8]) -> Bool {
        ERR_clear_error()
        let count = SSL_read(ssl.raw, buffer.baseAddress, Int32(buffer.count))
        if count > 0 {
            plaintext += buffer.prefix(Int(count))
            return true
        }
        switch SSL_get_error(ssl.raw, count) {
        case SSL_ERROR_WANT_READ: break
        case SSL_ERROR_ZERO_RETURN: readEnd = .closed
        default: readEnd = .failed(reason: OpenSSLError.takeText())
        }
        ERR_clear_error()
        return false
    }

    public func write(_ bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { write($0) }
    }

    /// Encrypts. The result is to be sent; for each 16 KiB or part of them it is 21 to 69 bytes longer, as the cipher
    /// demands, and it may begin with a KeyUpdate. Empty after a failure and after `close`.
    public func write(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        guard !isClosed, !hasFailed, !bytes.isEmpty else { return [] }
        ERR_clear_error()
        let count = SSL_write(ssl.raw, bytes.baseAddress, Int32(bytes.count))
        if count != bytes.count { readEnd = .failed(reason: OpenSSLError.takeText()) }
        return ssl.takeOutput()
    }

    /// The next `write` begins with a KeyUpdate that asks the peer for one.
    /// - Returns: false below TLS 1.3, which has none, and when the stream has ended.
    public func requestKeyUpdate() -> Bool {
        guard !isClosed, !hasFailed else { return false }
        ERR_clear_error()
        defer { ERR_clear_error() }
        return SSL_key_update(ssl.raw, SSL_KEY_UPDATE_REQUESTED) == 1
    }

    /// Ends this side in good order. The result is to be sent.
    public func close() -> [UInt8] {
        guard !isClosed, !hasFailed else { return [] }
        isClosed = true
        ERR_clear_error()
        SSL_shutdown(ssl.raw)
        ERR_clear_error()
        return ssl.takeOutput()
    }

    private var hasFailed: Bool {
        if case .failed = readEnd { true } else { false }
    }
}

/// For SSL_set_msg_callback.
private func noteMessage(
    _ isSent: Int32, _: Int32, _ kind: Int32, _ bytes: UnsafeRawPointer?, _ count: Int, _: OpaquePointer?,
    _ stream: UnsafeMutableRawPointer?
) {
    guard isSent == 0, kind == SSL3_RT_HANDSHAKE, count > 0, let bytes, let stream else { return }
    Unmanaged<TLSStream>.fromOpaque(stream).takeUnretainedValue().note(bytes.load(as: UInt8.self))
}
