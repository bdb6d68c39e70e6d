extension JSONParser {
    /// The line with invalid text replaced by U+FFFD: bytes that are not UTF-8, and escaped surrogates without their
    /// other half. nil when nothing had to be replaced.
    ///
    /// Some farms use such names (Latin-1 from an old script, half an emoji), and other proxies serve them. The result
    /// has at most three times the bytes.
    static func repaired(_ line: Span<UInt8>) -> [UInt8]? {
        var bytes = line.withUnsafeBufferPointer { Array(String(decoding: $0, as: UTF8.self).utf8) }
        let isUTF8 = bytes.count == line.count && bytes.indices.allSatisfy { bytes[$0] == line[$0] }
        let hadLoneSurrogate = replaceLoneSurrogates(in: &bytes)
        return isUTF8 && !hadLoneSurrogate ? nil : bytes
    }

    /// - Returns: whether there was one.
    private static func replaceLoneSurrogates(in bytes: inout [UInt8]) -> Bool {
        var isChanged = false
        var position = 0
        while position + 1 < bytes.count {
            guard bytes[position] == 0x5c else {
                position += 1
                continue
            }
            guard let unit = escapedUnit(bytes, at: position) else {
                // Another escape, or an invalid one, which the parser reports.
                position += 2
                continue
            }
            if 0xd800..<0xdc00 ~= unit, let low = escapedUnit(bytes, at: position + 6), 0xdc00..<0xe000 ~= low {
                position += 12
            } else {
                if 0xd800..<0xe000 ~= unit {
                    bytes.replaceSubrange((position + 2)..<(position + 6), with: "fffd".utf8)
                    isChanged = true
                }
                position += 6
            }
        }
        return isChanged
    }

    /// The code unit of a `\uXXXX` escape at a position; nil when there is no such escape.
    private static func escapedUnit(_ bytes: [UInt8], at position: Int) -> UInt16? {
        guard position + 6 <= bytes.count, bytes[position] == 0x5c, bytes[position + 1] == 0x75 else { return nil }
        let digits: InlineArray<2, UInt8>? = Hex.decode(bytes.span.extracting((position + 2)..<(position + 6)))
        return digits.map { UInt16($0[0]) << 8 | UInt16($0[1]) }
    }
}
