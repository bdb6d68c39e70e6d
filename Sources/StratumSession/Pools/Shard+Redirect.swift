public import StratumProtocol

// `client.reconnect`: a pool redirects to another of its servers. MiningRigRentals uses this to give each login its own
// port. A foreign host is not followed, because it would get the pool's login.

extension Shard {
    /// Where to connect instead of the pool's own address; nil = the pool's own address.
    public func redirect(of id: PoolConnectionID) -> PoolRedirect? {
        isCurrent(id) ? self[id].redirect : nil
    }

    /// Follows a pool to the same host or its domain. The pool's own address is tried again when the new connection
    /// ends.
    mutating func redirected(_ redirect: PoolRedirect, of id: PoolConnectionID, at now: Instant) {
        let (upstream, pool) = (Int(id.upstream), Int(id.pool))
        let session = self[upstream, pool]
        switch session.phase {
        case .idle, .pausing, .connecting, .draining: return
        case .loggingIn, .awaitingJob, .active: break
        }
        guard let own = PoolRedirect(address: seats[pool].pool.name), let ownHost = own.host else { return }
        let target = PoolRedirect(
            host: redirect.host ?? session.redirect?.host ?? ownHost,
            port: redirect.port ?? session.redirect?.port ?? own.port)
        guard HostName.isSameSite(target.host ?? ownHost, as: ownHost) else {
            return outbox.append(.notice(.redirectRefused(id, target)))
        }
        guard session.redirects < Limits.redirectsMax else { return fail(id, .redirectedTooOften, at: now) }
        outbox.append(.notice(.redirected(id, target)))
        letGo(of: id, at: now)
        if let rank = seats[pool].rank { upstreams[upstream].choice.moved(Int(rank)) }
        connect(pool, for: upstream, redirect: target, redirects: session.redirects + 1, at: now)
    }
}

extension PoolRedirect {
    /// - Parameter address: "pool.example:3333" or "[2001:db8::1]:3333".
    init?(address: String) {
        guard let colon = address.lastIndex(of: ":"), let port = UInt16(address[address.index(after: colon)...]) else {
            return nil
        }
        var host = address[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() }
        self.init(host: String(host), port: port)
    }

    /// The address in the form of the configuration.
    public var address: String {
        let host = host ?? ""
        return (host.contains(":") ? "[\(host)]" : host) + ":\(port ?? 0)"
    }

    func encode(to writer: inout BinaryWriter) {
        writer.text(ifGiven: host)
        writer.integer(ifGiven: port)
    }

    init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        let host = try reader.text(ifGivenMax: PoolRedirect.hostBytesMax, "redirect.host")
        self.init(host: host, port: try reader.integer(ifGiven: UInt16.self))
    }
}

/// Decides whether two host names belong to one operator.
enum HostName {
    /// True for the same host, a subdomain of it, or a host with the same parent domain, like `eu.pool.example` and
    /// `us.pool.example`.
    ///
    /// A parent under which anyone can register a name (`com`, `co.uk`) does not count. Instead of a list of all public
    /// suffixes, a short second-level label below a country code is treated as one.
    static func isSameSite(_ host: String, as own: String) -> Bool {
        let (host, own) = (normal(host), normal(own))
        guard !host.isEmpty, host != own else { return !host.isEmpty }
        guard !isAddress(host), !isAddress(own) else { return false }
        if host.hasSuffix("." + own) { return own.contains(".") }
        guard let dot = own.firstIndex(of: ".") else { return false }
        let parent = own[own.index(after: dot)...]
        let labels = parent.split(separator: ".", omittingEmptySubsequences: false)
        guard labels.count >= 2, !labels.contains("") else { return false }
        if labels.count == 2, labels[1].utf8.count == 2, labels[0].utf8.count <= 3 { return false }
        return host == parent || host.hasSuffix("." + parent)
    }

    private static func normal(_ host: String) -> String {
        let host = host.lowercased()
        return host.hasSuffix(".") ? String(host.dropLast()) : host
    }

    /// An IPv4 or IPv6 address, whose neighbours may belong to others.
    private static func isAddress(_ host: String) -> Bool {
        host.contains(":") || host.utf8.allSatisfy { $0 == 0x2e || (0x30...0x39).contains($0) }
    }
}
