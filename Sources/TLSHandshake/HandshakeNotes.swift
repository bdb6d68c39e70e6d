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
}
