import ApiFixtures
import Foundation
import Telemetry
import TestSupport
import Testing

@testable import ApiDocuments

@Suite struct EventTextTests {
    /// One of each, as docs/API.md shows them.
    private func samples() -> [UInt8] {
        let epoch = Epoch(high: 0x3f0c_5a7e_91b2_d486, low: 0x0123_4567_89ab_cdef)
        let miner = KnownMiner(
            MinerJoined(
                key: 7, worker: "rack7-03", ip: "10.0.7.3", agent: "XMRig/6.26.0", user: "4A…x.rack7",
                rigID: "rack7-03", shard: 1))
        let accepted = ShareSettled(
            miner: 7, time: 1_790_086_000_123, outcome: .accepted, difficulty: 50_000, creditedDifficulty: 50_000,
            actualDifficulty: 812_390, latencyMicroseconds: 41_999)
        let invalid = ShareSettled(
            miner: 7, time: 1_790_086_000_456, outcome: .invalid, reason: .lowDifficulty, isExpired: true,
            difficulty: 50_000, creditedDifficulty: 50_000, actualDifficulty: 711, count: 12)
        let events: [FeedEvent] = [
            .joined(miner), .share(accepted, miner), .share(invalid, miner),
            .poolError(PoolError(time: 1_790_086_000_789, text: "Block expired")), .left(7, miner),
        ]
        var bytes = EventText.opening
        for (index, event) in events.enumerated() {
            EventText.append(event, id: EventID(epoch: epoch, sequence: 41 + UInt64(index)), to: &bytes)
        }
        EventText.append(.silent, id: EventID(epoch: epoch, sequence: 46), to: &bytes)
        EventText.append(FeedSummary(of: .ofFarm), to: &bytes)
        EventText.append(.gap(missed: 12), id: nil, to: &bytes)
        return bytes + EventText.keepAlive.dropLast(2)  // the file ends with one end of line, as files do
    }

    @Test func whatThePageShowsIsWhatIsSent() throws {
        try Golden.expect(samples(), equals: "events.txt")
        let page = try Checkout.text("docs/API.md")
        #expect(try page.contains("<!-- golden: events.txt -->\n```text\n\(Golden.text("events.txt"))```"))
    }

    @Test func whatAMinerCallsItselfCannotForgeAnEvent() {
        let name = "a\n\nevent: share\r\rid: 7\u{2028}\u{0}\"}\\"
        var bytes: [UInt8] = []
        EventText.append(.joined(KnownMiner(Stream.joined(1, name))), id: Stream.id(3), to: &bytes)
        #expect(bytes.count { $0 == UInt8(ascii: "\n") } == 4)
        #expect(!bytes.contains(UInt8(ascii: "\r")))
        let reading = EventReading(String(decoding: bytes, as: UTF8.self))
        #expect(reading.events.map(\.name) == ["joined"])
        #expect(reading.events.first?.object["worker"] as? String == name)
    }

    @Test func everyOutcomeAndReasonHasANameOnThePage() throws {
        let page = try Checkout.text("docs/API.md")
        for outcome in ShareOutcome.allCases { #expect(page.contains("`\(EventText.name(of: outcome))`")) }
        for reason in RefusalReason.allCases where reason != .none { #expect(page.contains("`\(reason.name)`")) }
        for kind in FeedEvent.Kind.allCases { #expect(page.contains("`\(kind.name)`")) }
    }
}
