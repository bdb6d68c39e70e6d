/// The parameters of a request, decoded.
struct QueryParameters: Sendable {
    /// More than any document needs, with room for parameters that clients add.
    static let countMax = 32

    private var values: [String: String] = [:]
    private var repeated: Set<String> = []

    /// - Parameter query: what follows the `?`, as received.
    init(parsing query: String) throws(QueryFault) {
        let parts = query.utf8.split(separator: UInt8(ascii: "&"))
        guard parts.count <= Self.countMax else {
            throw QueryFault(parameter: "query", expectation: "at most \(Self.countMax) parameters")
        }
        for part in parts {
            let halves = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = Self.decoded(halves[0])
            if values.updateValue(halves.count > 1 ? Self.decoded(halves[1]) : "", forKey: name) != nil {
                repeated.insert(name)
            }
        }
    }

    /// nil if absent.
    func text(_ name: String) throws(QueryFault) -> String? {
        guard !repeated.contains(name) else { throw QueryFault(parameter: name, expectation: "to be given only once") }
        return values[name]
    }

    /// nil if absent.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(QueryFault) -> Int? {
        guard let text = try text(name) else { return nil }
        // Digits only: `Int` would accept "+5".
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let number = Int(text),
            range.contains(number)
        else {
            throw QueryFault(
                parameter: name, expectation: "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// The text without percent-encoding. A `%` without two hexadecimal digits is kept; invalid UTF-8 becomes U+FFFD.
    static func decoded(_ text: some Collection<UInt8>) -> String {
        let text = Array(text)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "%"), index + 2 < text.count,
                let high = hexDigit(text[index + 1]), let low = hexDigit(text[index + 2])
            {
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(text[index] == UInt8(ascii: "+") ? UInt8(ascii: " ") : text[index])
                index += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
