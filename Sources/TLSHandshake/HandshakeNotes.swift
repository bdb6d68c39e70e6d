internal import COpenSSL

/// What OpenSSL's callbacks read and write during one handshake.
///
/// OpenSSL reaches it through the application data of the SSL, which is an unretained pointer: `detach` it from an SSL
/// that outlives it.
final class HandshakeNotes {
    let secrets = TrafficSecrets()
    /// What the peer's certificate is checked against. Nil: not at all.
    let requirements: CertificateRequirements?
    /// SHA-256 of the peer's certificate.
    var peerFingerprint: String?
    /// Why the peer's certificate was refused.
    var refusal: String?
    /// This side has sent its CertificateVerify: the next secrets are the traffic secrets.
    fileprivate(set) var hasVerified = false

    init(requirements: CertificateRequirements?) {
        self.requirements = requirements
    }

    func attach(to ssl: OpaquePointer) {
        SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
    }

    static func detach(from ssl: OpaquePointer) {
        SSL_set_ex_data(ssl, 0, nil)
    }

    static func of(_ ssl: OpaquePointer) -> HandshakeNotes? {
        SSL_get_ex_data(ssl, 0).map { Unmanaged<HandshakeNotes>.fromOpaque($0).takeUnretainedValue() }
    }

    /// Notes when a server has sent its CertificateVerify.
    func watchMessages(of ssl: OpaquePointer) {
        cossl_watch_messages(ssl, noteMessage, nil)
    }
}

/// For SSL_set_msg_callback.
private func noteMessage(
    _ isSent: Int32, _: Int32, _ kind: Int32, _ bytes: UnsafeRawPointer?, _ count: Int, _ ssl: OpaquePointer?,
    _: UnsafeMutableRawPointer?
) {
    guard isSent == 1, kind == SSL3_RT_HANDSHAKE, count > 0, let bytes, let ssl,
        bytes.load(as: UInt8.self) == UInt8(SSL3_MT_CERTIFICATE_VERIFY)
    else { return }
    let notes = HandshakeNotes.of(ssl)
    notes?.hasVerified = true
    SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(ssl), logKey)
}
