internal import COpenSSL

/// A certificate chain and its private key, as two files have them.
struct CertificatePair {
    let summary: CertificateSummary
    let findings: [Finding]
    let certificateStamp: FileStamp
    let keyStamp: FileStamp
    private let certificates: CertificateList
    private let key: PrivateKey
    let certificateName: String
    private let keyName: String

    /// - Parameter now: seconds since 1970.
    init(certificateFile: String, keyFile: String, now: Int64) throws(ContextFailure) {
        // Both files are read before a fault of one is reported, so that all faults are reported at once.
        var faults: [Finding] = []
        var loaded: CertificateList?
        var loadedKey: PrivateKey?
        do throws(ContextFailure) {
            loaded = try CertificateList(file: certificateFile)
        } catch {
            faults += error.findings
        }
        do throws(ContextFailure) {
            loadedKey = try PrivateKey(file: keyFile)
        } catch {
            faults += error.findings
        }
        guard let certificates = loaded, let key = loadedKey else { throw ContextFailure(faults) }

        certificateName = "certificate file \(certificateFile)"
        keyName = "key file \(keyFile)"
        guard X509_check_private_key(certificates.all[0], key.raw) == 1 else {
            ERR_clear_error()
            let other = certificates.all.firstIndex { X509_check_private_key($0, key.raw) == 1 }
            ERR_clear_error()
            let reason = other.map { "it belongs to certificate \($0 + 1) of the file, expected to be the first" }
            throw ContextFailure(
                "\(keyName) does not fit \(certificateName): " + (reason ?? "the keys of the two are different"))
        }

        summary = CertificateSummary(certificates.all[0])
        var findings: [Finding] = []
        if key.stamp.mode & 0o077 != 0 {
            findings.append(
                .warning(
                    "\(keyName) has mode 0\(String(key.stamp.mode & 0o777, radix: 8)): other users may read it; "
                        + "expected 0600"))
        }
        if now > summary.expires {
            findings.append(
                .warning("\(certificateName) expired \(CertificatePair.age(now - summary.expires)) ago; renew it"))
        } else if now < summary.validFrom {
            findings.append(
                .warning(
                    "\(certificateName) is not valid yet: its time begins in "
                        + CertificatePair.age(summary.validFrom - now)))
        }
        if EVP_PKEY_get_security_bits(key.raw) < 112 {
            findings.append(.warning("\(keyName) is weak: \(summary.keyKind) bits; expected RSA 2048 or EC 256"))
        }
        self.findings = findings
        certificateStamp = certificates.stamp
        keyStamp = key.stamp
        self.certificates = certificates
        self.key = key
    }

    private static func age(_ seconds: Int64) -> String {
        seconds >= 2 * 86_400 ? "\(seconds / 86_400) days" : "\(max(1, seconds / 3600)) h"
    }

    /// Makes a context serve the pair.
    func install(in context: OpaquePointer) throws(ContextFailure) {
        guard SSL_CTX_use_certificate(context, certificates.all[0]) == 1 else {
            throw ContextFailure("\(certificateName) cannot be used: \(OpenSSLError.takeText())")
        }
        guard SSL_CTX_use_PrivateKey(context, key.raw) == 1 else {
            throw ContextFailure("\(keyName) cannot be used: \(OpenSSLError.takeText())")
        }
        for (index, certificate) in certificates.all.enumerated().dropFirst() {
            X509_up_ref(certificate)
            guard cossl_add_chain_certificate(context, certificate) == 1 else {
                X509_free(certificate)
                throw ContextFailure(
                    "certificate \(index + 1) of \(certificateName) cannot be used: \(OpenSSLError.takeText())")
            }
        }
    }
}

/// The certificates of a file, in its order. Never empty.
private final class CertificateList {
    /// Each an X509.
    let all: [OpaquePointer]
    let stamp: FileStamp

    init(file path: String) throws(ContextFailure) {
        let file = try PEMFile(path, role: "certificate file")
        var all: [OpaquePointer] = []
        ERR_clear_error()
        let isWhole = file.read { bio in
            while let certificate = PEM_read_bio_X509(bio, nil, refusePassphrase, nil) { all.append(certificate) }
            let error = ERR_peek_last_error()
            return cossl_error_library(error) == ERR_LIB_PEM && cossl_error_reason(error) == PEM_R_NO_START_LINE
        }
        self.all = all
        stamp = file.stamp
        // From here on `deinit` frees them.
        let reason = OpenSSLError.takeText()
        guard isWhole else {
            throw ContextFailure("certificate \(all.count + 1) of \(file.name) is damaged: \(reason)")
        }
        guard !all.isEmpty else { throw ContextFailure("\(file.name) has no certificate") }
    }

    deinit { for certificate in all { X509_free(certificate) } }
}

final class PrivateKey {
    /// EVP_PKEY.
    let raw: OpaquePointer
    let stamp: FileStamp

    init(file path: String) throws(ContextFailure) {
        let file = try PEMFile(path, role: "key file")
        var isEncrypted = false
        ERR_clear_error()
        let key = file.read { PEM_read_bio_PrivateKey($0, nil, refusePassphrase, &isEncrypted) }
        guard let key else {
            let error = OpenSSLError.take()
            if isEncrypted {
                throw ContextFailure(
                    "\(file.name) is encrypted; expected a key without passphrase (openssl pkey -in FILE -out FILE)")
            }
            // The words of OpenSSL for a file without a key say nothing: "unsupported".
            let hasKey = file.contains("PRIVATE KEY-----")
            throw ContextFailure(
                hasKey
                    ? "\(file.name) is damaged: \(error?.text ?? "its private key cannot be read")"
                    : "\(file.name) has no private key")
        }
        ERR_clear_error()
        raw = key
        stamp = file.stamp
    }

    deinit { EVP_PKEY_free(raw) }
}

/// Never asks for a passphrase, as OpenSSL would by itself at the terminal. Sets the Bool at `context`: one is needed.
private func refusePassphrase(
    _: UnsafeMutablePointer<CChar>?, _: Int32, _: Int32, _ context: UnsafeMutableRawPointer?
) -> Int32 {
    context?.assumingMemoryBound(to: Bool.self).pointee = true
    return -1
}
