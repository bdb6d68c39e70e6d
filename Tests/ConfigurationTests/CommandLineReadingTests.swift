import TestSupport
import Testing

@testable import Configuration

/// Command lines of start scripts that were written for xmrig-proxy, for miners, and in a hurry.
struct CommandLineReadingTests {
    private static let verbs = ["run", "status", "restart", "stop", "help"]

    private func read(_ line: String) -> CommandLineReading {
        CommandLineReading(line.split(separator: " ").map(String.init), verbs: Self.verbs)
    }

    private static let pool = [GivenOption("url", "p:1"), GivenOption("user", "w")]

    // MARK: - What is passed over

    @Test(arguments: [
        "--restricted", "--api-no-restricted", "--api-ipv6", "--nicehash", "--no-title", "--safe", "--no-huge-pages",
        "--threads 4", "--threads=4", "--variant 1", "--av 2", "--cpu-affinity 0x3", "--cpu-affinity -1",
        "--max-cpu-usage 75", "--print-time 30", "--title farm", "--donate-over-proxy=1", "--randomx-mode fast",
        "--opencl-devices 0,1", "--cuda", "--dns-ipv6", "--asm intel", "--bench 1M", "--huge-pages",
        "--pause-on-active 60",
    ])
    func optionsOfMinersAndOfOlderVersionsAreWarnings(_ option: String) {
        for line in ["\(option) -o p:1 -u w", "-o p:1 -u w \(option)", "-o p:1 \(option) -u w"] {
            let reading = read(line)
            #expect(reading.options == Self.pool, "\(line)")
            #expect(reading.errors.isEmpty, "\(line)")
            let name = option.prefix { $0 != " " && $0 != "=" }
            #expect(reading.warnings.map(\.message.description).allSatisfy { $0.hasPrefix("\(name): unknown option") })
            #expect(reading.warnings.count == 1, "\(line)")
        }
    }

    @Test(arguments: ["-t 4", "-t4", "-v 0", "-t=4", "-M auto", "-Zk"])
    func anUnknownLetterTakesTheRestOfItsWordAndTheNextOne(_ option: String) {
        let reading = read("-o p:1 \(option) -u w")
        #expect(reading.options == Self.pool)
        #expect(reading.errors.isEmpty && reading.warnings.count == 1)
    }

