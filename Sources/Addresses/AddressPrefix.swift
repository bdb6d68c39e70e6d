/// The addresses that begin with the same bits: "10.0.0.0/8", "2001:db8::/32", or one address.
public struct AddressPrefix: Hashable, Sendable {
    /// The first address of it.
    public let address: IPAddress
    /// How many bits count, of 128.
    public let bits: Int

    /// Bits behind the prefix do not count. nil when it is no such text.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let address = IPAddress(String(parts[0])) else { return nil }
        var bits = 128
        if parts.count == 2 {
            guard let number = UInt8(parts[1]), String(number) == parts[1] else { return nil }
            bits = Int(number) + (parts[0].contains(":") ? 0 : 96)
        }
        self.init(address, bits: bits)
    }

    /// - Parameter bits: of 128, also for IPv4, whose addresses are written as IPv4-mapped. nil when there are not that many, and
    ///   for a prefix of IPv4-mapped addresses that is shorter than their common part: that one means IPv6.
    public init?(_ address: IPAddress, bits: Int) {
        guard (0...128).contains(bits), !address.isIPv4 || bits >= 96 else { return nil }
        self.bits = bits
        self.address = IPAddress(
            high: address.high & (bits >= 64 ? .max : ~(UInt64.max >> UInt64(bits))),
            low: address.low & (bits <= 64 ? 0 : ~(bits == 128 ? 0 : UInt64.max >> UInt64(bits - 64))))
    }

    /// How many bits count, of 32 or 128.
    public var length: Int { address.isIPv4 ? bits - 96 : bits }

    /// An IPv6 prefix contains no IPv4 address, however short it is.
    public func contains(_ other: IPAddress) -> Bool {
        other.isIPv4 == address.isIPv4 && AddressPrefix(other, bits: bits) == self
    }
}
