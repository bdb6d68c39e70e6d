import StratumSession
import Testing

@testable import StratumWorker

struct WaitingMinersTests {
    private let patience = WaitingMiners.patience.count * 1_000

    private func id(_ index: UInt32) -> MinerID { MinerID(index: index, generation: 0) }

    @Test func theOldestGoesFirstAndOnlyAfterAMoment() {
        var waiting = WaitingMiners()
        for index in 0..<3 { waiting.append(id(UInt32(index))) }
        let since = { (id: MinerID) -> WaitingMiners.State? in
            .login(since: Instant(microseconds: UInt64(id.index) * 1_000))
        }
        #expect(waiting.takeOldest(at: Instant(microseconds: patience - 1), state: since) == nil)
        #expect(waiting.takeOldest(at: Instant(microseconds: patience + 1_000), state: since) == id(0))
        #expect(waiting.takeOldest(at: Instant(microseconds: patience + 1_000), state: since) == id(1))
        #expect(waiting.takeOldest(at: Instant(microseconds: patience + 1_000), state: since) == nil)
        #expect(waiting.count == 1)
    }

    /// A handshake at the head hides neither the silent connections behind it nor those that have logged in.
    @Test func aHandshakeIsPassedOver() {
        var waiting = WaitingMiners()
        for index in 0..<1_000 { waiting.append(id(UInt32(index))) }
        let login = WaitingMiners.State.login(since: Instant(microseconds: 0))
        let all = { (id: MinerID) -> WaitingMiners.State? in id.index < 2 ? .handshake : login }
        let now = Instant(microseconds: patience)
        #expect(waiting.takeOldest(at: now, state: all) == id(2))
        #expect(waiting.count == 999)
        let only = { (id: MinerID) -> WaitingMiners.State? in id.index < 2 ? .handshake : nil }
        waiting.prune(state: only)
        #expect(waiting.count == 2)
        #expect(waiting.takeOldest(at: now, state: only) == nil)
        #expect(waiting.takeOldest(at: now, state: { $0.index < 2 ? login : nil }) == id(0))
    }

    @Test func whoHasLoggedInIsPassedOver() {
        var waiting = WaitingMiners()
        for index in 0..<1_000 { waiting.append(id(UInt32(index))) }
        let now = Instant(microseconds: patience)
        let last = { (id: MinerID) -> WaitingMiners.State? in
            id.index == 999 ? .login(since: Instant(microseconds: 0)) : nil
        }
        #expect(waiting.takeOldest(at: now, state: last) == id(999))
        #expect(waiting.takeOldest(at: now, state: last) == nil)
        #expect(waiting.count == 0)
        for index in 0..<1_000 { waiting.append(id(UInt32(index))) }
        waiting.prune { _ in nil }
        #expect(waiting.count == 0)
    }
}
