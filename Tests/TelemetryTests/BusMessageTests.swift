import TestSupport
import Testing

@testable import Telemetry

struct BusMessageTests {
    static let messages: [BusMessage] = [
        .events(Sample.frame(first: 1 << 40)),
        .liveMiners(
            LiveMiners(
                shard: 7, epoch: Sample.epoch, from: 9, miners: [Sample.joined(1), Sample.joined(2)], request: 3)),
        .replayEnd(ReplayEnd(shard: 7, epoch: Sample.epoch, next: 8, end: 9, request: 1 << 31)),
        .replay(ReplayRequest(shard: 7, epoch: .unknown, from: 0, number: 4)),
        .acknowledge(Acknowledgement(shard: 65_535, epoch: Sample.epoch, before: .max)),
        .gauges(Sample.gauges), .gauges(Sample.gaugesOfTrouble), .gauges(Sample.gaugesOfTLS),
        .gauges(ShardGauges(shard: 0, epoch: Sample.epoch, time: 0)),
    ]

    @Test func whatIsWrittenIsRead() throws {
        for message in Self.messages { #expect(try BusMessage(decoding: message.encoded()) == message) }
    }

    @Test(arguments: [1, 2, 4_711, 65_536] as [UInt32]) func aSumOfRefusalsHasTheSizeOfOneShare(count: UInt32) throws {
        var share = Sample.share(.invalid, .staleJob)
        share.count = count
        let bytes = BusMessage.events(Sample.frame([.share(share)])).encoded()
        #expect(bytes.count == BusMessage.frameHeadBytes + RecordLayout.shareBytes)
        #expect(try BusMessage(decoding: bytes) == .events(Sample.frame([.share(share)])))
    }

    @Test func gaugesBeyondTheirLimitsStayOut() throws {
        var gauges = Sample.gauges
        gauges.upstreams = Array(repeating: gauges.upstreams[0], count: ShardGauges.upstreamsMax + 1)
        gauges.miners = Array(repeating: gauges.miners[0], count: 3)
        guard case .gauges(let read) = try BusMessage(decoding: BusMessage.gauges(gauges).encoded()) else { return }
        #expect(read.upstreams.count == ShardGauges.upstreamsMax)
        #expect(read.miners == gauges.miners)
    }

    @Test func otherVersionsAndStrangersAreToldApart() {
        var bytes = Self.messages[2].encoded()
        bytes[3] = 3
        #expect(throws: DecodingFailure.unsupportedVersion(3)) { try BusMessage(decoding: bytes) }
        bytes[0] = 0
        #expect(throws: DecodingFailure.wrongMagic) { try BusMessage(decoding: bytes) }
    }

    @Test func aSequenceThatWouldOverflowIsRefused() {
        let frame = Sample.frame(first: .max - 3, Array(Sample.events.prefix(3)))
        #expect(throws: Never.self) { try BusMessage(decoding: BusMessage.events(frame).encoded()) }
        var bytes = BusMessage.events(frame).encoded()
        bytes[24] = 0xff
        #expect(throws: DecodingFailure.invalidField) { try BusMessage(decoding: bytes) }
    }

    @Test func longTextsAreCutBetweenCharacters() throws {
        let long = String(repeating: "é", count: 200)  // 400 bytes, two each
        let joined = MinerJoined(key: 1, worker: "x" + long, ip: long, agent: long, user: long, rigID: "x" + long)
        let record = ShardEvent.joined(joined).encoded()
        let frame = BusMessage.events(Sample.frame([.joined(joined)])).encoded()
        guard case .events(let read) = try BusMessage(decoding: frame), case .joined(let cut) = read.events[0] else {
            throw TestFailure("not a joined event")
        }
        #expect(record.count <= RecordLayout.bytesMax)
        #expect(cut.worker == "x" + String(repeating: "é", count: 127))
        #expect(cut.ip.utf8.count == 64)
        #expect(cut.agent.utf8.count == 256)
        #expect(cut.user.utf8.count == 256)
        #expect(cut.rigID == "x" + String(repeating: "é", count: 63))
    }
}
