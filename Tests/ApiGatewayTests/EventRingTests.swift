import ApiFixtures
import Telemetry
import Testing

@testable import ApiDocuments
@testable import ApiGateway
@testable import HTTPServing

/// What clients read of the ring: each test is one of them.
@Suite struct EventRingTests {
    private func ring(_ range: Range<UInt64>, batch: UInt64 = 10, bytesMax: Int = 1 << 20) -> EventRing {
        let ring = EventRing(bytesMax: bytesMax)
        for first in stride(from: range.lowerBound, to: range.upperBound, by: Int(batch)) {
            ring.append(Stream.shares(first..<min(first + batch, range.upperBound)), id: Stream.id(first))
        }
        ring.setProgress(position: (Stream.epoch, range.upperBound), isCaughtUp: true)
        return ring
    }

    private func difficulties(_ reading: EventReading) -> [UInt64] {
        reading.told.compactMap { $0["difficulty"].map(UInt64.init) }
    }

    @Test func aNewClientGetsWhatHappensFromNowOn() {
        let ring = ring(0..<5)
        var client = EventCursor(ring, .everything, after: nil, at: 0)
        #expect(client.readAll().events.isEmpty)
        ring.append(Stream.shares(5..<8), id: Stream.id(5))
        let reading = client.readAll()
        #expect(difficulties(reading) == [5, 6, 7])
        #expect(reading.lastID == "\(Stream.epochText)-7")
        #expect(client.readAll().events.isEmpty)
    }

    @Test func theRetryLineIsSentOnce() {
        let ring = ring(0..<5)
        var client = EventCursor(ring, .everything, after: nil, at: 0)
        #expect(client.readAll().retries == ["2000"])
        ring.append(Stream.shares(5..<8), id: Stream.id(5))
        #expect(client.readAll().retries.isEmpty)
    }

    @Test(arguments: 1...97) func theSizeOfTheBufferDoesNotMatter(size: Int) {
        let ring = ring(0..<30)
        var whole = EventCursor(ring, .everything, after: Stream.id(3), at: 0)
        var pieces = EventCursor(ring, .everything, after: Stream.id(3), at: 0)
        #expect(pieces.readAll(buffer: size).events == whole.readAll().events)
    }

    @Test(arguments: 0..<50 as Range<UInt64>) func itGoesOnBehindTheLastEventSeen(last: UInt64) {
        var client = EventCursor(ring(0..<50, batch: 7), .everything, after: Stream.id(last), at: 0)
        #expect(difficulties(client.readAll()) == Array(last + 1..<50))
    }

    @Test func itGoesOnFromAnyPlaceAndSizeOfBatches() {
        for batch in [1, 3, 300] as [UInt64] {
            let ring = ring(100..<900, batch: batch)
            for last in [100, 355, 356, 899] as [UInt64] {
                var client = EventCursor(ring, .everything, after: Stream.id(last), at: 0)
                #expect(difficulties(client.readAll()) == Array(last + 1..<900))
            }
        }
    }

    @Test func whatIsGoneIsAGapAndTheOldestFollows() throws {
        let ring = ring(0..<1_000, bytesMax: 20_000)
        var client = EventCursor(ring, .everything, after: Stream.id(4), at: 0)
        let reading = client.readAll()
        let first = try #require(difficulties(reading).first)
        #expect(first > 5)
        #expect(reading.events.first?.name == "gap")
        #expect(reading.events.first?["missed"].map(UInt64.init) == first - 5)
        #expect(reading.events.first?.id == nil)
        #expect(difficulties(reading) == Array(first..<1_000))
    }

    @Test func aClientThatIsSlowFallsBehindTheTailAndIsTold() throws {
        let ring = ring(0..<10, bytesMax: 20_000)
        var client = EventCursor(ring, .everything, after: nil, at: 0)
        _ = client.readAll()
        for first in stride(from: UInt64(10), to: 1_000, by: 10) {
            ring.append(Stream.shares(first..<first + 10), id: Stream.id(first))
        }
        let reading = client.readAll()
        let first = try #require(difficulties(reading).first)
        #expect(reading.events.first?["missed"].map(UInt64.init) == first - 10)
        #expect(difficulties(reading) == Array(first..<1_000))
    }

    @Test func theRingKeepsToItsBound() {
        let ring = ring(0..<100_000, batch: 13, bytesMax: 100_000)
        var client = EventCursor(ring, .everything, after: Stream.id(0), at: 0)
        let count = difficulties(client.readAll()).count
        #expect((500...1_400).contains(count))
    }

    @Test func whatTheRingForgetsTakesNoMemory() {
        let ring = EventRing(bytesMax: 10_000)
        weak var forgotten: KnownMiner?
        do {
            let miner = KnownMiner(Stream.joined(1))
            forgotten = miner
            ring.append([.joined(miner)], id: Stream.id(0))
        }
        #expect(forgotten != nil)
        ring.append(Stream.shares(1..<1_000), id: Stream.id(1))
        #expect(forgotten == nil)
    }

    @Test func anIDOfAnotherLifeIsAGapOfUnknownSize() {
        var client = EventCursor(ring(20..<25), .everything, after: Stream.id(7, of: Stream.later), at: 0)
        let reading = client.readAll()
        #expect(reading.events.first?.data == #"{"missed":null}"#)
        #expect(difficulties(reading) == [20, 21, 22, 23, 24])
    }

