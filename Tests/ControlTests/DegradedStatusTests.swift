import Control
import Foundation
import Testing

@Suite struct DegradedStatusTests {
    @Test(
        arguments: [
            ("statistics: off: disk full", .statistics), ("API: http://[::1]:80/ cannot be served: bind", .api),
            ("crash safety: no memory", .crashSafety), ("log file: /x: cannot be opened", .logFile),
            ("statistics", .statistics), ("statistically speaking: no", .other), ("", .other), (": API: x", .other),
        ] as [(String, DegradedStatus.Reason)])
    func theSubjectOfATextDecidesItsReason(text: String, reason: DegradedStatus.Reason) {
        #expect(DegradedStatus.Reason(saying: text) == reason)
    }

    /// During an upgrade the gateway may be older than the supervisor.
    @Test func aReasonOfANewerVersionIsAnother() throws {
        let line = #"{"process": "shard-3", "reason": "gravity", "text": "shard 3: gravity: too strong"}"#
        let read = try JSONDecoder().decode(DegradedStatus.self, from: Data(line.utf8))
        #expect(read == DegradedStatus(process: "shard-3", reason: .other, text: "shard 3: gravity: too strong"))
        for reason in DegradedStatus.Reason.allCases {
            let status = DegradedStatus(process: "gateway", reason: reason, text: "t")
            #expect(try JSONDecoder().decode(DegradedStatus.self, from: JSONEncoder().encode(status)) == status)
        }
    }
}
