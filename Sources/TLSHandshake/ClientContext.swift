internal import COpenSSL
internal import Glibc

/// The client's side of TLS: how connections to one pool are made, and what its certificate must be.
public final class ClientContext {
    public struct Settings: Equatable, Sendable {
        /// Tells the host's name to the server, which may choose its certificate by it. IP addresses are never told.
        public var sendsServerName: Bool
        /// SHA-256 of the server's certificate: 64 hexadecimal digits. Case and colons are ignored.
        public var fingerprint: String?
        /// Checks the certificate by the system's authorities, and that it is for the host. Such a context reads the
        /// authorities' file when it is made (on Debian 12: 0.9 MB of memory, some 10 ms); keep it for all connections.
        public var verifies: Bool
        /// What is offered to the server.
        public var versions: Set<TLSVersion>
        /// OpenSSL remains the record layer at TLS 1.3, too (see `Handshake`).
        public var keepsOpenSSL: Bool

        public init(
            sendsServerName: Bool = true, fingerprint: String? = nil, verifies: Bool = false,
            versions: Set<TLSVersion> = TLSVersion.usual, keepsOpenSSL: Bool = false
        ) {
            self.sendsServerName = sendsServerName
            self.fingerprint = fingerprint
            self.verifies = verifies
            self.versions = versions
            self.keepsOpenSSL = keepsOpenSSL
        }
    }

    public let settings: Settings
    /// SSL_CTX.
    let raw: OpaquePointer

    public init(_ settings: Settings) throws(ContextFailure) {
        let context = try OwnedContext(TLS_client_method())
        TLSVersion.permit(settings.versions, in: context.raw)
        // Old pools have nothing better than what OpenSSL's own list for TLS 1.2 contains.
        SSL_CTX_set_ciphersuites(context.raw, OwnedContext.suites.joined(separator: ":"))
        SSL_CTX_set_options(context.raw, cossl_op_no_ticket)
        if settings.verifies {
            guard SSL_CTX_set_default_verify_paths(context.raw) == 1 else {
                throw ContextFailure("the system's certificate authorities cannot be used: \(OpenSSLError.takeText())")
            }
        }
        SSL_CTX_set_verify(context.raw, SSL_VERIFY_PEER, nil)
        SSL_CTX_set_cert_verify_callback(context.raw, checkPeerCertificate, nil)
        SSL_CTX_set_keylog_callback(context.raw, logKey)
        ERR_clear_error()
        self.settings = settings
        raw = context.take()
    }

    deinit { SSL_CTX_free(raw) }

    /// The host's name as it is told to the server and expected in its certificate; nil for IP addresses.
    static func serverName(_ host: String) -> String? {
        let name = host.hasSuffix(".") ? String(host.dropLast()) : host
        return name.isEmpty || isAddress(name) ? nil : name
    }

    static func isAddress(_ host: String) -> Bool {
        var storage = in6_addr()
        // An address may have a zone: fe80::1%eth0.
        let address = host.prefix { $0 != "%" }
        return inet_pton(AF_INET, String(address), &storage) == 1 || inet_pton(AF_INET6, String(address), &storage) == 1
    }
}

/// What a server's certificate must be.
struct CertificateRequirements {
    let fingerprint: String?
    let verifies: Bool

    init(_ settings: ClientContext.Settings) {
        fingerprint = settings.fingerprint.map(CertificateRequirements.plain)
        verifies = settings.verifies
    }

    private static func plain(_ fingerprint: String) -> String {
        fingerprint.lowercased().filter { $0 != ":" && $0 != " " }
    }

    /// Why the certificate is refused; nil when it is accepted.
    /// - Parameter store: the X509_STORE_CTX of the verification.
    func refusal(of certificate: OpaquePointer, in store: OpaquePointer) -> String? {
        if let fingerprint {
            let found = CertificateSummary.fingerprint(of: certificate)
            guard found == fingerprint else { return "certificate fingerprint is \(found), expected \(fingerprint)" }
        }
        guard verifies, X509_verify_cert(store) != 1 else { return nil }
        let code = X509_STORE_CTX_get_error(store)
        let reason = String(cString: X509_verify_cert_error_string(Int(code)))
        guard code == X509_V_ERR_HOSTNAME_MISMATCH || code == X509_V_ERR_IP_ADDRESS_MISMATCH else {
            return "certificate verification failed: \(reason)"
        }
        let names = CertificateSummary(certificate).names.prefix(8).joined(separator: ", ")
        return "certificate verification failed: \(reason) (certificate is for \(names))"
    }
}

/// For SSL_CTX_set_cert_verify_callback: takes the place of OpenSSL's own verification, which is done only on request.
private func checkPeerCertificate(_ store: OpaquePointer?, _: UnsafeMutableRawPointer?) -> Int32 {
    guard let store, let certificate = X509_STORE_CTX_get0_cert(store),
        let ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()),
        let notes = HandshakeNotes.of(OpaquePointer(ssl)), let requirements = notes.requirements
    else { return 0 }
    notes.peerFingerprint = CertificateSummary.fingerprint(of: certificate)
    notes.refusal = requirements.refusal(of: certificate, in: store)
    guard notes.refusal != nil else {
        X509_STORE_CTX_set_error(store, X509_V_OK)
        return 1
    }
    // OpenSSL chooses the alert by it. It is left when verification has set it.
    if X509_STORE_CTX_get_error(store) == X509_V_OK { X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED) }
    return 0
}
