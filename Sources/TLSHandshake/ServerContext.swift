internal import COpenSSL

/// The server's side of TLS: a certificate with its key, and what may be negotiated.
///
/// A context does not change. When the files have changed, make another one; if that fails, keep this one. Connections
/// keep the context that they began with.
///
/// Tickets are off unless the settings ask for some, and so is the session cache: miners never resume a session, and
/// TLS 1.3 then writes no record after the handshake.
public final class ServerContext: @unchecked Sendable {
    // Unchecked: everything is set by `init`, and an SSL_CTX may be used by several threads once it is set up. Handshakes
    // that give out secrets set its key log callback: those of one context belong to one thread.

    /// The keys of the `tls` object of the configuration.
    public struct Settings: Equatable, Sendable {
        /// PEM: the server's own certificate first, then the chain. It may contain the key, too.
        public var certificateFile: String
        public var keyFile: String
        /// Words separated by spaces: `TLSv1 TLSv1.1 TLSv1.2 TLSv1.3`. Nil: 1.2 and 1.3.
        public var protocols: String?
        /// Of TLS 1.2 and lower, in OpenSSL's form. Nil: ECDHE with AEAD only.
        public var ciphers: String?
        /// Of TLS 1.3.
        public var ciphersuites: String?
        /// PEM. Nil: parameters that fit the key.
        public var dhparamFile: String?
        /// OpenSSL remains the record layer at TLS 1.3, too (see `Handshake`). Not a key of the configuration.
        public var keepsOpenSSL: Bool
        /// Session tickets that a client of TLS 1.3 gets. They are records, so they need `keepsOpenSSL`.
        public var tickets: Int

        public init(
            certificateFile: String, keyFile: String, protocols: String? = nil, ciphers: String? = nil,
            ciphersuites: String? = nil, dhparamFile: String? = nil, keepsOpenSSL: Bool = false, tickets: Int = 0
        ) {
            self.certificateFile = certificateFile
            self.keyFile = keyFile
            self.protocols = protocols
            self.ciphers = ciphers
            self.ciphersuites = ciphersuites
            self.dhparamFile = dhparamFile
            self.keepsOpenSSL = keepsOpenSSL
            self.tickets = tickets
        }

        /// The stamps of the files now. They differ from those of the last attempt to make a context: make another one.
        public var stamps: [FileStamp?] {
            [certificateFile, keyFile].map { FileStamp(path: $0) } + [dhparamFile.flatMap { FileStamp(path: $0) }]
        }
    }

    public let settings: Settings
    public let certificate: CertificateSummary
    /// Warnings.
    public private(set) var findings: [Finding]
    /// The stamps of the files that were read. Compare with `settings.stamps`.
    public let stamps: [FileStamp?]

    /// SSL_CTX.
    let raw: OpaquePointer

    /// - Parameters:
    ///   - now: seconds since 1970.
    ///   - isTried: makes a handshake with a client of its own; when that fails, it is a finding.
    public init(_ settings: Settings, now: Int64, isTried: Bool = true) throws(ContextFailure) {
        precondition(settings.tickets == 0 || settings.keepsOpenSSL, "tickets are records of OpenSSL")
        let pair = try CertificatePair(certificateFile: settings.certificateFile, keyFile: settings.keyFile, now: now)
        let context = try OwnedContext(TLS_server_method())
        var findings = pair.findings

        findings += context.permit(protocols: settings.protocols)
        try pair.install(in: context.raw)
        findings += context.permit(ciphers: settings.ciphers, ciphersuites: settings.ciphersuites)
        let (parameters, stamp) = context.useParameters(of: settings.dhparamFile)
        findings += parameters
        SSL_CTX_set_options(context.raw, cossl_op_cipher_server_preference | cossl_op_prioritize_chacha)
        if settings.tickets == 0 { SSL_CTX_set_options(context.raw, cossl_op_no_ticket) }
        guard SSL_CTX_set_num_tickets(context.raw, settings.tickets) == 1 else {
            throw ContextFailure("TLS session tickets cannot be set to \(settings.tickets): \(OpenSSLError.takeText())")
        }
        ERR_clear_error()

        self.settings = settings
        self.findings = findings
        certificate = pair.summary
        stamps = [pair.certificateStamp, pair.keyStamp, stamp]
        raw = context.take()
        if isTried, let fault = trialFault() {
            self.findings.append(
                .warning("\(pair.certificateName): no client with usual settings can connect (\(fault))"))
        }
    }

    deinit { SSL_CTX_free(raw) }

    /// Why a handshake with a client of our own fails: for example, the key is of a kind that TLS does not use.
    private func trialFault() -> String? {
        guard let context = try? ClientContext(.init()), let client = Handshake(client: context, host: ""),
            let server = Handshake(server: self)
        else { return nil }
        var step = server.receive(client.start().output)
        while case .ongoing = step.state, !step.output.isEmpty {
            let answer = client.receive(step.output)
            if case .failed(let failure) = answer.state { return failure.reason }
            step = server.receive(answer.output)
        }
        if case .failed(let failure) = step.state { return failure.reason }
        return nil
    }
}

/// An SSL_CTX while it is set up.
struct OwnedContext: ~Copyable {
    let raw: OpaquePointer

    init(_ method: OpaquePointer?) throws(ContextFailure) {
        guard let raw = SSL_CTX_new(method) else {
            throw ContextFailure("OpenSSL cannot be used: \(OpenSSLError.takeText())")
        }
        self.raw = raw
        SSL_CTX_set_options(raw, cossl_op_no_compression | cossl_op_no_renegotiation)
        cossl_set_release_buffers(raw)
        cossl_set_no_session_cache(raw)
        // OpenSSL's own default, which distributions raise. Official builds of XMRig and xmrig-proxy use it.
        SSL_CTX_set_security_level(raw, 1)
    }

    deinit { SSL_CTX_free(raw) }

    /// Gives the context to the caller, who frees it.
    consuming func take() -> OpaquePointer {
        SSL_CTX_up_ref(raw)
        return raw
    }
}
