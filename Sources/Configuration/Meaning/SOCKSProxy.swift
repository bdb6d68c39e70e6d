extension Settings.SOCKSProxy {
    /// RFC 1928.
    static let defaultPort: UInt16 = 1080
    /// RFC 1929 has one byte for each length.
    private static let fieldBytesMax = 255

    /// Parses "127.0.0.1:9050", "socks5://host:port" and "user:password@host:port".
    init(_ text: String) throws(HostAndPort.Refusal) {
        var rest = text[...]
        if let mark = rest.firstIndex(of: ":"), rest[mark...].hasPrefix("://") {
            guard rest[..<mark].lowercased() == "socks5" else {
                throw HostAndPort.Refusal(message: "expected socks5:// or none before host:port")
            }
            rest = rest[mark...].dropFirst(3)
        }
        // A password may contain the separator.
        let at = rest.lastIndex(of: "@")
        let login = at.map { rest[..<$0] }
        let address = try HostAndPort(at.map { rest[rest.index(after: $0)...] } ?? rest)
        guard PoolURL.isHost(address.host) else {
            throw HostAndPort.Refusal(message: "expected the address of a SOCKS5 proxy, such as 127.0.0.1:9050")
        }
        self.init(host: address.host, port: address.port ?? Settings.SOCKSProxy.defaultPort)
        guard let login else { return }
        let colon = login.firstIndex(of: ":") ?? login.endIndex
        user = String(login[..<colon])
        password = String(login[colon...].dropFirst())
        for field in [user, password] where !(1...Settings.SOCKSProxy.fieldBytesMax).contains(field?.utf8.count ?? 0) {
            throw HostAndPort.Refusal(
                message:
                    "expected user:password before the @, with 1 to \(Settings.SOCKSProxy.fieldBytesMax) bytes each")
        }
    }
}
