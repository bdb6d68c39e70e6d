/// The `url` of a pool, taken apart (behaviour.md §9).
struct PoolURL: Equatable {
    var transport: Transport
    /// A name or a numeric address without brackets.
    var host: String
    var port: UInt16

    enum Transport: Equatable {
        case tcp, tls, daemon, socks5

        /// What the operator calls it; nil for what works.
        var unsupportedName: String? {
            switch self {
            case .tcp: nil
            case .tls: "TLS"
            case .daemon: "a daemon as pool"
            case .socks5: "SOCKS5"
            }
        }
    }

    static let defaultPort: UInt16 = 3333
    /// RFC 1035 §2.3.4.
    static let hostBytesMax = 253

    private static let schemes: [String: Transport] = [
        "stratum+tcp": .tcp, "stratum+ssl": .tls, "stratum+tls": .tls, "daemon+http": .daemon,
        "daemon+https": .daemon, "socks5": .socks5,
    ]

    init(_ text: String) throws(HostAndPort.Refusal) {
        var rest = text[...]
        transport = .tcp
        if let mark = text.firstIndex(of: ":"), text[mark...].hasPrefix("://") {
            guard let known = PoolURL.schemes[text[..<mark].lowercased()] else {
                throw HostAndPort.Refusal(
                    message: "expected stratum+tcp:// or stratum+ssl:// or none before host:port")
            }
            transport = known
            rest = text[mark...].dropFirst(3)
        }
        if rest.last == "/" { rest = rest.dropLast() }
        guard !rest.contains("@") else {
            throw HostAndPort.Refusal(message: "expected host:port; the login belongs to \"user\" and \"pass\"")
        }
        let address = try HostAndPort(rest)
        guard PoolURL.isHost(address.host) else {
            throw HostAndPort.Refusal(message: "expected host:port, such as pool.example.com:3333")
        }
        host = address.host
        port = address.port ?? PoolURL.defaultPort
    }

    private static func isHost(_ host: String) -> Bool {
        if host.contains(":") { return isIPv6(host) }
        return !host.isEmpty && host.utf8.count <= hostBytesMax
            && host.utf8.allSatisfy { $0.isDigit || $0.isLetter || ".-_".utf8.contains($0) }
    }
}
