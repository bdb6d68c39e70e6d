import TestSupport
import Testing

@testable import Telemetry

/// Whatever bytes come over the bus, a decoder gives a value or an error: it does not trap, hang or reserve memory that
/// the bytes do not justify. And what it gives may go on into the gate and the fold.
struct HostileBytesTests {
    /// Something that decodes; its name alone is printed, not its frames.
    struct Decoder: CustomTestStringConvertible {
        let testDescription: String
        let original: [UInt8]
        /// What was read, written again; nil when it was refused.
        let roundTrip: @Sendable ([UInt8]) -> [UInt8]?

        init(_ message: BusMessage) {
            let original = message.encoded()
            testDescription = BusMessage.Kind(rawValue: original[2]).map { "\($0)" } ?? "unknown"
            self.original = original
            roundTrip = { try? BusMessage(decoding: $0).encoded() }
        }

        init(_ snapshot: Snapshot) {
            testDescription = "snapshot of \(snapshot.workers.count) workers"
            original = snapshot.encoded()
            roundTrip = { try? Snapshot(decoding: $0).encoded() }
        }

        static let all =
            BusMessageTests.messages.map { Decoder($0) } + [.init(SnapshotCodingTests.full), .init(Snapshot())]
    }

    @Test(arguments: Decoder.all) func everyTruncationIsRefused(decoder: Decoder) {
        let accepted = decoder.original.indices.filter { decoder.roundTrip(Array(decoder.original.prefix($0))) != nil }
        #expect(accepted == [])
    }

    @Test(arguments: Decoder.all) func bytesTooManyAreRefused(decoder: Decoder) {
        for count in 1...70 {
            let more = [UInt8](repeating: 0, count: count)
            #expect(decoder.roundTrip(decoder.original + more) == nil, "\(count) bytes")
        }
    }

    /// At every place in turn: there lie the counts and lengths, too.
    @Test(arguments: Decoder.all) func extremeNumbersAnywhereNeverTrap(decoder: Decoder) {
        for width in [1, 2, 4, 8] {
            for offset in 0...(decoder.original.count - width) {
                for fill: UInt8 in [0x00, 0x01, 0x7f, 0x80, 0xff] {
                    var bytes = decoder.original
                    bytes.replaceSubrange(offset..<offset + width, with: repeatElement(fill, count: width))
                    guard let again = decoder.roundTrip(bytes) else { continue }
                    // Lengths that were believed were true.
                    if again.count != bytes.count { Issue.record("\(width) × \(fill) at \(offset)") }
                }
            }
        }
    }

    @Test(arguments: Decoder.all) func scatteredErrorsNeverTrap(decoder: Decoder) {
        var generator = SeededGenerator(seed: UInt64(decoder.original.count))
        for _ in 0..<3_000 {
            var bytes = decoder.original
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            guard let again = decoder.roundTrip(bytes) else { continue }
            if again.count != bytes.count || decoder.roundTrip(again) != again { Issue.record("\(bytes)") }
        }
    }

    @Test func noiseBehindATrueHeadIsRefused() {
        var generator = SeededGenerator(seed: 1)
        for head in Decoder.all.map({ Array($0.original.prefix(8)) }) + [[]] {
            for _ in 0..<1_000 {
                let count = Int.random(in: 0...200, using: &generator)
                let bytes = head + (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
                _ = try? BusMessage(decoding: bytes)
                _ = try? Snapshot(decoding: bytes)
            }
        }
    }

    /// 40 bytes may claim four thousand million records; not one byte is reserved for them.
    @Test func aCountThatTheBytesCannotHoldIsRefusedBeforeMemoryIsReserved() {
        for index in 0..<2 {
            var bytes = Array(Decoder.all[index].original.prefix(BusMessage.frameHeadBytes))
            bytes.replaceSubrange(32..<36, with: [0xff, 0xff, 0xff, 0xff])
            #expect(throws: DecodingFailure.truncated) { try BusMessage(decoding: bytes) }
            // One record more than 16 bytes each leave room for.
            bytes.replaceSubrange(32..<36, with: [3, 0, 0, 0])
            #expect(throws: DecodingFailure.truncated) {
                try BusMessage(decoding: bytes + [UInt8](repeating: 0, count: 47))
            }
        }
    }

    @Test func gaugesThatTheBytesCannotHoldAreRefusedBeforeMemoryIsReserved() {
        let original = BusMessage.gauges(Sample.gauges).encoded()
        for (offset, count, failure) in [
            (36, [9, 0, 0, 0], DecodingFailure.truncated), (36, [0xff, 0xff, 0xff, 0xff], .tooLong),
            (36, [1, 64, 0, 0], .tooLong), (40, [9, 0, 0, 0], .truncated), (40, [0, 0, 0, 1], .tooLong),
            (44, [4, 0, 0, 0], .truncated), (44, [1, 1, 0, 0], .tooLong), (44, [0, 0, 0, 0x80], .tooLong),
        ] as [(Int, [UInt8], DecodingFailure)] {
            var bytes = original
            bytes.replaceSubrange(offset..<offset + 4, with: count)
            #expect(throws: failure) { try BusMessage(decoding: bytes) }
        }
        var bytes = original
        bytes[58] = 4  // no such state
        #expect(throws: DecodingFailure.invalidField) { try BusMessage(decoding: bytes) }
    }

