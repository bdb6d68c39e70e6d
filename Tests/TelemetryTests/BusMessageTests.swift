import Testing

@testable import Telemetry

struct BusMessageTests {
    static let messages: [BusMessage] = [
        .events(Sample.frame(first: 1 << 40)),
        .liveMiners(LiveMiners(shard: 7, epoch: Sample.epoch, from: 9, miners: [Sample.joined(1), Sample.joined(2)])),
        .replayEnd(ReplayEnd(shard: 7, epoch: Sample.epoch, next: 8, end: 9)),
        .replay(ReplayRequest(shard: 7, epoch: .unknown, from: 0)),
        .acknowledge(Acknowledgement(shard: 65_535, epoch: Sample.epoch, before: .max)),
    ]

    @Test(arguments: messages) func whatIsWrittenIsRead(message: BusMessage) throws {
        #expect(try BusMessage(decoding: message.encoded()) == message)
    }

    @Test(arguments: messages) func everyTruncationIsRefused(message: BusMessage) {
        let bytes = message.encoded()
        for count in bytes.indices {
            #expect(throws: DecodingFailure.self) { try BusMessage(decoding: Array(bytes.prefix(count))) }
        }
    }

    @Test(arguments: messages) func aByteTooManyIsRefused(message: BusMessage) {
        #expect(throws: DecodingFailure.trailingBytes) { try BusMessage(decoding: message.encoded() + [0]) }
    }

    /// Any bytes give a message or an error; what gives a message gives the same bytes again but for the spare ones.
    @Test func brokenBytesNeverTrap() throws {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<20_000 {
            var bytes = try #require(Self.messages.randomElement(using: &generator)).encoded()
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            guard let message = try? BusMessage(decoding: bytes) else { continue }
            #expect(message.encoded().count == bytes.count)
            #expect(try BusMessage(decoding: message.encoded()) == message)
        }
        for _ in 0..<20_000 {
            let count = Int.random(in: 0...100, using: &generator)
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(throws: DecodingFailure.self) { try BusMessage(decoding: bytes) }
            #expect(throws: DecodingFailure.self) { try BusMessage(decoding: [0x4d, 0x52, 1, 1] + bytes.dropLast(5)) }
        }
    }

    @Test func aShareLiesAsTheTableInTheDocumentsSays() {
        let share = ShareSettled(
            miner: 0x0102_0304_0506_0708, time: 0x1112_1314_1516_1718, outcome: .rejected, reason: .pool,
            isExpired: true, difficulty: 0x21, creditedDifficulty: 0x31, actualDifficulty: 0x41,
            latencyMicroseconds: 0x51, upstream: 0x6162, pool: 0x71)
        #expect(
            ShardEvent.share(share).encoded() == [
                3, 2, 56, 0, 8, 1, 0x71, 0,
                0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, 0x18, 0x17, 0x16, 0x15, 0x14, 0x13, 0x12, 0x11,
                0x21, 0, 0, 0, 0, 0, 0, 0, 0x31, 0, 0, 0, 0, 0, 0, 0, 0x41, 0, 0, 0, 0, 0, 0, 0,
                0x51, 0, 0, 0, 0x62, 0x61, 0, 0,
            ])
    }

    @Test func aFrameBeginsAsTheTableInTheDocumentsSays() {
        let event = ShardEvent.left(MinerLeft(key: 4))
        let frame = EventFrame(shard: 0x0201, epoch: Epoch(high: 1, low: 2), first: 3, events: [event])
        #expect(
            BusMessage.events(frame).encoded() == [
                0x4d, 0x52, 1, 1, 1, 2, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
                3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0,
                2, 0, 16, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0,
            ])
    }

    @Test func otherVersionsAndStrangersAreToldApart() {
        var bytes = Self.messages[2].encoded()
        bytes[3] = 2
        #expect(throws: DecodingFailure.unsupportedVersion(2)) { try BusMessage(decoding: bytes) }
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
        let joined = MinerJoined(key: 1, worker: "x" + long, ip: long, agent: long)
        let record = ShardEvent.joined(joined).encoded()
        let frame = BusMessage.events(Sample.frame([.joined(joined)])).encoded()
        guard case .events(let read) = try BusMessage(decoding: frame), case .joined(let cut) = read.events[0] else {
            Issue.record("not a joined event")
            return
        }
        #expect(record.count <= RecordLayout.bytesMax)
        #expect(cut.worker == "x" + String(repeating: "é", count: 127))
        #expect(cut.ip.utf8.count == 64)
        #expect(cut.agent.utf8.count == 256)
    }
}
