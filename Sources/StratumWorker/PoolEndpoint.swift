/// Where and how a pool is reached: what a connection to it needs to know before its first byte.
///
/// TLS, a SOCKS5 proxy and the family of addresses are further fields of it, and layers of `PoolConnection`.
struct PoolEndpoint: Equatable {
    var host: String
    var port: UInt16
}
