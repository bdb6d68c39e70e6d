internal import COpenSSL

/// A version of the protocol, with the word that `tls.protocols` uses for it.
public enum TLSVersion: String, CaseIterable, Sendable {
    case tls10 = "TLSv1"
    case tls11 = "TLSv1.1"
    case tls12 = "TLSv1.2"
    case tls13 = "TLSv1.3"

    var number: Int32 {
        switch self {
        case .tls10: TLS1_VERSION
        case .tls11: TLS1_1_VERSION
        case .tls12: TLS1_2_VERSION
        case .tls13: TLS1_3_VERSION
        }
    }

    var isOutdated: Bool { self == .tls10 || self == .tls11 }

    private var exclusion: UInt64 {
        switch self {
        case .tls10: cossl_op_no_tlsv1
        case .tls11: cossl_op_no_tlsv1_1
        case .tls12: cossl_op_no_tlsv1_2
        case .tls13: cossl_op_no_tlsv1_3
        }
    }

    /// The versions that are used unless the settings ask for others.
    public static let usual: Set<TLSVersion> = [.tls12, .tls13]

    /// Reads the value of `protocols`: words separated by spaces.
    static func parse(_ words: String) -> (versions: Set<TLSVersion>, unknown: [String]) {
        var versions: Set<TLSVersion> = []
        var unknown: [String] = []
        for word in words.split(separator: " ") {
            if let version = TLSVersion(rawValue: String(word)) {
                versions.insert(version)
            } else {
                unknown.append(String(word))
            }
        }
        return (versions, unknown)
    }

    /// Permits these versions and no others. Replaces what OpenSSL's configuration file says.
    static func permit(_ versions: Set<TLSVersion>, in context: OpaquePointer) {
        let numbers = versions.map(\.number)
        guard let first = numbers.min(), let last = numbers.max() else { return }
        _ = cossl_set_min_version(context, first)
        _ = cossl_set_max_version(context, last)
        for version in allCases {
            if versions.contains(version) {
                SSL_CTX_clear_options(context, version.exclusion)
            } else {
                SSL_CTX_set_options(context, version.exclusion)
            }
        }
        // They sign with MD5 and SHA-1, which every other level forbids.
        if versions.contains(where: \.isOutdated) { SSL_CTX_set_security_level(context, 0) }
    }
}
