internal import COpenSSL

/// What of the settings is negotiated. As in xmrig-proxy, a value that cannot be used is reported and ignored.
extension OwnedContext {
    /// Forward secrecy and authenticated encryption only.
    static let ciphers = "ECDHE+AESGCM:ECDHE+CHACHA20"
    /// Those of TLS 1.0 and 1.1 have neither; they are added when one of these versions is asked for.
    static let outdatedCiphers = ciphers + ":ECDHE+AES:kRSA+AES:@SECLEVEL=0"
    /// The suites that the record layer has: all that clients offer. AES-128 first: it is as safe for what is sent here,
    /// and both its handshake (SHA-256 instead of SHA-384, for which processors have no instructions) and its records
    /// cost less. A client that prefers ChaCha20, because its processor has no instructions for AES, gets it.
    static let suites = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"]

    func permit(protocols: String?) -> [Finding] {
        guard let protocols else {
            TLSVersion.permit(TLSVersion.usual, in: raw)
            return []
        }
        let (versions, unknown) = TLSVersion.parse(protocols)
        var findings: [Finding] = []
        if !unknown.isEmpty {
            let known = TLSVersion.allCases.map(\.rawValue).joined(separator: ", ")
            findings.append(.warning("tls.protocols: \(unknown.joined(separator: " ")) ignored, expected \(known)"))
        }
        if versions.isEmpty {
            findings.append(.warning("tls.protocols names no version: TLSv1.2 and TLSv1.3 are used"))
        }
        TLSVersion.permit(versions.isEmpty ? TLSVersion.usual : versions, in: raw)
        return findings
    }

    /// After the certificate is installed.
    func permit(ciphers: String?, ciphersuites: String?) -> [Finding] {
        let usual = SSL_CTX_get_security_level(raw) == 0 ? OwnedContext.outdatedCiphers : OwnedContext.ciphers
        var findings: [Finding] = []
        // A list that is refused leaves no cipher at all, so the usual one is set after it.
        if let ciphers, SSL_CTX_set_cipher_list(raw, ciphers) == 1 {
            if let finding = missingCipher() { findings.append(finding) }
        } else {
            if let ciphers {
                findings.append(
                    .warning("tls.ciphers \"\(ciphers)\" ignored (\(OpenSSLError.takeText())): \(usual) is used"))
            }
            SSL_CTX_set_cipher_list(raw, usual)
        }

        if let ciphersuites {
            let wanted = ciphersuites.split(separator: ":").map(String.init)
            let known = wanted.filter(OwnedContext.suites.contains)
            let unknown = wanted.filter { !OwnedContext.suites.contains($0) }
            let used = known.isEmpty ? OwnedContext.suites : known
            if !unknown.isEmpty || known.isEmpty {
                findings.append(
                    .warning(
                        "tls.ciphersuites: \"\(unknown.joined(separator: ":"))\" ignored; "
                            + "\(used.joined(separator: ":")) is used"))
            }
            SSL_CTX_set_ciphersuites(raw, used.joined(separator: ":"))
        } else {
            SSL_CTX_set_ciphersuites(raw, OwnedContext.suites.joined(separator: ":"))
        }
        ERR_clear_error()
        return findings
    }

    /// No cipher of the list works with the key: for example names with RSA, and a key of the kind EC.
    private func missingCipher() -> Finding? {
        guard SSL_CTX_get_options(raw) & cossl_op_no_tlsv1_2 == 0, let list = SSL_CTX_get_ciphers(raw),
            let certificate = SSL_CTX_get0_certificate(raw), let key = X509_get0_pubkey(certificate)
        else { return nil }
        let isRSA = [EVP_PKEY_RSA, EVP_PKEY_RSA_PSS].contains(EVP_PKEY_get_base_id(key))
        let authentication = isRSA ? NID_auth_rsa : NID_auth_ecdsa
        let fits = (0..<OPENSSL_sk_num(list)).contains { index in
            guard let cipher = OPENSSL_sk_value(list, index).map({ OpaquePointer($0) }) else { return false }
            return SSL_CIPHER_get_auth_nid(cipher) == authentication
        }
        guard !fits else { return nil }
        let kind = isRSA ? "RSA" : "EC"
        return .warning("tls.ciphers has no cipher for a certificate with \(kind) key: clients need TLS 1.3")
    }

    /// Sets the Diffie-Hellman parameters: those of the file, or some that fit the key.
    func useParameters(of path: String?) -> ([Finding], FileStamp?) {
        cossl_set_automatic_dh(raw)
        guard let path else { return ([], nil) }
        do throws(ContextFailure) {
            let file = try PEMFile(path, role: "tls.dhparam file")
            let parameters = file.read { PEM_read_bio_Parameters_ex($0, nil, nil, nil) }
            guard let parameters else {
                return ([unusable("\(file.name) has no parameters (\(OpenSSLError.takeText()))")], file.stamp)
            }
            guard SSL_CTX_set0_tmp_dh_pkey(raw, parameters) == 1 else {
                EVP_PKEY_free(parameters)
                return ([unusable("\(file.name) cannot be used (\(OpenSSLError.takeText()))")], file.stamp)
            }
            return ([], file.stamp)
        } catch {
            return (error.findings.map { unusable($0.text) }, FileStamp(path: path))
        }
    }

    private func unusable(_ text: String) -> Finding { .warning(text + "; OpenSSL chooses the parameters") }
}