    @Test func whoIsLostIsToldSoAndGetsWhatHappensFromNowOn() {
        let ring = ring(0..<5)
        var client = EventCursor(ring, .everything, after: nil, isLost: true, at: 0)
        #expect(client.readAll().events.map(\.data) == [#"{"missed":null}"#])
        ring.append(Stream.shares(5..<8), id: Stream.id(5))
        #expect(difficulties(client.readAll()) == [5, 6, 7])
    }

    @Test func anIDFromTheFutureIsNotBelieved() {
        var client = EventCursor(ring(0..<5), .everything, after: Stream.id(4_000), at: 0)
        #expect(client.readAll().events.map(\.data) == [#"{"missed":null}"#])
    }

    @Test func aGatewayThatIsCatchingUpIsWaitedFor() {
        let ring = EventRing()
        var client = EventCursor(ring, .everything, after: Stream.id(6), at: 1_000)
        #expect(client.readAll(at: 1_000).events.isEmpty)
        ring.append(Stream.shares(0..<5), id: Stream.id(0))
        ring.setProgress(position: (Stream.epoch, 5), isCaughtUp: false)
        #expect(client.readAll(at: 2_000).events.isEmpty)
        ring.append(Stream.shares(5..<10), id: Stream.id(5))
        ring.setProgress(position: (Stream.epoch, 10), isCaughtUp: false)
        #expect(difficulties(client.readAll(at: 3_000)) == [7, 8, 9])
    }

    @Test func butNotForEver() {
        let ring = EventRing()
        var client = EventCursor(ring, .everything, after: Stream.id(6), at: 1_000)
        #expect(client.readAll(at: 1_000 + EventCursor.resumeWaitMillis - 1).events.isEmpty)
        #expect(client.readAll(at: 1_000 + EventCursor.resumeWaitMillis).events.map(\.name) == ["gap"])
    }

    @Test func filtersChooseByTypeAndWorker() {
        let ring = EventRing()
        let (rig, other) = (KnownMiner(Stream.joined(1, "rig")), KnownMiner(Stream.joined(2, "other")))
        ring.append(
            [
                .joined(rig), .joined(other), .share(Stream.share(1), rig), .share(Stream.share(2), other),
                .share(Stream.share(3), nil), .poolError(PoolError(time: 1, text: "no")), .silent, .left(1, rig),
                .gap(missed: 3),
            ] as [FeedEvent], id: Stream.id(10))
        ring.setProgress(position: (Stream.epoch, 19), isCaughtUp: true)
        func ids(_ filter: EventFilter) -> [String] {
            var client = EventCursor(ring, filter, after: Stream.id(9), at: 0)
            return client.readAll().told.map { "\($0.name) \($0.id?.suffix(2) ?? "")" }
        }
        #expect(ids(EventFilter(kinds: [.share])) == ["share 12", "share 13", "share 14", "gap 18"])
        #expect(ids(EventFilter(kinds: [.joined, .left], worker: "rig")) == ["joined 10", "left 17", "gap 18"])
        #expect(ids(EventFilter(worker: "other")) == ["joined 11", "share 13", "gap 18"])
        #expect(ids(EventFilter(worker: "nobody")) == ["gap 18"])
    }

    @Test func oldTextsAreWrittenAgainAndAreTheSame() {
        // A hundred shares or so are fresh.
        let ring = EventRing(freshBytesMax: 10_000)
        func read(from last: UInt64) -> [UInt64] {
            var client = EventCursor(ring, .everything, after: Stream.id(last), at: 0)
            return difficulties(client.readAll())
        }
        for first in stride(from: UInt64(0), to: 600, by: 30) {
            ring.append(Stream.shares(first..<first + 30), id: Stream.id(first))
            if first > 0 { #expect(read(from: first - 10) == Array(first - 9..<first + 30)) }
        }
        #expect(read(from: 0) == Array(1..<600))
    }

    @Test func theSummaryIsTheLatestAndSentOnce() {
        let ring = EventRing()
        var client = EventCursor(ring, .everything, after: nil, at: 0)
        var deaf = EventCursor(ring, EventFilter(kinds: [.share]), after: nil, at: 0)
        for accepted in 1...3 {
            var snapshot = Snapshot.ofFarm
            snapshot.results.accepted = UInt64(accepted)
            ring.publish(FeedSummary(of: snapshot))
        }
        let reading = client.readAll()
        #expect(reading.events.map(\.name) == ["summary"])
        #expect(reading.events.first?["accepted"] == 3)
        #expect(reading.lastID == nil)
        #expect(client.readAll().events.isEmpty)
        #expect(deaf.readAll().events.isEmpty)
    }

    @Test func aCommentKeepsTheConnectionWhenThereIsNothingElse() {
        let ring = ring(0..<5)
        var client = EventCursor(ring, .everything, after: nil, at: 0)
        _ = client.readAll()
        client.requestHeartbeat()
        #expect(client.readAll().commentCount == 1)
        #expect(client.readAll().commentCount == 0)
        ring.append(Stream.shares(5..<6), id: Stream.id(5))
        client.requestHeartbeat()
        #expect(client.readAll().commentCount == 0)
        #expect(client.readAll().commentCount == 0)
    }
}
