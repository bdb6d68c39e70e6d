/// Writes the members of one JSON object on one line, without spaces. `JSONWriter` writes documents for people.
struct LineJSON {
    var bytes: [UInt8]
    private var isFirst = true

    init(bytes: consuming [UInt8]) { self.bytes = bytes }

    mutating func member(_ key: StaticString, _ value: (some JSONValue)?) {
        self.key(key)
        if let value { value.append(to: &bytes) } else { bytes.append(contentsOf: "null".utf8) }
    }

    mutating func member(_ key: StaticString, _ values: [some JSONValue]) {
        self.key(key)
        bytes.append(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            value.append(to: &bytes)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func key(_ key: StaticString) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        bytes.append(UInt8(ascii: "\""))
        key.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }
}
