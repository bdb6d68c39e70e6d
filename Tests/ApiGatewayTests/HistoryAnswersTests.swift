import Foundation
import Logging
import Telemetry
import TestSupport
import Testing

@testable import ApiDocuments
@testable import ApiGateway
@testable import HTTPServing

@Suite struct HistoryAnswersTests {
    private struct Store: HistoryStore {
        var isAway = false

        struct Away: Error, CustomStringConvertible { let description = "no such file: /var/lib/secret" }

        func workerID(named name: String) throws -> UInt32? {
            if isAway { throw Away() }
            return name == "rack7" ? 9 : nil
        }

        /// A point that says what was asked.
        func points(of series: HistorySeries, from: UInt64, to: UInt64, step: UInt64) throws -> [HistoryPoint] {
            if isAway { throw Away() }
            let subject: UInt64 =
                switch series {
                case .total: 1
                case .shard(let shard): 100 + UInt64(shard)
                case .worker(let id): 1_000 + UInt64(id)
                }
            return [HistoryPoint(time: from / step * step, accepted: subject, rejected: to - from, hashes: 250 * step)]
        }
    }

    private func answer(_ query: String, isAway: Bool = false) throws(HTTPError) -> Answer {
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return try HistoryAnswers(Store(isAway: isAway), log: log, now: { 1_795_305_600 }).answer(query: query)
    }

    private func point(_ query: String) throws -> [Double] {
        let body = try answer(query).body
        let object = try #require(JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
        return try #require((object["points"] as? [[Double]])?.first)
    }

    @Test func pointsAreOfWhatWasAskedFor() throws {
        #expect(try point("") == [1_795_219_200_000, 1, 86_400, 0, 75_000, 0.25])
        #expect(try point("shard=3&from=-1h&step=600") == [1_795_302_000_000, 103, 3_600, 0, 150_000, 0.25])
        #expect(try point("worker=rack7&from=-1h")[1] == 1_009)
    }

    @Test func anUnknownWorkerIsNotFound() {
        #expect(throws: HTTPError(.notFound, message: "No such worker.")) { try answer("worker=rack8") }
    }

    @Test func whatMakesNoSenseIsRefusedWithWhatWasExpected() {
        let message = "step: expected a number of seconds, such as 600, or a duration, such as 10m (s, m, h, d)"
        #expect(throws: HTTPError(.badRequest, message: message)) { try answer("step=0") }
    }

    @Test func whatNobodyKeepsIsNotFound() {
        let refused = #expect(throws: HTTPError.self) { try answer("worker=rack7&shard=0") }
        #expect(refused?.status == .notFound)
    }

    @Test func withoutTimeBetweenTheEndsTheDatabaseIsNotAsked() throws {
        let text = String(decoding: try answer("from=-1h&to=-2h", isAway: true).body, as: UTF8.self)
        #expect(text.contains(#""from": 1795302000000"#))
        #expect(text.contains(#""points": []"#))
    }

    @Test func withoutADatabaseItIsUnavailableAndNamesNoFile() {
        for query in ["", "worker=rack7"] {
            let refused = #expect(throws: HTTPError.self) { try answer(query, isAway: true) }
            #expect(refused?.status == .serviceUnavailable)
            #expect(refused?.message?.contains("/") == false)
        }
    }
}
