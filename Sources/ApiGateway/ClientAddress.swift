internal import Glibc

/// Whose connection it is, for limits: an IPv4 address, or the /64 network of an IPv6 address, in which one client can
/// have as many addresses as it wants.
struct ClientAddress: Hashable, Sendable {
    /// IPv6, IPv4-mapped where it is IPv4.
    private let bytes: SIMD16<UInt8>

    /// nil for other families.
    init?(_ address: UnsafePointer<sockaddr>) {
        let raw = UnsafeRawPointer(address)
        switch Int32(address.pointee.sa_family) {
        case AF_INET:
            let address = raw.loadUnaligned(as: sockaddr_in.self).sin_addr
            self.init(mapping: withUnsafeBytes(of: address) { Array($0) })
        case AF_INET6:
            let address = raw.loadUnaligned(as: sockaddr_in6.self).sin6_addr
            self.init(version6: withUnsafeBytes(of: address) { Array($0) })
        default: return nil
        }
    }

    /// - Parameter text: "192.0.2.7" or "2001:db8::1"; nil when it is no address.
    init?(_ text: String) {
        var v4 = in_addr()
        var v6 = in6_addr()
        if inet_pton(AF_INET, text, &v4) == 1 {
            self.init(mapping: withUnsafeBytes(of: v4) { Array($0) })
        } else if inet_pton(AF_INET6, text, &v6) == 1 {
            self.init(version6: withUnsafeBytes(of: v6) { Array($0) })
        } else {
            return nil
        }
    }

    private init(mapping v4: [UInt8]) { bytes = SIMD16([UInt8](repeating: 0, count: 10) + [0xff, 0xff] + v4) }

    /// A socket that takes both families sees IPv4 clients as mapped addresses.
    private init(version6 all: [UInt8]) {
        let isMapped = all.prefix(10).allSatisfy { $0 == 0 } && all[10] == 0xff && all[11] == 0xff
        bytes = SIMD16(isMapped ? all : all.prefix(8) + [UInt8](repeating: 0, count: 8))
    }

    private var isIPv4: Bool { bytes[10] == 0xff }
}

extension ClientAddress: CustomStringConvertible {
    /// "192.0.2.7" or "2001:db8:0:7::/64".
    var description: String {
        if isIPv4 { return (12..<16).map { String(bytes[$0]) }.joined(separator: ".") }
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        _ = withUnsafeBytes(of: bytes) { inet_ntop(AF_INET6, $0.baseAddress!, &text, socklen_t(text.count)) }
        return text.withUnsafeBufferPointer { String(cString: $0.baseAddress!) } + "/64"
    }
}
