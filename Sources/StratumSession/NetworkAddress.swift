/// An address as limits see it: IPv4 whole, IPv6 by its first 64 bits, which is what one customer gets.
enum NetworkAddress {
    /// Calls `body` with the bytes that tell it from others.
    /// - Parameter text: as the system writes it. What is no IPv6 address is taken as it is.
    static func forEachByte(of text: ArraySlice<UInt8>, _ body: (UInt8) -> Void) {
        guard let groups = network(of: text) else {
            for byte in text { body(byte) }
            return
        }
        for group in 0..<4 {
            body(UInt8(truncatingIfNeeded: groups[group] >> 8))
            body(UInt8(truncatingIfNeeded: groups[group]))
        }
    }

    /// The first four groups of an IPv6 address; nil for everything else, IPv4 in IPv6 included.
    private static func network(of text: ArraySlice<UInt8>) -> InlineArray<4, UInt16>? {
        guard text.contains(0x3a), !text.contains(0x2e) else { return nil }
        var groups = InlineArray<8, UInt16>(repeating: 0)
        var count = 0
        // Groups in front of "::"; nil when there is none.
        var gap: Int?
        var value: UInt16 = 0
        var digits = 0
        for position in text.indices {
            let byte = text[position]
            // A zone ("%eth0") is not part of the network.
            if byte == 0x25 { break }
            if byte == 0x3a {
                if position > text.startIndex, text[position - 1] == 0x3a { gap = count }
                if digits > 0, count < 8 {
                    groups[count] = value
                    count += 1
                }
                (value, digits) = (0, 0)
                continue
            }
            let digit: UInt8
            switch byte {
            case 0x30...0x39: digit = byte - 0x30
            case 0x41...0x46: digit = byte - 0x41 + 10
            case 0x61...0x66: digit = byte - 0x61 + 10
            default: return nil
            }
            value = value << 4 | UInt16(digit)
            digits += 1
        }
        if digits > 0, count < 8 {
            groups[count] = value
            count += 1
        }
        var network = InlineArray<4, UInt16>(repeating: 0)
        for group in 0..<4 {
            let inFront = gap ?? count
            if group < inFront {
                network[group] = groups[group]
            } else if group >= 8 - (count - inFront) {
                network[group] = groups[group - (8 - count)]
            }
        }
        return network
    }
}
