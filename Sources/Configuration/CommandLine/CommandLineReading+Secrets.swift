extension CommandLineReading {
    /// The words of a command line that end with a secret.
    /// - Parameter arguments: without the name of the program.
    /// - Returns: the index of each such word and the number of secret bytes at its end.
    public static func secrets(in arguments: [String]) -> [(index: Int, bytes: Int)] {
        let values = CommandLineReading(arguments).options.filter(\.isSecret).compactMap(\.value)
        let secrets = Set(values).filter { !$0.isEmpty }
        return arguments.enumerated().compactMap { index, word in
            // A separate word, or attached to an option: --pass=x, -px, -p=x.
            let longest = secrets.filter { $0 == word || word.hasPrefix("-") && word.hasSuffix($0) }
                .max { $0.utf8.count < $1.utf8.count }
            return longest.map { (index, $0.utf8.count) }
        }
    }
}

extension GivenOption {
    /// Whether the value must not be shown. A URL is secret when it contains a login.
    var isSecret: Bool {
        guard let value, let option = KnownOption.named(name) else { return false }
        let secrecy: Secrecy =
            switch option.effect {
            case .key(let path, _): KnownKey.secrecy(of: path.joined(separator: "."))
            case .pool(let key, _): KnownKey.secrecy(of: "pools[].\(key)")
            case .poolLogin: .secret
            case .poolURL: KnownKey.secrecy(of: "pools[].url")
            case .bind, .none: .open
            }
        return secrecy.hides(.text(value))
    }
}
