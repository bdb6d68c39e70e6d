/// Hexadecimal text, the form of binary data in CryptoNote Stratum.
public enum Hex {
    /// The value of a digit in either case; nil for other bytes.
    @inline(__always)
    public static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit &- 0x30
        case 0x61...0x66: digit &- 0x61 &+ 10
        case 0x41...0x46: digit &- 0x41 &+ 10
        default: nil
        }
    }

    /// The lower-case digit of a value below 16.
    @inline(__always)
    public static func digit(of value: UInt8) -> UInt8 {
        let low = value & 0x0f
        return low < 10 ? 0x30 &+ low : 0x61 &- 10 &+ low
    }

    /// True when `text` is exactly `count` hexadecimal digits.
    public static func isHex(_ text: Span<UInt8>, count: Int) -> Bool {
        guard text.count == count else { return false }
        for position in text.indices where value(of: text[position]) == nil { return false }
        return true
    }

    /// The byte of the two digits at `position`; nil when they are missing or not digits.
    @inline(__always)
    public static func byte(_ text: Span<UInt8>, at position: Int) -> UInt8? {
        guard position >= 0, position < text.count - 1 else { return nil }
        guard let high = value(of: text[position]), let low = value(of: text[position + 1]) else { return nil }
        return high << 4 | low
    }

    /// The number of 4 to 16 digits, most significant first; nil for other text.
    public static func number(_ text: Span<UInt8>) -> UInt64? {
        guard (4...16).contains(text.count) else { return nil }
        var number: UInt64 = 0
        for position in text.indices {
            guard let value = value(of: text[position]) else { return nil }
            number = number << 4 | UInt64(value)
        }
        return number
    }

    /// Decodes exactly `size` bytes; nil when `text` is not `2 * size` hexadecimal digits.
    public static func decode<let size: Int>(_ text: Span<UInt8>) -> InlineArray<size, UInt8>? {
        guard text.count == size * 2 else { return nil }
        var bytes = InlineArray<size, UInt8>(repeating: 0)
        for position in 0..<size {
            guard let byte = byte(text, at: position * 2) else { return nil }
            bytes[position] = byte
        }
        return bytes
    }
}

extension [UInt8] {
    /// Appends the two lower-case digits of a byte.
    @inline(__always)
    public mutating func append(hex byte: UInt8) {
        append(Hex.digit(of: byte >> 4))
        append(Hex.digit(of: byte))
    }

    /// Appends the lower-case digits of `bytes`.
    @inline(__always)
    public mutating func append(hex bytes: Span<UInt8>) {
        append(addingCapacity: 2 * bytes.count) { output in
            for position in bytes.indices {
                output.append(Hex.digit(of: bytes[position] >> 4))
                output.append(Hex.digit(of: bytes[position]))
            }
        }
    }

    /// Appends 16 digits, most significant first, as in a session id.
    public mutating func append(hex64 number: UInt64) {
        for shift in stride(from: 56, through: 0, by: -8) { append(hex: UInt8(truncatingIfNeeded: number >> shift)) }
    }

    /// Appends 8 digits, the little-endian bytes of a number, as in nonces and targets.
    public mutating func append(hexLittleEndian number: UInt32) {
        for shift in stride(from: 0, through: 24, by: 8) { append(hex: UInt8(truncatingIfNeeded: number >> shift)) }
    }
}
