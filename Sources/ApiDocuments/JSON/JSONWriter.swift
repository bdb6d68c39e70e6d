/// Writes one JSON document: indented by four spaces, in the order of the calls.
///
/// It does not use `Codable`, because the workers table has thousands of rows and is written for every snapshot
/// (measured: 20 times faster), and because order, layout and number format are part of the API.
///
/// ```swift
/// var json = JSONWriter()
/// json.object {
///     $0.member("accepted", 9)
///     $0.array("total", .onePerLine, [Hundredths(12), Hundredths(0)])
/// }
/// ```
struct JSONWriter {
    /// The layout of an array.
    enum ArrayLayout {
        /// Each element on its own line, as in the documents of xmrig-proxy 2.4.
        case onePerLine
        /// `[1, 2, 3]`, as in the documents of later versions.
        case inLine
    }

    private(set) var bytes: [UInt8] = []
    private var depth = 0
    /// The innermost container has no element yet: no comma is needed.
    private var isFirst = true
    /// Within an array that is written in one line.
    private var isInLine = false

    init(reserving capacity: Int = 2_048) {
        bytes.reserveCapacity(capacity)
    }

    // MARK: The document itself, or an element of an array.

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
        // An empty container is written as `[]` in both layouts.
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