    @Test(arguments: [
        "-C xmr", "-Cxmr", "-L file", "-s x", "-T 5", "-P", "--pool-coin xmr", "--pool-coin=xmr", "-L -o",
    ])
    func leftoversOfXmrigProxyHaveNoEffectAndTakeTheirValueAlong(_ option: String) {
        let reading = read("-o p:1 \(option) -u w")
        #expect(reading.options == Self.pool)
        #expect(reading.errors.isEmpty)
        #expect(
            reading.warnings.map(\.message.description).allSatisfy { $0.hasSuffix("has no effect, as in xmrig-proxy") })
    }

    @Test(arguments: ["--verbose=1", "--no-color=yes", "--http-enabled=false", "--tls=1"])
    func aValueBehindAnOptionThatTakesNoneSwitchesNothingOn(_ option: String) {
        let reading = read("-o p:1 -u w \(option)")
        #expect(reading.options == Self.pool && reading.errors.isEmpty && reading.warnings.count == 1)
    }

    @Test func wordsThatBelongToNoOptionAreCountedAndNotShown() {
        let reading = read("-o p:1 -u w -p pass word ; more -- -o q:1")
        #expect(reading.options == Self.pool + [GivenOption("pass", "pass")])
        #expect(
            reading.warnings.map(\.message)
                == [7, 8, 9, 11, 12].map {
                    "word \($0) of the command line: unexpected argument, ignored (quote a value that contains blanks)"
                })
        #expect(reading.errors.isEmpty)
    }

    // MARK: - Values

    @Test func anEmptyWordIsAValue() {
        let reading = CommandLineReading(["-o", "p:1", "-p", "", "-u", "", "--rig-id="])
        #expect(
            reading.options == [
                GivenOption("url", "p:1"), GivenOption("pass", ""), GivenOption("user", ""), GivenOption("rig-id", ""),
            ])
        #expect(reading.warnings.isEmpty && reading.errors.isEmpty)
    }

    @Test(arguments: ["-p -x7", "-p=-x7", "--pass=-x7", "--pass -x7", "-p-x7"])
    func aValueMayBeginWithADash(_ option: String) {
        #expect(read(option).options == [GivenOption("pass", "-x7")])
    }

    @Test(arguments: [
        "-u -p x", "--user --pass x", "-p --http-port=1", "-u -- x", "--retries", "-o", "-kb", "-u --help",
    ])
    func aMissingValueIsAnErrorAndNotTheNextOption(_ line: String) {
        let reading = read(line)
        #expect(reading.errors.count == 1)
        #expect(reading.errors.first?.message.contains("expected a value") == true)
    }

    @Test(arguments: [
        ("--keepalive=30", "30"), ("--keepalive=", ""), ("--keepalive", nil), ("-k", nil), ("--keep", nil),
    ])
    func keepaliveMayHaveASecondsValue(_ option: String, _ value: String?) {
        #expect(read(option + " 5").options == [GivenOption("keepalive", value)])
    }

    // MARK: - Names

    @Test(arguments: [
        ("--verb", "verbose"), ("--bind=1", "bind"), ("--acc=1", nil), ("--access-p=1", "access-password"),
        ("--http-po=1", "http-port"), ("--worker=1", "workers"), ("--rig=1", "rig-id"), ("--dry", "dry-run"),
        ("--custom-diff=1", "custom-diff"), ("--custom-diff-s", "custom-diff-stats"), ("--retr=1", nil),
    ])
    func theBeginningOfOneNameIsEnough(_ word: String, _ name: String?) {
        let reading = read(word)
        #expect(reading.options.map(\.name) == (name.map { [$0] } ?? []))
        #expect(reading.errors.count == (name == nil ? 1 : 0))
    }

    @Test func anAmbiguousBeginningIsAnErrorThatNamesAll() {
        #expect(
            read("--custom 5").errors.map(\.message) == [
                "--custom: ambiguous; it could be any of --custom-diff, --custom-diff-stats"
            ]
        )
    }

    @Test(arguments: [
        ("--shrads 2", "--shards"), ("--acess-password x", "--access-password"), ("--acces-token x", nil),
        ("--http-acess-token x", "--http-access-token"), ("--htp-port 1", "--http-port"),
        ("--retry_pause 5", "--retry-pause"),
        ("--Bind 0.0.0.0:1", "--bind"), ("--URL p:1", "--url"), ("--databse d", "--database"),
        ("--dryrun", "--dry-run"),
        ("--http-restricted", "--http-no-restricted"), ("--no-colour", "--no-color"), ("--usr w", "--user"),
        ("--verison", "--version"), ("--keep-alive", "--keepalive"),
    ])
    func aMisspeltOptionIsAnErrorThatNamesTheNearest(_ option: String, _ nearest: String?) {
        let reading = read("-o p:1 -u w \(option)")
        #expect(reading.errors.count == 1 && reading.warnings.isEmpty)
        let message = reading.errors.first?.message ?? ""
        #expect(message.contains("unknown option; did you mean "))
        if let nearest { #expect(message.hasSuffix("did you mean \(nearest)?"), "\(message)") }
    }

    /// Passing these over would leave open what the operator wants closed.
    @Test(arguments: [
        ("--token s", "--http-access-token or --api-access-token"), ("--api-token s", "--http-access-token or"),
        ("--password s", "--pass or --access-password"), ("--miner-password=s", "--pass or --access-password"),
    ])
    func anUnknownOptionThatSoundsLikeASecretIsAnError(_ option: String, _ names: String) {
        let message = read("-o p:1 \(option)").errors.first?.message ?? ""
        #expect(message.contains(names) && !message.contains(" s"))
    }

    @Test(
        arguments: [
            (["--help"], .help), (["-h"], .help), (["-o", "p", "-h"], .help), (["--version"], .version),
            (["-V"], .version),
            (["--versions"], .version), (["--vers"], .version), (["-kV"], .version), (["-o", "p"], nil),
            (["-p", "x"], nil),
        ] as [([String], CommandLineReading.Question?)])
    func helpAndVersionAreQuestions(_ line: [String], _ question: CommandLineReading.Question?) {
        let reading = CommandLineReading(line, verbs: Self.verbs)
        #expect(reading.question == question && reading.errors.isEmpty)
    }

    @Test func anOwnOptionWithAValueItDoesNotTakeIsAnError() {
        #expect(read("-o p:1 --dry-run=true").errors.map(\.message) == ["--dry-run: takes no value"])
    }

    // MARK: - Commands

    @Test(arguments: [
        ("-c f stop", "the command must be the first argument: millrace stop"),
        ("restrat", "did you mean: millrace restart"),
        ("statsu", "did you mean: millrace status"), ("-o p:1 restart 1", "the first argument: millrace restart"),
    ])
    func aCommandInTheWrongPlaceOrMisspeltStartsNothing(_ line: String, _ advice: String) {
        #expect(read(line).errors.first?.message.hasSuffix(advice) == true)
    }

    @Test(arguments: ["stopp", "statu", "retsart"])
    func anUnknownCommandListsTheKnownOnesAndTheNearest(_ word: String) throws {
        let message = try #require(read(word).errors.first?.message)
        #expect(message.contains("unknown command; the commands are run, status"))
        #expect(message.contains("; did you mean: millrace "))
    }

    @Test func nothingButUnknownWordsIsAnError() {
        #expect(
            read("quit").errors.first?.message.hasPrefix("\"quit\": unknown command; the commands are run, status")
                == true)
        #expect(read("config.json now").errors.count == 1)
        #expect(read("quit -o p:1").errors.isEmpty)
        #expect(read("").errors.isEmpty && read("run").errors.isEmpty)
    }

    @Test func namesAreShownWithoutWhatATerminalWouldObey() {
        let reading = CommandLineReading(["--\u{1b}[31mred-and-unknown", "-\u{7}"])
        #expect(reading.warnings.allSatisfy { $0.message.unicodeScalars.allSatisfy { $0.value >= 0x20 } })
    }
}
