internal import COpenSSL
internal import Glibc

/// What operators and clients need to know about a certificate.
public struct CertificateSummary: Equatable, Sendable {
    /// SHA-256 of the certificate (DER): 64 lower-case hexadecimal digits, as `tls-fingerprint` takes it.
    public let fingerprint: String
    /// Seconds since 1970.
    public let validFrom: Int64
    public let expires: Int64
    /// DNS names and IP addresses that it is for; the common name if it has none of them.
    public let names: [String]
    /// Of its key, for example `EC 256`.
    public let keyKind: String

    /// - Parameter certificate: an X509.
    init(_ certificate: OpaquePointer) {
        fingerprint = CertificateSummary.fingerprint(of: certificate)
        validFrom = CertificateSummary.seconds(X509_get0_notBefore(certificate))
        expires = CertificateSummary.seconds(X509_get0_notAfter(certificate))
        let alternatives = CertificateSummary.alternativeNames(of: certificate)
        names = alternatives.isEmpty ? CertificateSummary.commonName(of: certificate).map { [$0] } ?? [] : alternatives
        if let key = X509_get0_pubkey(certificate), let kind = EVP_PKEY_get0_type_name(key) {
            keyKind = "\(String(cString: kind)) \(EVP_PKEY_get_bits(key))"
        } else {
            keyKind = "unknown"
        }
    }

    static func fingerprint(of certificate: OpaquePointer) -> String {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard X509_digest(certificate, EVP_sha256(), &digest, &count) == 1 else { return "" }
        return hexadecimal(digest.prefix(Int(count)))
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
        guard let epoch = ASN1_TIME_set(nil, 0) else { return 0 }
        defer { ASN1_STRING_free(epoch) }
        var days: Int32 = 0
        var seconds: Int32 = 0
        guard ASN1_TIME_diff(&days, &seconds, epoch, time) == 1 else { return 0 }
        return Int64(days) * 86_400 + Int64(seconds)
    }

    private static func alternativeNames(of certificate: OpaquePointer) -> [String] {
        guard let list = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return [] }
        let names = OpaquePointer(list)
        defer { GENERAL_NAMES_free(names) }
        return (0..<OPENSSL_sk_num(names)).compactMap { index in
            guard let element = OPENSSL_sk_value(names, index) else { return nil }
            var kind: Int32 = 0
            let name = element.assumingMemoryBound(to: GENERAL_NAME.self)
            guard let value = GENERAL_NAME_get0_value(name, &kind) else { return nil }
            let string = value.assumingMemoryBound(to: ASN1_STRING.self)
            switch kind {
            case GEN_DNS: return text(string)
            case GEN_IPADD: return address(bytes(string))
            default: return nil
            }
        }
    }

    private static func commonName(of certificate: OpaquePointer) -> String? {
        let subject = X509_get_subject_name(certificate)
        let index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
        guard index >= 0, let entry = X509_NAME_get_entry(subject, index) else { return nil }
        return X509_NAME_ENTRY_get_data(entry).flatMap { text($0) }
    }

    private static func bytes(_ string: UnsafePointer<ASN1_STRING>) -> [UInt8] {
        Array(UnsafeBufferPointer(start: ASN1_STRING_get0_data(string), count: Int(ASN1_STRING_length(string))))
    }

    /// For messages: what is not printable ASCII becomes a question mark.
    private static func text(_ string: UnsafePointer<ASN1_STRING>) -> String {
        String(decoding: bytes(string).map { (0x20..<0x7f).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
    }

    private static func address(_ bytes: [UInt8]) -> String? {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(bytes.count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count)) != nil else {
            return nil
        }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

func hexadecimal(_ bytes: some Collection<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
