/// The addresses with a common prefix: "10.0.0.0/8", "2001:db8::/32", or a single address.
public struct AddressPrefix: Hashable, Sendable {
    /// The first address of the prefix.
    public let address: IPAddress
    /// The length of the prefix in bits, of 128.
    public let bits: Int

    /// Parses an address with an optional "/" and prefix length. Bits after the prefix are ignored. nil when the text
    /// is invalid.
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

    /// nil when `bits` is out of range, or when an IPv4-mapped address has less than the 96 bits of the mapping: that
    /// prefix would be IPv6.
    /// - Parameter bits: of 128, also for IPv4, whose addresses are stored as IPv4-mapped.
    public init?(_ address: IPAddress, bits: Int) {
        guard (0...128).contains(bits), !address.isIPv4 || bits >= 96 else { return nil }
        self.bits = bits
        self.address = IPAddress(
            high: address.high & (bits >= 64 ? .max : ~(UInt64.max >> UInt64(bits))),
            low: address.low & (bits <= 64 ? 0 : ~(bits == 128 ? 0 : UInt64.max >> UInt64(bits - 64))))
    }

    /// The length of the prefix in bits, of 32 or 128.
    public var length: Int { address.isIPv4 ? bits - 96 : bits }

    /// Whether the prefix contains an address. An IPv6 prefix never contains an IPv4 address.
    public func contains(_ other: IPAddress) -> Bool {
        other.isIPv4 == address.isIPv4 && AddressPrefix(other, bits: bits) == self
    }
}
