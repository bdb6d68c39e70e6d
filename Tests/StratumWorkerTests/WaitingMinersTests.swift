import StratumSession
import Testing

@testable import StratumWorker

struct WaitingMinersTests {
    private let patience = WaitingMiners.patience.count * 1_000

    private func id(_ index: UInt32) -> MinerID { MinerID(index: index, generation: 0) }

    @Test func theOldestGoesFirstAndOnlyAfterAMoment() {
        var waiting = WaitingMiners()
        for index in 0..<3 { waiting.append(id(UInt32(index))) }
        let since = { (id: MinerID) -> Instant? in Instant(microseconds: UInt64(id.index) * 1_000) }
        #expect(waiting.takeOldest(at: Instant(microseconds: patience - 1), waitingSince: since) == nil)
        #expect(waiting.takeOldest(at: Instant(microseconds: patience + 1_000), waitingSince: since) == id(0))
        #expect(waiting.takeOldest(at: Instant(microseconds: patience + 1_000), waitingSince: since) == id(1))
        #expect(waiting.takeOldest(at: Instant(microseconds: patience + 1_000), waitingSince: since) == nil)
        #expect(waiting.count == 1)
    }

    /// A handshake at the head hides neither the silent connections behind it nor those that have logged in.
    @Test func aHandshakeIsPassedOver() {
        var waiting = WaitingMiners()
        for index in 0..<1_000 { waiting.append(id(UInt32(index))) }
        let isInHandshake = { (id: MinerID) in id.index < 2 }
        let all = { (_: MinerID) -> Instant? in Instant(microseconds: 0) }
        let now = Instant(microseconds: patience)
        #expect(waiting.takeOldest(at: now, waitingSince: all, isInHandshake: isInHandshake) == id(2))
        #expect(waiting.count == 999)
        let only = { (id: MinerID) -> Instant? in isInHandshake(id) ? Instant(microseconds: 0) : nil }
        waiting.prune(waitingSince: only, isInHandshake: isInHandshake)
        #expect(waiting.count == 2)
        #expect(waiting.takeOldest(at: now, waitingSince: only, isInHandshake: isInHandshake) == nil)
        #expect(waiting.takeOldest(at: now, waitingSince: only) == id(0))
    }

    @Test func whoHasLoggedInIsPassedOver() {
        var waiting = WaitingMiners()
        for index in 0..<1_000 { waiting.append(id(UInt32(index))) }
        let now = Instant(microseconds: patience)
        let last = { (id: MinerID) -> Instant? in id.index == 999 ? Instant(microseconds: 0) : nil }
        #expect(waiting.takeOldest(at: now, waitingSince: last) == id(999))
        #expect(waiting.takeOldest(at: now, waitingSince: last) == nil)
        #expect(waiting.count == 0)
        for index in 0..<1_000 { waiting.append(id(UInt32(index))) }
        waiting.prune { _ in nil }
        #expect(waiting.count == 0)
    }
}
