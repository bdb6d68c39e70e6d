internal import COpenSSL
internal import Glibc

/// A self-signed certificate with its key, for operators who have none.
public enum GeneratedPair {
    /// Ten years: miners pin the fingerprint, and a change stops them.
    static let days: Int32 = 3652
    /// Clocks of miners may be slow.
    static let daysBefore: Int32 = 1

    /// Makes two files unless they exist: an ECDSA P-256 key that only its owner may read, and its certificate.
    ///
    /// Existing files are never changed. A key without certificate, as a crash may leave it, gets one. Several
    /// processes may do this at once: they end with one pair.
    /// - Parameters:
    ///   - name: the host's name or address; nil: localhost.
    ///   - now: seconds since 1970.
    /// - Returns: true when a file was made.
    @discardableResult
    public static func make(
        name: String?, certificateFile: String, keyFile: String, now: Int64
    ) throws(ContextFailure) -> Bool {
        defer { ERR_clear_error() }
        if exists(keyFile) {
            if exists(certificateFile) { return false }
            let key = try PrivateKey(file: keyFile)
            try write(try certificate(for: key.raw, name: name, now: now), to: certificateFile, mode: 0o644)
            return true
        }
        guard !exists(certificateFile) else {
            throw ContextFailure(
                "key file \(keyFile) does not exist, but certificate file \(certificateFile) does; "
                    + "restore the key, or remove the certificate to get a new pair")
        }

        guard let key = cossl_new_p256_key() else {
            throw ContextFailure("no key can be generated: \(OpenSSLError.takeText())")
        }
        defer { EVP_PKEY_free(key) }
        let certificate = try certificate(for: key, name: name, now: now)
        let pem = try PEMText { PEM_write_bio_PKCS8PrivateKey($0, key, nil, nil, 0, nil, nil) }
        guard try write(pem, to: keyFile, mode: 0o600) else {
            // Another process was faster. Its key counts.
            return try make(name: name, certificateFile: certificateFile, keyFile: keyFile, now: now)
        }
        do throws(ContextFailure) {
            try write(certificate, to: certificateFile, mode: 0o644)
        } catch {
            unlink(keyFile)
            throw error
        }
        return true
    }

    // MARK: - The certificate

    private static func certificate(for key: OpaquePointer, name: String?, now: Int64) throws(ContextFailure) -> PEMText
    {
        guard let certificate = X509_new() else { throw ContextFailure("no certificate can be generated: no memory") }
        defer { X509_free(certificate) }
        guard fill(certificate, key: key, name: name.flatMap { $0.isEmpty ? nil : $0 } ?? "localhost", now: now),
            X509_sign(certificate, key, EVP_sha256()) > 0
        else { throw ContextFailure("no certificate can be generated: \(OpenSSLError.takeText())") }
        return try PEMText { PEM_write_bio_X509($0, certificate) }
    }

    private static func fill(_ certificate: OpaquePointer, key: OpaquePointer, name: String, now: Int64) -> Bool {
        var time = time_t(now)
        let serial = BN_new()
        defer { BN_free(serial) }
        guard X509_set_version(certificate, Int(X509_VERSION_3)) == 1,
            BN_rand(serial, 127, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1,
            BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(certificate)) != nil,
            X509_time_adj_ex(X509_getm_notBefore(certificate), -daysBefore, 0, &time) != nil,
            X509_time_adj_ex(X509_getm_notAfter(certificate), days, 0, &time) != nil,
            X509_set_pubkey(certificate, key) == 1
        else { return false }

        // A common name has 64 characters at most (X.520). A longer host name is only among the alternative names.
        let common = name.unicodeScalars.count <= 64 ? name : "localhost"
        let subject = X509_get_subject_name(certificate)
        guard X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_FLAG, common, -1, -1, 0) == 1,
            X509_set_issuer_name(certificate, subject) == 1
        else { return false }

        var context = X509V3_CTX()
        X509V3_set_ctx(&context, certificate, certificate, nil, nil, 0)
        return extensions(for: name).allSatisfy { kind, value in
            guard let made = X509V3_EXT_conf_nid(nil, &context, kind, value) else { return false }
            defer { X509_EXTENSION_free(made) }
            return X509_add_ext(certificate, made, -1) == 1
        }
    }

    private static func extensions(for name: String) -> [(Int32, String)] {
        var extensions = [
            (NID_basic_constraints, "critical,CA:FALSE"), (NID_key_usage, "critical,digitalSignature"),
            (NID_ext_key_usage, "serverAuth"), (NID_subject_key_identifier, "hash"),
        ]
        if name == "localhost" {
            extensions.append((NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1"))
        } else if ClientContext.isAddress(name) {
            extensions.append((NID_subject_alt_name, "IP:\(name)"))
        } else if isHostName(name) {
            extensions.append((NID_subject_alt_name, "DNS:\(name)"))
        }
        return extensions
    }

    private static func isHostName(_ name: String) -> Bool {
        name.utf8.count <= 253
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                    UInt8(ascii: "*"):
                    true
                default: false
                }
            }
    }

    // MARK: - The files

    private static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    /// Makes the file with its whole content, or leaves everything as it was.
    /// - Returns: false when the file exists already.
    @discardableResult
    private static func write(_ text: borrowing PEMText, to path: String, mode: mode_t) throws(ContextFailure) -> Bool {
        // mkstemp makes a file of its own (O_EXCL, mode 0600) in the same directory.
        var temporary = Array("\(path).XXXXXX".utf8CString)
        let descriptor = mkstemp(&temporary)
        guard descriptor >= 0 else { throw ContextFailure("\(path) cannot be made: \(PEMFile.words(errno))") }
        defer { unlink(temporary) }
        let isWritten = text.write(to: descriptor) && fchmod(descriptor, mode) == 0 && fsync(descriptor) == 0
        let reason = errno
        close(descriptor)
        guard isWritten else { throw ContextFailure("\(path) cannot be written: \(PEMFile.words(reason))") }

        if link(temporary, path) != 0 {
            let reason = errno
            if reason == EEXIST { return false }
            // Not every file system has links.
            guard reason == EPERM || reason == EOPNOTSUPP || reason == ENOSYS, !exists(path),
                rename(temporary, path) == 0
            else { throw ContextFailure("\(path) cannot be made: \(PEMFile.words(reason))") }
        }
        let directory = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let opened = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if opened >= 0 {
            fsync(opened)
            close(opened)
        }
        return true
    }
}

/// The PEM form of something, wiped when it is freed.
private struct PEMText: ~Copyable {
    private let bio: OpaquePointer

    init(_ write: (OpaquePointer) -> Int32) throws(ContextFailure) {
        guard let bio = BIO_new(BIO_s_mem()) else { throw ContextFailure("no memory") }
        guard write(bio) == 1 else {
            BIO_free(bio)
            throw ContextFailure("a key or certificate cannot be written as PEM: \(OpenSSLError.takeText())")
        }
        self.bio = bio
    }

    // It wipes what it frees.
    deinit { BIO_free(bio) }

    borrowing func write(to descriptor: Int32) -> Bool {
        var start: UnsafeMutablePointer<CChar>?
        let count = cossl_memory_bytes(bio, &start)
        var written = 0
        while written < count {
            let result = Glibc.write(descriptor, start! + written, count - written)
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { return false }
            written += result
        }
        return true
    }
}
