/// The unit to which limits apply: an IPv4 address, or the first 64 bits of an IPv6 address, the usual network of one
/// customer, who can use any number of addresses in it.
public struct Network: Hashable, Sendable {
    /// As in `IPAddress`; for IPv6 the low half is 0.
    public let high: UInt64
    public let low: UInt64

    public init(_ address: IPAddress) {
        self.init(high: address.high, low: address.isIPv4 ? address.low : 0)
    }

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// - Parameter text: "192.0.2.7" or "2001:db8::1", the latter also with "/64"; nil for anything else.
    public init?(_ text: String) {
        let address = text.hasSuffix("/64") && text.contains(":") ? String(text.dropLast(3)) : text
        guard let address = IPAddress(address) else { return nil }
        self.init(address)
    }

    public var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }

    /// 127.0.0.0/8, and the network of ::1. A local balancer can connect from there for all miners.
    public var isLoopback: Bool { isIPv4 ? low >> 24 & 0xff == 127 : high == 0 }

    /// "192.0.2.7" or "2001:db8:0:7::/64".
    public var text: String { IPAddress(high: high, low: low).text + (isIPv4 ? "" : "/64") }
}
