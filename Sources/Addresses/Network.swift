/// An address as limits see it: IPv4 whole, IPv6 by its first 64 bits, which is what one customer gets, who can have as
/// many addresses in it as he wants.
public struct Network: Hashable, Sendable {
    /// As in `IPAddress`; of IPv6 the low half is 0.
    public let high: UInt64
    public let low: UInt64

    public init(_ address: IPAddress) {
        self.init(high: address.high, low: address.isIPv4 ? address.low : 0)
    }

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// - Parameter text: "192.0.2.7", "2001:db8::1", also with "/64" behind it; nil when it is neither.
    public init?(_ text: String) {
        let address = text.hasSuffix("/64") && text.contains(":") ? String(text.dropLast(3)) : text
        guard let address = IPAddress(address) else { return nil }
        self.init(address)
    }

    public var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }

    /// 127.0.0.0/8, and the network of ::1. A balancer on the same machine may speak for everyone from there.
    public var isLoopback: Bool { isIPv4 ? low >> 24 & 0xff == 127 : high == 0 }

    /// "192.0.2.7" or "2001:db8:0:7::/64".
    public var text: String { IPAddress(high: high, low: low).text + (isIPv4 ? "" : "/64") }
}
