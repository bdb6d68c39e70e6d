/// Replaces `${NAME}` in values of the configuration by the environment variable of that name, or by one of
/// xmrig-proxy's built-in names (docs/COMPATIBILITY.md, "Pool sessions").
struct Expansion {
    let surroundings: Surroundings
    /// The first directory in which `config.json` is searched; `${XMRIG_DATA_DIR}`.
    let dataDirectory: String

    /// Returns the text with its variables replaced, and the names that are not set, which stay as written. The values
    /// of variables are not expanded again.
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

    /// Whether `expand` would find a variable in this text.
    static func holdsVariable(_ text: String) -> Bool {
        text.indices.contains { text[$0] == "$" && leadingName(of: text[$0...]) != nil }
    }

    /// NAME, if `text` begins with "${NAME}". A name consists of letters, digits and underscores. Anything else between
    /// braces is probably part of a password and must not appear in a warning.
    private static func leadingName(of text: Substring) -> String? {
        guard text.hasPrefix("${"), let end = text.firstIndex(of: "}") else { return nil }
        let name = text[..<end].dropFirst(2)
        let isName = name.utf8.allSatisfy { $0 == UInt8(ascii: "_") || $0.isDigit || $0.isLetter }
        return isName && !name.isEmpty ? String(name) : nil
    }

    /// Built-in names override the environment, except `HOSTNAME`, which is only used when the variable is not set.
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
