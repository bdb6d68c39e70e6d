internal import Configuration
internal import StratumProtocol
internal import TLSHandshake

/// Where and how a pool is reached: what a connection to it needs to know before its first byte. Each part beyond host
/// and port is a layer of `PoolConnection`, from the network up: the proxy, then TLS.
struct PoolEndpoint: Equatable {
    var host: String
    var port: UInt16
    /// The proxy that connects to the host; nil = this process does.
    var proxy: Settings.SOCKSProxy?
    /// nil = plain TCP.
    var tls: Settings.PoolTLS?

    init(_ pool: Settings.Pool) {
        (host, port, proxy, tls) = (pool.host, pool.port, pool.proxy, pool.tls)
    }

    /// The host and port that this process connects to.
    var dialled: (host: String, port: UInt16) { proxy.map { ($0.host, $0.port) } ?? (host, port) }

    /// For `ShardPolicy.Pool.connection`; without the proxy's password.
    var text: String {
        let through = proxy.map { "socks5=\($0.user.map { $0 + "@" } ?? "")\($0.name)" }
        return [through, tls?.text].compactMap(\.self).joined(separator: " ")
    }
}

extension SOCKSHandshake {
    init(_ proxy: Settings.SOCKSProxy, to endpoint: PoolEndpoint) {
        self.init(
            host: endpoint.host, port: endpoint.port,
            credentials: proxy.user.map { Credentials(user: $0, password: proxy.password ?? "") })
    }
}

/// The contexts for TLS to pools, one for each kind of settings.
struct ClientContexts {
    private var made: [ClientContext] = []

    mutating func context(for tls: Settings.PoolTLS) throws(ContextFailure) -> ClientContext {
        let settings = ClientContext.Settings(
            sendsServerName: tls.sendsServerName, fingerprint: tls.fingerprint, verifies: tls.verifies)
        if let known = made.first(where: { $0.settings == settings }) { return known }
        let context = try ClientContext(settings)
        made.append(context)
        return context
    }
}

extension Settings.PoolTLS {
    fileprivate var text: String { "sni=\(sendsServerName) sha256=\(fingerprint ?? "any") verify=\(verifies)" }
}
