/// The interpretation of a long option name.
enum OptionName {
    case known(KnownOption)
    case question(CommandLineReading.Question)
    /// An option of older versions that xmrig-proxy accepts and ignores.
    case leftover(takesValue: Bool)
    /// A prefix of several names.
    case ambiguous([String])
    /// Unknown, but one of these was probably meant.
    case misspelt([String])
    case unknown

    static let questions: [String: CommandLineReading.Question] = [
        "help": .help, "h": .help, "version": .version, "versions": .version, "V": .version,
    ]
    private static let leftovers = ["pool-coin": true]
    static let leftoverLetters: [Character: Bool] = ["C": true, "L": true, "P": false, "s": true, "T": true]

    /// Unknown names that contain one of these words are errors: the operator wants to protect something.
    private static let protecting: [(word: String, names: [String])] = [
        ("token", ["http-access-token", "api-access-token"]), ("password", ["pass", "access-password"]),
    ]

    init(_ written: String) {
        if let exact = OptionName.exactly(written) {
            self = exact
            return
        }
        let names = KnownOption.all.map(\.name) + Array(OptionName.leftovers.keys)
        let longer = names + OptionName.questions.keys.filter { $0.count > 1 }
        let candidates = written.isEmpty ? [] : longer.filter { $0.hasPrefix(written) }.sorted()
        if candidates.count == 1 || Set(candidates) == ["version", "versions"] {
            self = OptionName.exactly(candidates[0]) ?? .unknown
        } else if !candidates.isEmpty {
            self = .ambiguous(candidates)
        } else if let near = nearestOptionName(to: written, among: longer) {
            self = .misspelt([near])
        } else if let protecting = OptionName.protecting.first(where: { written.lowercased().contains($0.word) }) {
            self = .misspelt(protecting.names)
        } else {
            self = .unknown
        }
    }

    private static func exactly(_ name: String) -> OptionName? {
        if let option = KnownOption.named(name) { return .known(option) }
        if name.count > 1, let question = questions[name] { return .question(question) }
        return leftovers[name].map { .leftover(takesValue: $0) }
    }
}
