internal import Configuration

/// Which names the API may be asked under. A web page can give its own name the address of this machine (DNS rebinding) and
/// then read the API from its visitor's browser; the header `Host` shows that name. Addresses cannot be taken over that way,
/// nor can names that no stranger can register: those of one label (`millrace:8080` in Prometheus and in compose files),
/// `localhost`, and those that are reserved for local networks. Every other name has to be configured.
///
/// Not needed with an access token: a page does not know it.
struct HostPolicy: Sendable {
    private let names: Set<String>
    /// Every name is allowed.
    private let isOpen: Bool

    /// Never delegated to anybody (RFC 6761, 6762, 8375; ICANN's `internal`), or in use on local networks only.
    private static let localSuffixes = [".localhost", ".local", ".internal", ".home.arpa", ".lan", ".localdomain"]

    /// - Parameter hostName: of this machine.
    init(api: Settings.API, hostName: String) {
        let configured = api.hosts ?? []
        isOpen = api.hasToken || configured.contains("*")
        names = Set((configured + [hostName]).map(HostPolicy.canonical))
    }

    /// - Parameter host: the header; nil when there is none, as with HTTP/1.0: browsers always send it.
    func allows(_ host: String?) -> Bool {
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

    /// Names are the same in any case, and with the dot of the root.
    private static func canonical(_ name: some StringProtocol) -> String {
        let name = name.lowercased()
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }

    /// "192.0.2.7", as browsers write every address, however it was typed.
    private static func isIPv4(_ name: String) -> Bool {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4
            && parts.allSatisfy { part in
                part.utf8.count <= 3 && part.utf8.allSatisfy { (0x30...0x39).contains($0) } && UInt8(part) != nil
            }
    }
}

extension Settings.API {
    /// An empty one is none.
    var hasToken: Bool { accessToken?.isEmpty == false }

    /// Whether pages of other origins may read the API in a browser. With a token only those that know it can.
    var opensToOtherOrigins: Bool { allowsOtherOrigins ?? hasToken }
}
