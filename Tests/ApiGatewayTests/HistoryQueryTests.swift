import Testing

@testable import ApiGateway

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
        for text in ["shard=3&worker=a", "shard=256", "shard=-1", "shard=", "shard=x", "worker=a&worker=b"] {
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
        "from=now", "from=999999999999999", "from=1795305600", "from=-1h&to=-2h", "from=-1h&to=-1h", "to=0",
        "from=\u{661}",
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

    @Test(arguments: [("60", 60), ("10m", 600), ("3600s", 3_600), ("1h", 3_600), ("1d", 86_400)] as [(String, UInt64)])
    func theStepCanBeChosen(text: String, step: UInt64) throws { #expect(try query("step=\(text)").step == step) }

    @Test(arguments: ["0", "59", "61", "-60", "", "m", "1w", "60.0", "99999999999999"])
    func butNotFreely(text: String) { #expect(throws: QueryFault.self) { try query("step=\(text)") } }

    @Test func moreThanTheMostPointsAreRefusedWithAStepThatGoes() throws {
        #expect(try query("from=-33h&step=60").step == 60)
        #expect(throws: QueryFault(parameter: "step", expectation: "at least 300 for so long a time")) {
            try query("from=-34h&step=60")
        }
        #expect(try query("from=-34h&step=300").step == 300)
    }
}
