import ApiFixtures
import Telemetry
import Testing

@testable import ApiDocuments

@Suite struct ListQueryTests {
    private typealias Query = ListQuery<WorkerColumn>

    private static let rows = [("b", 2.0), ("a", 3.0), ("d", 2.0), ("c", 1.0)].map { name, rate in
        var row = Snapshot.WorkerRow(name: name, ip: "10.0.0.1")
        row.hashrates.tenMinutes = rate
        return row
    }

    private func names(_ query: String) throws -> String {
        try Query(parsing: query).selection(from: Self.rows).map(\.name).joined()
    }

    @Test(arguments: [
        ("", "badc"), ("sort=name", "abcd"), ("sort=-name", "dcba"), ("sort=hashrate", "cbda"),
        ("sort=-hashrate", "abdc"), ("limit=2", "ba"), ("offset=3", "c"), ("offset=1&limit=2", "ad"),
        ("sort=-hashrate&offset=1&limit=1", "b"), ("offset=9", ""), ("limit=1000000&offset=1000000", ""),
        ("sort=-connections", "badc"), ("_=1790086000&limit=1", "b"), ("sort=%2Dname", "dcba"), ("limit=%31", "b"),
        ("&&limit=1&", "b"),
    ])
    func theRowsThatAreWanted(query: String, expected: String) throws {
        #expect(try names(query) == expected)
    }

    @Test func pagesOfASortedListPartIt() throws {
        let pages = try (0..<4).map { try names("sort=hashrate&limit=1&offset=\($0)") }
        #expect(pages.joined() == "cbda")
    }

    @Test(
        arguments: [
            ("limit=0", "limit"), ("limit=-1", "limit"), ("limit=+1", "limit"), ("limit=1.0", "limit"),
            ("limit=", "limit"), ("limit", "limit"), ("limit=1000001", "limit"),
            ("limit=99999999999999999999", "limit"), ("offset=x", "offset"), ("sort=", "sort"), ("sort=-", "sort"),
            ("sort=--name", "sort"), ("sort=Name", "sort"), ("sort=name,ip", "sort"), ("limit=1&limit=1", "limit"),
            ("limit=\u{0661}", "limit"),
        ])
    func whatMakesNoSenseIsRefused(query: String, parameter: String) {
        let fault = #expect(throws: QueryFault.self) { try Query(parsing: query) }
        #expect(fault?.parameter == parameter)
    }

    @Test func aRefusalSaysWhatWasExpectedAndNotWhatWasSent() throws {
        let fault = #expect(throws: QueryFault.self) { try Query(parsing: "sort=<script>") }
        #expect(fault?.description.contains("expected one of name, ip, connections") == true)
        #expect(fault?.description.contains("script") == false)
    }

    @Test func manyParametersAreTooMany() {
        let query = (0...QueryParameters.countMax).map { "a\($0)=1" }.joined(separator: "&")
        #expect(throws: QueryFault.self) { try Query(parsing: query) }
    }

    @Test(arguments: [
        ("a%20b", "a b"), ("a+b", "a b"), ("%C3%a9", "é"), ("%", "%"), ("%4", "%4"), ("%zz", "%zz"), ("%41%", "A%"),
        ("%ff", "\u{fffd}"), ("%00", "\u{0}"), ("a=b", "a=b"),
    ])
    func percentSignsAreDecoded(text: String, decoded: String) throws {
        #expect(QueryParameters.decoded(text.utf8) == decoded)
        #expect(try QueryParameters(parsing: "x=\(text)").text("x") == decoded)
    }

    @Test func anAnswerToAQuerySaysHowManyRowsThereAre() throws {
        let part = try CurrentDocuments.miners(of: .ofFarm, list: ListQuery(parsing: "sort=-tx&limit=1"))
        let text = String(decoding: part, as: UTF8.self)
        #expect(text.contains(#""total": 3"#) && text.contains("[7, ") && !text.contains("[9, "))
        #expect(!CurrentDocuments.miners(of: .ofFarm).contains("total".utf8))
        let upstreams = try CurrentDocuments.upstreams(
            of: .ofFarm, list: ListQuery(parsing: "sort=miners&limit=1"))
        #expect(String(decoding: upstreams, as: UTF8.self).contains(#""state": "sleep""#))
    }

    /// The three tables have a key for each of their columns, each of one kind.
    @Test func everyColumnCanBeSortedBy() throws {
        for column in WorkerColumn.allCases {
            #expect(try Query(parsing: "sort=-\(column.rawValue)").selection(from: Self.rows).count == 4)
        }
        for column in MinerColumn.allCases {
            let query = try ListQuery<MinerColumn>(parsing: "sort=\(column.rawValue)")
            #expect(query.selection(from: MinerRow.ofFarm).count == 3)
        }
        for column in UpstreamColumn.allCases {
            let query = try ListQuery<UpstreamColumn>(parsing: "sort=\(column.rawValue)")
            #expect(query.selection(from: Snapshot.ofWholeFarm.openUpstreams).count == 3)
        }
    }
}
