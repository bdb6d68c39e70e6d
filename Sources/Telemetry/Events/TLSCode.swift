/// The TLS of a connection in one byte: its version and its cipher, if they have a number.
public struct TLSCode: Equatable, Sendable {
    /// An index into `known`. A newer program may know more.
    public let rawValue: UInt8

    /// No TLS, or not known yet.
    public static let none = TLSCode(rawValue: 0)
    /// A version without a number of its own.
    private static let other = TLSCode(rawValue: .max)

    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// - Parameters: in the words of OpenSSL. A cipher without a number of its own is left out.
    public init(version: String, cipher: String) {
        let names = TLSCode.known.dropFirst()
        let place =
            names.firstIndex { $0.version == version && $0.cipher == cipher }
            ?? names.firstIndex { $0.version == version && $0.cipher == nil }
        self = place.map { TLSCode(rawValue: UInt8($0)) } ?? .other
    }

    /// For example "TLSv1.3"; nil without TLS.
    public var version: String? {
        guard self != .none else { return nil }
        return rawValue < TLSCode.known.count ? TLSCode.known[Int(rawValue)].version : "TLS"
    }

    /// For example "TLS_AES_128_GCM_SHA256"; nil when it is not known.
    public var cipher: String? { rawValue < TLSCode.known.count ? TLSCode.known[Int(rawValue)].cipher : nil }

    /// By number (docs/BUS.md): what OpenSSL negotiates by default, and the versions with another cipher. A number is
    /// never reused.
    static let known: [(version: String, cipher: String?)] = [
        ("", nil),
        ("TLSv1.3", "TLS_AES_128_GCM_SHA256"),
        ("TLSv1.3", "TLS_AES_256_GCM_SHA384"),
        ("TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256"),
        ("TLSv1.3", nil),
        ("TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"),
        ("TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384"),
        ("TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305"),
        ("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"),
        ("TLSv1.2", "ECDHE-RSA-AES256-GCM-SHA384"),
        ("TLSv1.2", "ECDHE-RSA-CHACHA20-POLY1305"),
        ("TLSv1.2", nil),
        ("TLSv1.1", nil),
        ("TLSv1", nil),
    ]
}
