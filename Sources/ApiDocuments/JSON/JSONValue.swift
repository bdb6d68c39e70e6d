/// A value that can be written as JSON.
protocol JSONValue {
    /// Appends the JSON text of the value.
    func append(to bytes: inout [UInt8])
}

extension UInt64: JSONValue {
    func append(to bytes: inout [UInt8]) {
        var rest = self
        let start = bytes.count
        repeat {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            bytes.append(UInt8(ascii: "0") + UInt8(digit))
            rest = quotient
        } while rest > 0
        bytes[start...].reverse()
    }
}

extension UInt32: JSONValue {
    func append(to bytes: inout [UInt8]) { UInt64(self).append(to: &bytes) }
}

extension Int: JSONValue {
    func append(to bytes: inout [UInt8]) {
        if self < 0 { bytes.append(UInt8(ascii: "-")) }
        UInt64(magnitude).append(to: &bytes)
    }
}

extension Optional: JSONValue where Wrapped: JSONValue {
    func append(to bytes: inout [UInt8]) {
        if let self { self.append(to: &bytes) } else { bytes.append(contentsOf: "null".utf8) }
    }
}

extension Bool: JSONValue {
    func append(to bytes: inout [UInt8]) { bytes.append(contentsOf: (self ? "true" : "false").utf8) }
}

extension String: JSONValue {
    /// Escapes every character that JSON forbids in a string: miners choose worker names, pools their texts.
    func append(to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        var copy = self
        copy.withUTF8 { text in
            if text.allSatisfy({ !String.needsEscape($0) }) {
                bytes.append(contentsOf: text)
            } else {
                for byte in text { String.appendEscaped(byte, to: &bytes) }
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func needsEscape(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private static func appendEscaped(_ byte: UInt8, to bytes: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "\""): bytes.append(contentsOf: #"\""#.utf8)
        case UInt8(ascii: "\\"): bytes.append(contentsOf: #"\\"#.utf8)
        case UInt8(ascii: "\n"): bytes.append(contentsOf: #"\n"#.utf8)
        case UInt8(ascii: "\r"): bytes.append(contentsOf: #"\r"#.utf8)
        case UInt8(ascii: "\t"): bytes.append(contentsOf: #"\t"#.utf8)
        case 0..<0x20:
            let digits = Array("0123456789abcdef".utf8)
            bytes.append(contentsOf: #"\u00"#.utf8)
            bytes.append(digits[Int(byte >> 4)])
            bytes.append(digits[Int(byte & 15)])
        default: bytes.append(byte)
        }
    }
}