    @Test func aRecordCannotReachIntoTheNext() {
        let error = ShardEvent.poolError(PoolError(time: 1, text: "abcd"))
        let original = BusMessage.events(Sample.frame([error, error])).encoded()
        let text = BusMessage.frameHeadBytes + 4
        for textBytes in [0, 3, 5, 20, 255] as [UInt8] {
            var bytes = original
            bytes[text] = textBytes
            #expect(throws: DecodingFailure.self) { try BusMessage(decoding: bytes) }
        }
        for recordBytes in [0, 3, 4, 16, 19, 21, 40, 41, 255] as [UInt8] {
            var bytes = original
            bytes[BusMessage.frameHeadBytes + 2] = recordBytes
            #expect(throws: DecodingFailure.self) { try BusMessage(decoding: bytes) }
        }
    }

    @Test(arguments: [ShareOutcome.accepted, .rejected, .local])
    func onlyRefusalsOfTheProxyAreSummed(outcome: ShareOutcome) {
        let share = ShardEvent.share(Sample.share(outcome, .none))
        for place in [54, 55] {
            var bytes = BusMessage.events(Sample.frame([share, share])).encoded()
            bytes[BusMessage.frameHeadBytes + place] = 1
            #expect(throws: DecodingFailure.invalidField) { try BusMessage(decoding: bytes) }
        }
    }

    @Test func textsBeyondTheirLimitsAreRefused() {
        var bytes = BusMessage.events(Sample.frame([.joined(Sample.joined(1))])).encoded()
        bytes[BusMessage.frameHeadBytes + 5] = 2  // a worker's name of 512 bytes and some
        #expect(throws: DecodingFailure.tooLong) { try BusMessage(decoding: bytes) }
        var snapshot = Snapshot()
        snapshot.workers = [.init(name: "x", ip: "")]
        bytes = snapshot.encoded()
        let name = bytes.count - 2 - 1 - 2 - 1 - 4  // and the id, and which numbers follow: none
        bytes.replaceSubrange(name..<name + 3, with: [1, 1] + [UInt8](repeating: 0x78, count: 257))
        #expect(throws: DecodingFailure.tooLong) { try Snapshot(decoding: bytes) }
    }

    @Test func textsThatAreNotUTF8AreRefused() {
        let frame = BusMessage.events(Sample.frame([.poolError(PoolError(time: 1, text: "abcd"))])).encoded()
        for bad in [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]] as [[UInt8]] {
            let bytes = frame.dropLast(bad.count) + bad
            #expect(throws: DecodingFailure.invalidText) { try BusMessage(decoding: Array(bytes)) }
        }
    }

    /// A shard gone mad: its messages decode, and contradict each other. The books stay in order.
    @Test func contradictoryMessagesNeverTrapTheGateOrTheFold() throws {
        var generator = SeededGenerator(seed: 2)
        let numbers: [UInt64] = [0, 1, 2, 40, 41, .max / 2, .max - 12, .max]
        let epochs = (0..<7 as Range<UInt64>).map { Epoch(high: $0, low: 0) }
        var gate = SequenceGate(shard: 0)
        var statistics = Statistics(startedAt: 0, shardCount: 1, workerLimits: .init(rows: 5))
        for step in 0..<20_000 as Range<UInt64> {
            let epoch = try #require(epochs.randomElement(using: &generator))
            let first = try #require(numbers.randomElement(using: &generator))
            let other = try #require(numbers.randomElement(using: &generator))
            let miners = (0..<3 as Range<UInt64>).map { Sample.joined($0 &+ first, "rig-\(other)-\($0)") }
            let message: BusMessage =
                switch Int.random(in: 0..<8, using: &generator) {
                case 0: .liveMiners(LiveMiners(shard: 0, epoch: epoch, from: first, miners: miners))
                case 1: .replayEnd(ReplayEnd(shard: 0, epoch: epoch, next: first, end: other))
                case 2: .events(Sample.frame(first: first, [], epoch: epoch))
                default: .events(Sample.frame(first: first, epoch: epoch))
                }
            // Only what a decoder lets in.
            guard let message = try? BusMessage(decoding: message.encoded()) else { continue }
            let moment = Statistics.Moment(time: first, monotonic: step * 100)
            statistics.hear(gate.receive(message), from: 0, at: moment)
            _ = gate.requestDue(at: other)
            guard step % 50 == 0 else { continue }
            let snapshot = statistics.snapshot(at: Statistics.Moment(time: other, monotonic: step * 100))
            #expect(try Snapshot(decoding: snapshot.encoded()) == snapshot)
            #expect(snapshot.workers.count <= 5)
            let connections = snapshot.workers.reduce(0) { $0 + $1.connections }
            #expect(connections <= snapshot.minersNow)
        }
    }
}
