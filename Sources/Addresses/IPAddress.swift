/// An IP address as a number. An IPv4-mapped IPv6 address (`::ffff:192.0.2.1`) is equal to the IPv4 address.
public struct IPAddress: Hashable, Sendable {
    /// The 128 bits of the IPv6 address; IPv4 is stored as IPv4-mapped.
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    public init(v4: UInt32) {
        self.init(high: 0, low: 0xffff << 32 | UInt64(v4))
    }

    /// Parses "192.0.2.1", "2001:db8::1" or "::ffff:192.0.2.1": decimal numbers without leading zeros, no zone, no
    /// brackets. nil for anything else.
    public init?(_ text: Span<UInt8>) {
        if let number = IPAddress.v4(text) {
            self.init(v4: number)
        } else if let address = IPAddress.v6(text) {
            self = address
        } else {
            return nil
        }
    }

    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        self.init(bytes.span)
    }

    public var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }

    // MARK: - Reading

    /// Parses an IPv4 address.
    public static func v4(_ text: Span<UInt8>) -> UInt32? {
        var address: UInt32 = 0
        var position = 0
        for part in 0..<4 {
            if part > 0 {
                guard position < text.count, text[position] == 0x2e else { return nil }
                position += 1
            }
            let start = position
            var number: UInt32 = 0
            while position < text.count, position - start < 3, case 0x30...0x39 = text[position] {
                number = number * 10 + UInt32(text[position] - 0x30)
                position += 1
            }
            let digits = position - start
            guard digits > 0, number <= 255, digits == 1 || text[start] != 0x30 else { return nil }
            address = address << 8 | number
        }
        return position == text.count ? address : nil
    }

    /// Parses an IPv6 address; it can end with an IPv4 address.
    public static func v6(_ text: Span<UInt8>) -> IPAddress? {
        var groups = InlineArray<8, UInt16>(repeating: 0)
        var count = 0
        // The number of groups before "::".
        var gap: Int?
        var position = 0
        if text.count >= 2, text[0] == 0x3a, text[1] == 0x3a {
            gap = 0
            position = 2
        }
        while position < text.count {
            let start = position
            var value: UInt32 = 0
            while position < text.count, position - start < 5, let digit = IPAddress.hexDigit(text[position]) {
                value = value << 4 | UInt32(digit)
                position += 1
            }
            if position < text.count, text[position] == 0x2e {
                guard count <= 6, let number = v4(text.extracting(start...)) else { return nil }
                groups[count] = UInt16(number >> 16)
                groups[count + 1] = UInt16(truncatingIfNeeded: number)
                count += 2
                position = text.count
                break
            }
            guard (1...4).contains(position - start), count < 8 else { return nil }
            groups[count] = UInt16(value)
            count += 1
            guard position < text.count else { break }
            guard text[position] == 0x3a, position + 1 < text.count else { return nil }
            position += 1
            if text[position] == 0x3a {
                guard gap == nil else { return nil }
                gap = count
                position += 1
            }
        }
        // "::" represents at least one group.
        guard gap == nil ? count == 8 : count <= 7 else { return nil }
        var halves: (UInt64, UInt64) = (0, 0)
        for place in 0..<8 {
            let front = gap ?? 8
            let index = place < front ? place : place - (8 - count)
            let group = place < front || index >= front ? groups[index] : 0
            halves = (halves.0 << 16 | halves.1 >> 48, halves.1 << 16 | UInt64(group))
        }
        return IPAddress(high: halves.0, low: halves.1)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x41 + 10
        case 0x61...0x66: byte - 0x61 + 10
        default: nil
        }
    }

    // MARK: - Writing

    /// The text in the system's format: the longest run of zero groups becomes "::".
    public var text: String {
        if isIPv4 {
            return (0..<4).map { "\(UInt8(truncatingIfNeeded: low >> UInt64(24 - 8 * $0)))" }.joined(separator: ".")
        }
        let groups = (0..<8).map { place in
            UInt16(truncatingIfNeeded: (place < 4 ? high : low) >> UInt64(48 - 16 * (place % 4)))
        }
        var (longest, run) = (0..<0, 0..<0)
        for place in 0..<8 {
            run = groups[place] != 0 ? place + 1..<place + 1 : run.lowerBound..<place + 1
            if run.count > longest.count { longest = run }
        }
        func words(_ groups: ArraySlice<UInt16>) -> String {
            groups.map { String($0, radix: 16) }.joined(separator: ":")
        }
        guard longest.count > 1 else { return words(groups[...]) }
        return words(groups[..<longest.lowerBound]) + "::" + words(groups[longest.upperBound...])
    }
}
