internal import Configuration
internal import TLSHandshake

/// Where and how a pool is reached: what a connection to it needs to know before its first byte.
///
/// A SOCKS5 proxy and the family of addresses are further fields of it, and layers of `PoolConnection`.
struct PoolEndpoint: Equatable {
    var host: String
    var port: UInt16
    /// nil = plain TCP.
    var tls: Settings.PoolTLS?
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
    /// For `ShardPolicy.Pool.tls`.
    var text: String { "sni=\(sendsServerName) sha256=\(fingerprint ?? "any") verify=\(verifies)" }
}
