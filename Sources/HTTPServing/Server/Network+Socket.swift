internal import Addresses
internal import CMicrohttpd
internal import Glibc

extension Network {
    /// The network that the limits count a client as: an IPv4 address, or a /64 network of IPv6. nil for other
    /// families.
    init?(_ address: UnsafePointer<sockaddr>) {
        let raw = UnsafeRawPointer(address)
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            let address = raw.loadUnaligned(as: sockaddr_in.self).sin_addr.s_addr
            self.init(IPAddress(v4: UInt32(bigEndian: address)))
        case AF_INET6:
            let halves = withUnsafeBytes(of: raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr) {
                ($0.loadUnaligned(as: UInt64.self), $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            }
            self.init(IPAddress(high: UInt64(bigEndian: halves.0), low: UInt64(bigEndian: halves.1)))
        default: return nil
        }
    }
}
