/// Writes JSON for people to edit: members in order, one per line, indented by four spaces.
struct JSONText {
    private(set) var text = ""

    static func of(_ object: JSONObject) -> String {
        var writer = JSONText()
        writer.write(.object(object), depth: 0)
        return writer.text + "\n"
    }

    private mutating func write(_ value: JSONValue, depth: Int) {
        switch value {
        case .null: text += "null"
        case .boolean(let flag): text += flag ? "true" : "false"
        case .integer(let number): text += String(number)
        case .decimal(let number): text += "\(number)"
        case .text(let string): write(string)
        case .array(let nodes):
            writeList("[", "]", nodes, depth: depth) { writer, node in writer.write(node.value, depth: depth + 1) }
        case .object(let object):
            writeList("{", "}", object.members, depth: depth) { writer, member in
                writer.write(member.key)
                writer.text += ": "
                writer.write(member.node.value, depth: depth + 1)
            }
        }
    }

    private mutating func writeList<Item>(
        _ open: String, _ close: String, _ items: [Item], depth: Int, _ write: (inout JSONText, Item) -> Void
    ) {
        guard !items.isEmpty else {
            text += open + close
            return
        }
        text += open
        for (index, item) in items.enumerated() {
            text += (index == 0 ? "\n" : ",\n") + String(repeating: "    ", count: depth + 1)
            write(&self, item)
        }
        text += "\n" + String(repeating: "    ", count: depth) + close
    }

    private mutating func write(_ string: String) {
        text += "\""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "\"": text += "\\\""
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\t": text += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let code = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - code.count) + code
            default: text.unicodeScalars.append(scalar)
            }
        }
        text += "\""
    }
}
