/// An option as it was given on a command line. Their order matters: `-o a -u x -o b` gives pool a the user x, and
/// pool b none.
public struct GivenOption: Codable, Sendable, Equatable {
    /// The long name without dashes, as in `KnownOption.name`.
    public var name: String
    /// nil for options without value.
    public var value: String?

    public init(_ name: String, _ value: String? = nil) {
        self.name = name
        self.value = value
    }

    /// Picks the known options out of a command line, in their order: `--name value`, `--name=value`, `-n value`,
    /// `-n=value`, `-nvalue`, and several letters after one dash.
    ///
    /// For a line that a parser of command lines has accepted already: words that are no known option are passed over
    /// (subcommands, options of others), and what follows "--" is not looked at.
    public static func scan(_ arguments: some Sequence<String>) -> [GivenOption] {
        var given: [GivenOption] = []
        var words = Array(arguments)[...]
        while let word = words.popFirst(), word != "--" {
            if word.hasPrefix("--") {
                let parts = word.dropFirst(2).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                guard let known = parts.first.flatMap({ KnownOption.named(String($0)) }) else { continue }
                let attached = parts.count == 2 ? String(parts[1]) : nil
                given.append(GivenOption(known.name, known.valueName == nil ? nil : attached ?? words.popFirst()))
            } else if word.hasPrefix("-") {
                scan(letters: word.dropFirst(), &words, into: &given)
            }
        }
        return given
    }

    private static func scan(
        letters: Substring, _ words: inout ArraySlice<String>, into given: inout [GivenOption]
    ) {
        var rest = letters
        while let letter = rest.popFirst() {
            guard let known = KnownOption.short(letter) else { return }
            if known.valueName == nil {
                given.append(GivenOption(known.name))
                continue
            }
            if rest.first == "=" { rest = rest.dropFirst() }
            given.append(GivenOption(known.name, rest.isEmpty ? words.popFirst() : String(rest)))
            return
        }
    }
}
