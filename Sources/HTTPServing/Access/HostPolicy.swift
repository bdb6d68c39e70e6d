/// The host names that clients may use for the server.
///
/// A web page can give its own name the address of this machine (DNS rebinding) and then read the API from its
/// visitor's browser. The header `Host` has that name. Addresses cannot be used that way. Nor can names that no
/// stranger can register: those of one label (`millrace:8080` in Prometheus and in compose files), `localhost`, and
/// those reserved for local networks. Every other name must be configured.
///
/// With an access token every name is allowed: a page does not know the token.
package struct HostPolicy: Sendable {
    private let names: Set<String>
    /// Every name is allowed.
    private let isOpen: Bool

    /// Never delegated (RFC 6761, 6762, 8375; ICANN's `internal`), or in use on local networks only.
    private static let localSuffixes = [".localhost", ".local", ".internal", ".home.arpa", ".lan", ".localdomain"]

    /// - Parameters:
    ///   - hosts: the configured names; "*" allows every name.
    ///   - hostName: of this machine.
    ///   - hasToken: whether clients need an access token.
    package init(hosts: [String]?, hostName: String, hasToken: Bool) {
        let configured = hosts ?? []
        isOpen = hasToken || configured.contains("*")
        names = Set((configured + [hostName]).map(HostPolicy.canonical))
    }

    /// - Parameter host: the header; nil if absent, as with HTTP/1.0. Browsers always send it.
    package func allows(_ host: String?) -> Bool {
        guard !isOpen, let host else { return true }
        let name = HostPolicy.canonical(HostPolicy.withoutPort(host))
        if name.hasPrefix("[") || HostPolicy.isIPv4(name) { return true }
        if !name.contains(".") || names.contains(name) { return true }
        return HostPolicy.localSuffixes.contains { name.hasSuffix($0) }
    }

    private static func withoutPort(_ host: String) -> Substring {
        if host.hasPrefix("[") { return host[...] }
        return host.prefix { $0 != ":" }
    }

    /// Names do not depend on case or on the dot of the root.
    private static func canonical(_ name: some StringProtocol) -> String {
        let name = name.lowercased()
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }

    /// "192.0.2.7": browsers write every IPv4 address in this form.
    private static func isIPv4(_ name: String) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                part.utf8.count <= 3 && part.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt8(part) != nil
            }
    }
}
