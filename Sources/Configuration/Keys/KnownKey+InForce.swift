extension KnownKey {
    /// The value in force of a key whose values have rules besides type and range. `Interpretation` has the same rules
    /// and warns about ignored values. nil = the default.
    func settled(_ value: JSONValue) -> JSONValue? {
        switch (path, value) {
        case ("custom-diff", .integer(let difficulty)):
            difficulty == 0 || Interpretation.customDifficulties.contains(difficulty) ? value : nil
        case ("dns.ip_version", .integer(let version)): [0, 4, 6].contains(version) ? value : nil
        case ("dns.ttl", .integer(let seconds)): .integer(min(max(seconds, 1), Int64(Int32.max)))
        case ("print-time", .integer(let seconds)):
            seconds < 0 ? nil : .integer(min(seconds, Int64(Settings.printSecondsMax)))
        case ("bind", .text(let address)): address.isEmpty ? nil : .array([JSONNode(value: value, origin: .nowhere)])
        case ("bind", .object): .array([JSONNode(value: value, origin: .nowhere)])
        case ("pools[].tls-fingerprint", .text(let text)): .text(Interpretation.fingerprint(text) ?? text)
        case ("tls.protocols", .text(let text)): TLSProtocols(text).known.map { .text($0) }
        case ("mode", .text(let name)): name.lowercased() == "simple" ? .text("simple") : nil
        case ("workers", .text(let name)): Settings.WorkerNaming(rawValue: name.lowercased()).map { .text($0.rawValue) }
        default: value
        }
    }
}
