internal import COpenSSL

/// A connection of TLS 1.2 or lower behind its handshake: OpenSSL is the record layer, on memory buffers.
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

    init(_ ssl: OwnedSSL, peerFingerprint: String?) {
        self.ssl = ssl
        self.peerFingerprint = peerFingerprint
        versionName = ssl.versionName
        cipherName = ssl.cipherName
        ssl.renewBuffers()
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
        return received
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
    /// demands. Empty after a failure and after `close`.
    public func write(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        guard !isClosed, !hasFailed, !bytes.isEmpty else { return [] }
        ERR_clear_error()
        let count = SSL_write(ssl.raw, bytes.baseAddress, Int32(bytes.count))
        if count != bytes.count { readEnd = .failed(reason: OpenSSLError.takeText()) }
        return ssl.takeOutput()
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
