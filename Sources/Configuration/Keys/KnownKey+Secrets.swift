/// Whether a value of the configuration is secret and replaced before it is served. A wallet (`user`) is not secret.
enum Secrecy: Equatable {
    case open
    /// The value itself.
    case secret
    /// A text that can contain a login: "stratum+tcp://user:password@host".
    case secretWithLogin
}

extension KnownKey {
    /// Keys that are not `open`.
    static let secrets: [String: Secrecy] = [
        "pools[].url": .secretWithLogin,
        "pools[].pass": .secret,
        "pools[].socks5": .secretWithLogin,
        "pools[].self-select": .secretWithLogin,
        "pools[].spend-secret-key": .secret,
        "access-password": .secret,
        "tls.cert_key": .secret,
        "tls.cert-key": .secret,
        "http.access-token": .secret,
        "api.access-token": .secret,
    ]

    /// Keys whose values are files or directories.
    static let filePaths: Set<String> = [
        "log-file", "access-log-file", "millrace.run-dir", "millrace.database", "tls.cert", "tls.cert_key",
        "tls.cert-key", "tls.dhparam", "millrace.limits.allow-file", "millrace.limits.deny-file",
    ]

    private static let paths = Set(all.map(\.path))

    /// Parts of unknown keys that are probably misspelt or foreign names of the secret keys above.
    static let tellingNames = [
        "pas", "pwd", "token", "secret", "key", "login", "seed", "auth", "credential", "private",
    ]

    /// - Parameter path: with "[]" for elements of a list: "pools[].pass".
    static func secrecy(of path: String) -> Secrecy {
        if let secrecy = secrets[path] { return secrecy }
        if paths.contains(path) { return .open }
        let name = path.split(separator: ".").last?.lowercased() ?? ""
        return tellingNames.contains { name.contains($0) } ? .secret : .secretWithLogin
    }
}

extension Secrecy {
    /// Whether a value must not be shown. Objects and lists are checked member by member.
    func hides(_ value: JSONValue) -> Bool {
        switch (self, value) {
        case (.open, _), (_, .null), (_, .boolean), (_, .array), (_, .object): false
        case (.secret, .integer), (.secret, .decimal): true
        case (.secretWithLogin, .integer), (.secretWithLogin, .decimal): false
        case (.secret, .text(let text)): !text.isEmpty
        case (.secretWithLogin, .text(let text)): text.contains("@")
        }
    }
}
