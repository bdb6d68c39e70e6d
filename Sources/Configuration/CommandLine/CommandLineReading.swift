/// Reads a command line like xmrig-proxy (getopt_long(3)), so that its start scripts continue to work:
///
/// - `--name value`, `--name=value`, `-n value`, `-n=value`, `-nvalue`, and several letters after one dash.
/// - A long name can be shortened to an unambiguous prefix: `--verb`.
/// - Options can be anywhere before `--`.
///
/// What xmrig-proxy ignores causes a warning: unknown options and words that belong to no option. Probable mistakes in
/// options that matter are errors: a name within a few letters of a known one, a missing value, an ambiguous name.
/// Messages never contain a value or a word, because it can be a part of a password.
public struct CommandLineReading: Sendable {
    /// A question that is answered instead of running a command.
    public enum Question: Sendable, Equatable {
        case help, version
    }

    /// The known options in their order.
    public private(set) var options: [GivenOption] = []
    public private(set) var question: Question?
    private var findings = Findings(fileName: nil)
    /// The words that are not read yet, and the number of words read.
    private var words: ArraySlice<String>
    private var position = 0
    private var strayPositions: [Int] = []
    private var hasOptions = false

    public var warnings: [Diagnostic] { findings.warnings }
    public var errors: [Diagnostic] { findings.errors }

    /// - Parameters:
    ///   - arguments: without the name of the program.
    ///   - verbs: commands of the program. A verb as the first word is skipped. A verb elsewhere that belongs to no
    ///     option, or a misspelt one, is an error, because it must not start a service.
    public init(_ arguments: some Sequence<String>, verbs: [String] = []) {
        words = Array(arguments)[...]
        if let first = words.first, verbs.contains(first) { _ = next() }
        while let word = next() {
            if word == "--" {
                while let rest = next() { readStray(rest, verbs) }
            } else if word.hasPrefix("--") {
                readLong(word.dropFirst(2))
            } else if word.hasPrefix("-"), word.count > 1 {
                readLetters(word.dropFirst())
            } else {
                readStray(word, verbs)
            }
        }
        for stray in strayPositions where hasOptions || verbs.isEmpty {
            findings.warn(
                "word \(stray) of the command line", at: .nowhere,
                "unexpected argument, ignored (quote a value that contains blanks)")
        }
    }

    private mutating func next() -> String? {
        guard let word = words.popFirst() else { return nil }
        position += 1
        return word
    }

    private mutating func readStray(_ word: String, _ verbs: [String]) {
        if let verb = nearestOptionName(to: word, among: verbs) {
            let advice =
                verb == word
                ? "the command must be the first argument"
                : "unknown command; the commands are \(verbs.joined(separator: ", ")); did you mean"
            findings.fail("", at: .nowhere, "\(shown(word)): \(advice): millrace \(verb)")
        } else if !verbs.isEmpty, !hasOptions, words.isEmpty {
            // Only words and no option: not a command line that runs the service.
            findings.fail(
                "", at: .nowhere, "\(shown(word)): unknown command; the commands are \(verbs.joined(separator: ", "))")
        } else {
            strayPositions.append(position)
        }
    }

    // MARK: - Long names

    private mutating func readLong(_ word: Substring) {
        hasOptions = true
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let written = parts.first.map(String.init) ?? ""
        let attached = parts.count == 2 ? String(parts[1]) : nil
        switch OptionName(written) {
        case .known(let option): take(option, attached: attached)
        case .question(let asked): question = question ?? asked
        case .leftover(let takesValue):
            if takesValue, attached == nil { _ = next() }
            findings.warn("", at: .option(written), "has no effect, as in xmrig-proxy")
        case .ambiguous(let names):
            _ = attached == nil && takeValueOfUnknown()
            let list = names.map { "--" + $0 }.joined(separator: ", ")
            findings.fail("", at: .option(shownName(written)), "ambiguous; it could be any of \(list)")
        case .misspelt(let names):
            _ = attached == nil && takeValueOfUnknown()
            let list = names.map { "--" + $0 }.joined(separator: " or ")
            findings.fail("", at: .option(shownName(written)), "unknown option; did you mean \(list)?")
        case .unknown:
            let tookValue = attached == nil && takeValueOfUnknown()
            findings.warn(
                "", at: .option(shownName(written)),
                "unknown option, ignored" + (tookValue ? " together with the next argument" : ""))
        }
    }

    private mutating func take(_ option: KnownOption, attached: String?) {
        if option.valueName != nil {
            if let value = attached ?? value(of: option) { options.append(GivenOption(option.name, value)) }
        } else if attached == nil || option.mayHaveValue {
            options.append(GivenOption(option.name, attached))
        } else if option.isKnownToXmrigProxy {
            findings.warn("", at: .option(option.name), "takes no value; ignored, as in xmrig-proxy")
        } else {
            // An error rather than a warning: --dry-run=yes must not start the service.
            findings.fail("", at: .option(option.name), "takes no value")
        }
    }

    // MARK: - Letters

    private mutating func readLetters(_ letters: Substring) {
        hasOptions = true
        var rest = letters
        while let letter = rest.popFirst() {
            if let asked = OptionName.questions[String(letter)] {
                question = question ?? asked
            } else if let known = KnownOption.short(letter) {
                guard known.valueName != nil else {
                    options.append(GivenOption(known.name))
                    continue
                }
                if rest.first == "=" { rest = rest.dropFirst() }
                if let value = rest.isEmpty && letters.last != "=" ? value(of: known) : String(rest) {
                    options.append(GivenOption(known.name, value))
                }
                return
            } else if let takesValue = OptionName.leftoverLetters[letter] {
                findings.warn("-\(letter)", at: .nowhere, "has no effect, as in xmrig-proxy")
                guard takesValue else { continue }
                if rest.isEmpty { _ = next() }
                return
            } else {
                // In "-t4" the 4 is a number of threads, not the option -4.
                let tookValue = rest.isEmpty && takeValueOfUnknown()
                findings.warn(
                    "-" + shownName(String(letter)), at: .nowhere,
                    "unknown option, ignored" + (tookValue ? " together with the next argument" : ""))
                return
            }
        }
    }

    // MARK: - Values

    /// The value after an option that requires one; nil, with an error, when it is missing.
    private mutating func value(of option: KnownOption) -> String? {
        guard let word = words.first else {
            findings.fail("", at: .option(option.name), "expected a value")
            return nil
        }
        // `-u $WALLET -p x` with an empty variable: the wallet is missing; it is not "-p".
        guard !CommandLineReading.isOption(word) else {
            findings.fail(
                "", at: .option(option.name),
                "expected a value, found another option; for a value that begins with -, use --option=VALUE")
            return nil
        }
        return next()
    }

    /// Whether the word is an option exactly as written in the help.
    private static func isOption(_ word: String) -> Bool {
        if word == "--" { return true }
        if word.hasPrefix("--") {
            let name = String(word.dropFirst(2).prefix { $0 != "=" })
            return KnownOption.named(name) != nil || OptionName.questions[name] != nil
        }
        guard word.count == 2, word.first == "-", let letter = word.last else { return false }
        return KnownOption.short(letter) != nil || OptionName.questions[String(letter)] != nil
    }

    /// Takes the word after an unknown option as its value, unless it is an option.
    private mutating func takeValueOfUnknown() -> Bool {
        guard let word = words.first else { return false }
        let isNumber = word.hasPrefix("-") && Double(word) != nil
        guard isNumber || !word.hasPrefix("-") else { return false }
        return next() != nil
    }

    private func shownName(_ name: String) -> String { String(shown(name).dropFirst().dropLast()) }
}
