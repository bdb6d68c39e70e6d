internal import COpenSSL

/// An SSL between two memory BIOs: what the peer sent, and what is to be sent.
final class OwnedSSL {
    let raw: OpaquePointer
    private var input: OpaquePointer
    private var output: OpaquePointer

    init?(_ context: OpaquePointer) {
        guard let raw = SSL_new(context) else {
            ERR_clear_error()
            return nil
        }
        guard let (input, output) = OwnedSSL.buffers() else {
            SSL_free(raw)
            ERR_clear_error()
            return nil
        }
        self.raw = raw
        self.input = input
        self.output = output
        SSL_set_bio(raw, input, output)
    }

    deinit {
        SSL_free(raw)
        ERR_clear_error()
    }

    private static func buffers() -> (OpaquePointer, OpaquePointer)? {
        guard let input = BIO_new(BIO_s_mem()) else { return nil }
        guard let output = BIO_new(BIO_s_mem()) else {
            BIO_free(input)
            return nil
        }
        return (input, output)
    }

    /// Replaces the buffers, which must be empty: they keep the memory of their largest content.
    func renewBuffers() {
        guard let (input, output) = OwnedSSL.buffers() else { return }
        self.input = input
        self.output = output
        SSL_set_bio(raw, input, output)
    }

    var hasInput: Bool { BIO_ctrl_pending(input) > 0 || SSL_has_pending(raw) == 1 }

    func provide(_ bytes: some Collection<UInt8>) {
        let written = bytes.withContiguousStorageIfAvailable { BIO_write(input, $0.baseAddress, Int32($0.count)) }
        precondition(written == Int32(bytes.count), "no memory for \(bytes.count) bytes")
    }

    /// Empties the output.
    func takeOutput() -> [UInt8] {
        var start: UnsafeMutablePointer<CChar>?
        let count = cossl_memory_bytes(output, &start)
        guard count > 0, let start else { return [] }
        let bytes = Array(UnsafeRawBufferPointer(start: start, count: count))
        cossl_memory_reset(output)
        return bytes
    }

    var versionName: String { String(cString: SSL_get_version(raw)) }
    var cipherName: String { String(cString: SSL_CIPHER_get_name(SSL_get_current_cipher(raw))) }
}

extension OpenSSLError {
    var handshakeFailureKind: HandshakeFailure.Kind {
        if alert != nil { return .refusedByPeer }
        guard library == ERR_LIB_SSL else { return .protocolError }
        return switch reason {
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SUITABLE_KEY_SHARE, SSL_R_NO_SHARED_GROUPS,
            SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS, SSL_R_VERSION_TOO_LOW,
            SSL_R_INAPPROPRIATE_FALLBACK, SSL_R_NO_PROTOCOLS_AVAILABLE, SSL_R_UNSUPPORTED_SSL_VERSION:
            .nothingInCommon
        default: .protocolError
        }
    }
}
