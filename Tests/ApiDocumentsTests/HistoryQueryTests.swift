import Testing

@testable import ApiDocuments

@Suite struct HistoryQueryTests {
    private let now: UInt64 = 1_795_305_600

    private func query(_ text: String) throws -> HistoryQuery { try HistoryQuery(parsing: text, at: now) }

    @Test func withoutParametersItIsTheLastDayOfAll() throws {
        let query = try query("")
        #expect(query.subject == .total)
        #expect(query.from == now - 86_400)
        #expect(query.to == now)
        #expect(query.step == 300)
    }

    @Test func subjectsAreTheTotalAShardOrAWorker() throws {
        #expect(try query("shard=3").subject == .shard(3))
        #expect(try query("worker=rack%207").subject == .worker(name: "rack 7"))
        #expect(try query("worker=").subject == .worker(name: ""))
        #expect(try query("worker=a&shard=3").subject == .workerOnShard(name: "a", 3))
        for text in ["shard=256", "shard=-1", "shard=", "shard=x", "worker=a&worker=b"] {
            #expect(throws: QueryFault.self, "\(text)") { try query(text) }
        }
    }

    @Test(
        arguments: [
            ("-24h", 1_795_219_200), ("-90s", 1_795_305_510), ("-10m", 1_795_305_000), ("-7d", 1_794_700_800), ("0", 0),
            ("1795219200", 1_795_219_200), ("1795219200123", 1_795_219_200), ("-99999999999999d", 0),
        ] as [(String, UInt64)])
    func timesAreSecondsMillisecondsOrHowLongAgo(text: String, from: UInt64) throws {
        #expect(try query("from=\(text)").from == from)
    }

    @Test(arguments: [
        "from=", "from=-", "from=-5", "from=h", "from=-h", "from=--1h", "from=-1y", "from=1e9", "from=1h", "from=+5",
        "from=now", "from=999999999999999", "from=\u{661}",
    ])
    func anythingElseIsRefusedWithWhatWasExpected(text: String) {
        #expect(throws: QueryFault.self) { try query(text) }
    }

    @Test(
        arguments: [
            ("-10m", 60), ("-8h", 60), ("-9h", 120), ("-24h", 300), ("-7d", 1_800), ("-30d", 7_200), ("-365d", 86_400),
            ("0", 42 * 86_400),
        ] as [(String, UInt64)])
    func theStepMakesAtMostAFewHundredPoints(from: String, step: UInt64) throws {
        let query = try query("from=\(from)")
        #expect(query.step == step)
        #expect((query.to - query.from) / query.step <= HistoryQuery.usualPointsMax)
    }

    @Test(arguments: ["from=1795305600", "from=-1h&to=-2h", "from=-1h&to=-1h", "to=0", "from=1795305601&step=10m"])
    func whereTheEndsAreTheWrongWayRoundThereIsNothing(text: String) throws { #expect(try query(text).isEmpty) }

    @Test(
        arguments: [
            ("60", 60), ("10m", 600), ("3600s", 3_600), ("1h", 3_600), ("1d", 86_400), ("1", 60), ("59", 60),
            ("61", 120), ("99999999999999d", 8_639_999_999_999_913_600),
        ] as [(String, UInt64)])
    func theStepCanBeChosenInWholeMinutes(text: String, step: UInt64) throws {
        #expect(try query("from=-1h&step=\(text)").step == step)
    }

    @Test(arguments: ["0", "00", "060", "0m", "-60", "", "m", "1w", "60.0", "999999999999999", "1 ", "\u{661}"])
    func butNotInOtherWords(text: String) { #expect(throws: QueryFault.self) { try query("step=\(text)") } }

    @Test(
        arguments: [("-33h", 60), ("-34h", 120), ("-7d", 600), ("-30d", 1_800)] as [(String, UInt64)])
    func moreThanTheMostPointsMakeTheStepLonger(from: String, step: UInt64) throws {
        let query = try query("from=\(from)&step=1")
        #expect(query.step == step)
        #expect((query.to - query.from) / query.step + 1 <= HistoryQuery.pointsMax)
    }

    /// Whoever makes requests from the document alone must not be refused, nor get away with what it forbids.
    @Test(arguments: [
        "60", "0", "10m", "-10m", "00m", "1w", "", "m", "-", "-5", "-1d", "1h", "99999999999999d", "999999999999999",
    ])
    func whatTheDocumentDescribesIsWhatIsTaken(text: String) throws {
        for (name, pattern) in [("step", HistoryQuery.stepPattern), ("from", HistoryQuery.timePattern)] {
            let isTaken = (try? query("\(name)=\(text)")) != nil
            let isDescribed = text.wholeMatch(of: try Regex(pattern)) != nil
            #expect(isTaken == isDescribed, "\(name)")
        }
    }
}
