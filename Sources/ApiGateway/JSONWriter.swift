/// Writes one JSON document into bytes: pretty, indented by four spaces, in the order of the calls.
///
/// By hand and not through `Codable`, because the workers table has thousands of rows and is written anew for every
/// snapshot (measured: 20 times faster), and because order, layout and number format are part of the contract.
///
/// ```swift
/// var json = JSONWriter()
/// json.object {
///     $0.member("accepted", 9)
///     $0.array("total", .onePerLine, [Hundredths(12), Hundredths(0)])
/// }
/// ```
struct JSONWriter {
    /// How the elements of an array stand.
    enum ArrayLayout {
        /// `[`, each element on its own line, `]`: as in the documents of 2.4.
        case onePerLine
        /// `[1, 2, 3]`: as in the documents of later versions.
        case inLine
    }

    private(set) var bytes: [UInt8] = []
    private var depth = 0
    /// True when the innermost container has no element yet: no comma is due.
    private var isFirst = true
    /// True within an array that stands in a line.
    private var isInLine = false

    init(reserving capacity: Int = 2_048) {
        bytes.reserveCapacity(capacity)
    }

    // MARK: Values where a value is expected: the document itself, or an element of an array.

    mutating func object(_ members: (inout JSONWriter) -> Void) {
        separate()
        container(open: UInt8(ascii: "{"), close: UInt8(ascii: "}"), inLine: false, members)
    }

    mutating func array(_ layout: ArrayLayout, _ elements: (inout JSONWriter) -> Void) {
        separate()
        container(open: UInt8(ascii: "["), close: UInt8(ascii: "]"), inLine: layout == .inLine, elements)
    }

    mutating func element(_ value: some JSONValue) {
        separate()
        value.append(to: &bytes)
    }

    // MARK: Members of an object.

    mutating func member(_ key: StaticString, _ value: some JSONValue) {
        self.key(key)
        value.append(to: &bytes)
    }

    mutating func object(_ key: StaticString, _ members: (inout JSONWriter) -> Void) {
        self.key(key)
        container(open: UInt8(ascii: "{"), close: UInt8(ascii: "}"), inLine: false, members)
    }

    mutating func array(_ key: StaticString, _ layout: ArrayLayout, _ elements: (inout JSONWriter) -> Void) {
        self.key(key)
        container(open: UInt8(ascii: "["), close: UInt8(ascii: "]"), inLine: layout == .inLine, elements)
    }

    mutating func array(_ key: StaticString, _ layout: ArrayLayout, _ values: [some JSONValue]) {
        array(key, layout) { for value in values { $0.element(value) } }
    }

    // MARK: Members whose keys are data.

    mutating func member(named key: String, _ value: some JSONValue) {
        self.key(named: key)
        value.append(to: &bytes)
    }

    mutating func object(named key: String, _ members: (inout JSONWriter) -> Void) {
        self.key(named: key)
        container(open: UInt8(ascii: "{"), close: UInt8(ascii: "}"), inLine: false, members)
    }

    // MARK: Layout.

    private mutating func key(_ key: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        key.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(contentsOf: [UInt8(ascii: "\""), UInt8(ascii: ":"), UInt8(ascii: " ")])
    }

    private mutating func key(named key: String) {
        separate()
        key.append(to: &bytes)
        bytes.append(contentsOf: [UInt8(ascii: ":"), UInt8(ascii: " ")])
    }

    private mutating func container(
        open: UInt8, close: UInt8, inLine: Bool, _ content: (inout JSONWriter) -> Void
    ) {
        let outerIsInLine = isInLine
        bytes.append(open)
        depth += 1
        isFirst = true
        isInLine = inLine || outerIsInLine
        content(&self)
        depth -= 1
        // An empty container is written as `[]`, also where its elements would have lines of their own.
        if !isFirst && !isInLine { newLine() }
        bytes.append(close)
        isFirst = false
        isInLine = outerIsInLine
    }

    private mutating func separate() {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        if depth > 0 {
            if !isInLine { newLine() } else if !isFirst { bytes.append(UInt8(ascii: " ")) }
        }
        isFirst = false
    }

    private mutating func newLine() {
        bytes.append(UInt8(ascii: "\n"))
        for _ in 0..<depth * 4 { bytes.append(UInt8(ascii: " ")) }
    }
}

/// A value that knows its JSON.
protocol JSONValue {
    func append(to bytes: inout [UInt8])
}

/// A number with at most two decimals and always a decimal point, as all rates of the API: 0.0, 0.1, 12.34.
struct Hundredths: JSONValue, Equatable {
    let count: UInt64

    init(_ count: UInt64) { self.count = count }

    /// A hashrate in H/s as kH/s, rounded down (xmrig-proxy issue 25). What is no number, or negative, is 0.
    init(kilohashes hashesPerSecond: Double) {
        // Tens of hashes are hundredths of kilohashes. Not through `x / 1000 * 100`, where 290 H/s would become 0.28.
        let tens = hashesPerSecond / 10
        guard tens >= 1, tens.isFinite else {
            count = 0
            return
        }
        count = tens < 0x1p64 ? UInt64(tens) : .max
    }

    /// `numerator / denominator`, rounded down; 0 when there is nothing to divide by.
    init(ratio numerator: UInt32, to denominator: UInt32) {
        count = denominator == 0 ? 0 : UInt64(numerator) * 100 / UInt64(denominator)
    }

    func append(to bytes: inout [UInt8]) {
        (count / 100).append(to: &bytes)
        let (tens, ones) = (count % 100).quotientAndRemainder(dividingBy: 10)
        bytes.append(UInt8(ascii: "."))
        bytes.append(UInt8(ascii: "0") + UInt8(tens))
        if ones > 0 { bytes.append(UInt8(ascii: "0") + UInt8(ones)) }
    }
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
    /// Worker names and pool texts come from outside: every character that JSON forbids in a string is escaped.
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
