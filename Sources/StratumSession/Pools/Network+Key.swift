internal import Addresses

extension Network {
    /// Calls `body` with the bytes that identify an address: for IPv6 those of its network.
    /// - Parameter text: as the system writes it. Text that is not an IPv6 address is used unchanged.
    static func forEachByte(of text: ArraySlice<UInt8>, _ body: (UInt8) -> Void) {
        // A zone ("%eth0") is not part of the network.
        guard text.contains(0x3a), let address = IPAddress(Array(text.prefix { $0 != 0x25 }).span), !address.isIPv4
        else {
            for byte in text { body(byte) }
            return
        }
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            body(UInt8(truncatingIfNeeded: address.high >> shift))
        }
    }
}
