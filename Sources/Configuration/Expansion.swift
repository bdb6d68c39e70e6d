/// `${NAME}` in a value of the configuration becomes the environment variable of that name, or one of the names that
/// xmrig-proxy gives to facts of its own (docs/COMPATIBILITY.md, "Pool sessions").
struct Expansion {
    let surroundings: Surroundings
    /// Where `config.json` is looked for first; `${XMRIG_DATA_DIR}`.
    let dataDirectory: String

    /// The text with its variables replaced, and the names that are not set: those stay as they were written.
    /// What a variable brings in is not expanded again.
    func expand(_ text: String) -> (text: String, unset: [String]) {
        var result = ""
        var unset: [String] = []
        var rest = text[...]
        while let mark = rest.firstIndex(of: "$") {
            result += rest[..<mark]
            rest = rest[mark...]
            guard let name = Expansion.leadingName(of: rest) else {
                result += "$"
                rest = rest.dropFirst()
                continue
            }
            let spelling = rest.prefix(name.count + 3)
            if let value = value(of: name) {
                result += value
            } else {
                result += spelling
                unset.append(name)
            }
            rest = rest[spelling.endIndex...]
        }
        return (result + rest, unset)
    }

    /// Whether `expand` would look for a variable in this text.
    static func holdsVariable(_ text: String) -> Bool {
        text.indices.contains { text[$0] == "$" && leadingName(of: text[$0...]) != nil }
    }

    /// NAME, if `text` begins with "${NAME}". A name has letters, digits and underscores: anything else between braces
    /// is part of a password that happens to look alike, and must not appear in a warning.
    private static func leadingName(of text: Substring) -> String? {
        guard text.hasPrefix("${"), let end = text.firstIndex(of: "}") else { return nil }
        let name = text[..<end].dropFirst(2)
        let isName = name.utf8.allSatisfy { $0 == UInt8(ascii: "_") || $0.isDigit || $0.isLetter }
        return isName && !name.isEmpty ? String(name) : nil
    }

    /// The built-in names win over the environment, except `HOSTNAME`, which only stands in for a missing variable.
    private func value(of name: String) -> String? {
        switch name {
        case "XMRIG_VERSION": surroundings.version
        case "XMRIG_KIND": "proxy"
        case "XMRIG_HOSTNAME": surroundings.hostName
        case "XMRIG_EXE": surroundings.executable
        case "XMRIG_EXE_DIR": surroundings.executableDirectory
        case "XMRIG_CWD": surroundings.currentDirectory
        case "XMRIG_HOME_DIR": surroundings.homeDirectory ?? surroundings.currentDirectory
        case "XMRIG_TEMP_DIR": surroundings.temporaryDirectory
        case "XMRIG_DATA_DIR": dataDirectory
        case "HOSTNAME": surroundings.environment[name] ?? surroundings.hostName
        default: surroundings.environment[name]
        }
    }
}
