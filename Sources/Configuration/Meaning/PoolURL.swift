/// The parsed `url` of a pool. As in xmrig-proxy, the port ends at its last digit (docs/COMPATIBILITY.md, "Pool
/// sessions").
struct PoolURL: Equatable {
    var transport: Transport
    /// A name or a numeric address without brackets.
    var host: String
    var port: UInt16
    /// Whether text other than blanks and a slash follows the port; it is ignored.
    var hasMore: Bool

    enum Transport: Equatable {
        case tcp, tls, daemon, socks5

        /// The name for messages; nil when the transport is supported.
        var unsupportedName: String? {
            switch self {
            case .tcp, .tls: nil
            case .daemon: "mining to a daemon"
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
        var rest = PoolURL.trimmed(text[...])
        transport = .tcp
        if let mark = rest.firstIndex(of: ":"), rest[mark...].hasPrefix("://") {
            guard let known = PoolURL.schemes[rest[..<mark].lowercased()] else {
                throw HostAndPort.Refusal(
                    message: "expected stratum+tcp:// or stratum+ssl:// or none before host:port")
            }
            transport = known
            rest = rest[mark...].dropFirst(3)
        }
        let end = PoolURL.endOfAddress(in: rest)
        let more = rest[end...]
        guard !rest.prefix(while: { $0 != "/" }).contains("@") else {
            throw HostAndPort.Refusal(message: "expected host:port; the login belongs to \"user\" and \"pass\"")
        }
        let address = try HostAndPort(rest[..<end])
        guard PoolURL.isHost(address.host) else {
            throw HostAndPort.Refusal(message: "expected host:port, such as pool.example.com:3333")
        }
        host = address.host
        port = address.port ?? PoolURL.defaultPort
        hasMore = !more.isEmpty && more != "/"
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let start = text.firstIndex { !$0.isWhitespace } ?? text.endIndex
        let end = text.lastIndex { !$0.isWhitespace }.map { text.index(after: $0) } ?? start
        return text[start..<end]
    }

    /// The index after the last digit of the port. Without a port: the end, or the slash at the end.
    private static func endOfAddress(in text: Substring) -> Substring.Index {
        let withoutSlash = text.last == "/" ? text.index(before: text.endIndex) : text.endIndex
        let afterBracket = text.first == "[" ? text.firstIndex(of: "]") ?? text.endIndex : text.startIndex
        // Without brackets, "::1" is an IPv6 address, not the port of an empty host.
        guard let colon = text[afterBracket...].firstIndex(of: ":"), !isIPv6(text[..<withoutSlash]) else {
            return withoutSlash
        }
        let port = text[colon...].dropFirst()
        let end = port.firstIndex { !("0"..."9").contains($0) } ?? text.endIndex
        // `HostAndPort` refuses a port without digits.
        return end == port.startIndex ? withoutSlash : end
    }

    /// Whether this is a host name or an address without brackets.
    static func isHost(_ host: String) -> Bool {
        if host.contains(":") { return isIPv6(host) }
        return !host.isEmpty && host.utf8.count <= hostBytesMax
            && host.utf8.allSatisfy { $0.isDigit || $0.isLetter || ".-_".utf8.contains($0) }
    }
}
