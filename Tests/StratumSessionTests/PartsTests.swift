import StratumProtocol
import TestSupport
import Testing

@testable import StratumSession

/// The small parts of a shard, each alone.
struct NonceSpaceTests {
    private func miner(_ index: UInt32) -> MinerID { MinerID(index: index, generation: 0) }

    @Test(arguments: [UInt8(0), 1, 200, 255])
    func slotsAreGivenOutInTurnFromTheStart(start: UInt8) {
        var space = NonceSpace(start: start)
        for index in 0..<256 { #expect(space.allocate(for: miner(UInt32(index))) == start &+ UInt8(index)) }
        #expect(space.allocate(for: miner(999)) == nil)
        #expect(space.ownedCount == 256)
        #expect(space.freeCount == 0)
    }

    @Test func aSearchedSlotIsDeadUntilTheNextJobAndAnotherOneFree() {
        var space = NonceSpace(start: 0)
        for index in 0..<3 { _ = space.allocate(for: miner(UInt32(index))) }
        space.release(0, wasSearched: true)
        space.release(1, wasSearched: false)
        #expect(space[0] == .dead)
        #expect(space[1] == .free)
        #expect(space.freeCount == 254)
        #expect(space.ownedCount == 1)
        space.release(0, wasSearched: false)
        #expect(space[0] == .dead)
        space.freeDeadSlots()
        #expect(space[0] == .free)
        #expect(space.freeCount == 255)
        var owned: [UInt8] = []
        space.forEachOwned { slot, _ in owned.append(slot) }
        #expect(owned == [2])
    }

    @Test func aFreedSlotIsNotReusedSoonerThanNeedBe() {
        var space = NonceSpace(start: 0)
        _ = space.allocate(for: miner(1))
        space.release(0, wasSearched: true)
        space.freeDeadSlots()
        #expect(space.allocate(for: miner(2)) == 1)
    }
}

struct SeenNoncesTests {
    @Test func eachNonceIsNewOnce() {
        var seen = SeenNonces(salt: 0x9e37_79b9_7f4a_7c15)
        for nonce in [0, 1, .max, 0x1b00_0000] as [UInt32] {
            #expect(seen.insert(nonce) == .new)
            #expect(seen.insert(nonce) == .seen)
        }
        let isEachNew = (2..<UInt32(10_000)).allSatisfy { seen.insert($0) == .new }
        let isEachSeen = (0..<UInt32(10_000)).allSatisfy { seen.insert($0) == .seen }
        #expect(isEachNew)
        #expect(isEachSeen)
        #expect(seen.count == 10_002)
    }

    @Test(arguments: [UInt32(0), 7, 255])
    func oneSlotCannotTakeTheRoomOfTheOthers(slot: UInt32) {
        var seen = SeenNonces(salt: 0x9e37_79b9_7f4a_7c15, limit: 1_000, slotLimit: 100)
        // More than its part, while three quarters are free.
        for nonce in 0..<UInt32(250) { #expect(seen.insert(slot << 24 | nonce) == .new) }
        #expect(seen.insert(slot << 24 | 250) == .full)
        #expect(seen.insert(slot << 24) == .seen)
        let other = (slot ^ 1) << 24
        for nonce in 0..<UInt32(100) { #expect(seen.insert(other | nonce) == .new) }
        #expect(seen.insert(other | 100) == .full)
        #expect(seen.count == 350)
    }

    @Test func evenAnEmptyJobHasALimitForASlot() {
        var seen = SeenNonces(salt: 0x9e37_79b9_7f4a_7c15, slotLimit: 100)
        for nonce in 0..<UInt32(100) * Limits.nonceSlotStretch { _ = seen.insert(0x0700_0000 | nonce) }
        #expect(seen.count == 800)
        #expect(seen.insert(0x0700_0000 | 800) == .full)
        #expect(seen.insert(0x0800_0000) == .new)
    }

    private func readAgain(_ seen: SeenNonces) throws -> SeenNonces {
        try bytes { seen.encode(to: &$0) }.withUnsafeBytes { memory in
            var reader = BinaryReader(memory)
            return try SeenNonces(decoding: &reader)
        }
    }

    @Test func theRoomOfASlotIsCountedAgainWhenAStateIsRead() throws {
        var seen = SeenNonces(salt: 0x9e37_79b9_7f4a_7c15)
        for nonce in 0..<Limits.noncesPerSlotMax * Limits.nonceSlotStretch { _ = seen.insert(0x0300_0000 | nonce) }
        _ = seen.insert(0)
        var again = try readAgain(seen)
        #expect(again.insert(0x03ff_ffff) == .full)
        #expect(again.insert(0x0400_0000) == .new)
        #expect(again.insert(0) == .seen)
    }

    /// At every size, so also in the middle of a growth.
    @Test func aTableReadAgainKnowsTheSameNonces() throws {
        var seen = SeenNonces(salt: 0xc2b2_ae3d_27d4_eb4f)
        var known: Set<UInt32> = []
        var random = SeededGenerator(seed: 1)
        for step in 0..<3_000 {
            // Of few, so that many come twice.
            let nonce = UInt32(random.below(2_500)) &* 16_777_259
            #expect(seen.insert(nonce) == (known.insert(nonce).inserted ? .new : .seen))
            if step % 7 == 0 { seen = try readAgain(seen) }
        }
        #expect(seen.count == known.count)
    }

    @Test(arguments: [[UInt32(1), 2, 3, 4], [0, 1, 2, 3], [1, 2, 3, 0]])
    func atTheLimitNothingIsAddedAndWhatIsThereIsKnown(nonces: [UInt32]) {
        var seen = SeenNonces(salt: 1, limit: 3)
        for nonce in nonces.prefix(3) { #expect(seen.insert(nonce) == .new) }
        #expect(seen.insert(nonces[3]) == .full)
        for nonce in nonces.prefix(3) { #expect(seen.insert(nonce) == .seen) }
        #expect(seen.count == 3)
    }
}

struct SharesInFlightTests {
    private func share(_ id: Int64) -> ShareInFlight {
        ShareInFlight(
            requestID: id, miner: MinerID(index: 0, generation: 0), minerKey: UInt64(id), minerRequestID: .integer(id),
            sentAt: Instant(microseconds: UInt64(id)), difficulty: 1, creditedDifficulty: 1, actualDifficulty: 1,
            isExpired: false)
    }

    @Test func eachIsTakenOutOnceInAnyOrder() {
        var shares = SharesInFlight()
        // With gaps: keepalives take ids too.
        let ids = (0..<200).map { Int64($0 * 3 + 2) }
        for id in ids { shares.insert(share(id)) }
        for id in [Int64.min, -1, 0, 1, 3, 600, .max] { #expect(shares.remove(requestID: id) == nil) }
        for id in ids.reversed() {
            #expect(shares.oldestSentAt == Instant(microseconds: 2))
            #expect(shares.remove(requestID: id)?.minerKey == UInt64(id))
            #expect(shares.remove(requestID: id) == nil)
        }
        #expect(shares.count == 0)
        #expect(shares.oldestSentAt == nil)
        shares.insert(share(9_000))
        #expect(shares.removeAll().map(\.requestID) == [9_000])
        #expect(shares.removeAll().isEmpty)
    }

    @Test func theOldestIsTheOneThatHasWaitedLongest() {
        var shares = SharesInFlight()
        for id in Int64(2)...100 { shares.insert(share(id)) }
        for id in Int64(2)...50 { _ = shares.remove(requestID: id) }
        #expect(shares.oldestSentAt == Instant(microseconds: 51))
        _ = shares.remove(requestID: 53)
        _ = shares.remove(requestID: 51)
        #expect(shares.oldestSentAt == Instant(microseconds: 52))
        #expect(shares.removeAll().map(\.requestID) == [52] + Array(54...100))
    }

    @Test func thereIsRoomUpToTheLimit() {
        var shares = SharesInFlight()
        for id in 0..<Int64(Limits.sharesInFlightMax) {
            #expect(shares.hasRoom)
            shares.insert(share(id + 2))
        }
        #expect(!shares.hasRoom)
        _ = shares.remove(requestID: 2)
        #expect(shares.hasRoom)
    }
}

struct PoolChoiceTests {
    private let now = Instant(microseconds: 0)

    private func wanted(_ choice: PoolChoice) -> [Int] { (0..<choice.count).filter { choice.wants($0, at: now) } }

    @Test func theOnlyPoolIsAlwaysWanted() {
        var choice = PoolChoice(count: 1, retries: 1)
        for _ in 0..<10 { choice.failed(0, at: now) }
        #expect(wanted(choice) == [0])
        let isUsed = choice.succeeded(0, at: now)
        #expect(isUsed)
        choice.failed(0, at: now)
        #expect(choice.active == nil)
        #expect(wanted(choice) == [0])
    }

    @Test func theReachGrowsPoolByPool() {
        var choice = PoolChoice(count: 4, retries: 2)
        #expect(wanted(choice) == [0])
        choice.failed(0, at: now)
        #expect(wanted(choice) == [0])
        choice.failed(0, at: now)
        #expect(wanted(choice) == [0, 1])
        choice.failed(0, at: now)
        #expect(wanted(choice) == [0, 1])
        choice.failed(1, at: now)
        #expect(wanted(choice) == [0, 1, 2])
    }

    @Test func onlyTheFirstPreempts() {
        var choice = PoolChoice(count: 3, retries: 1)
        choice.failed(0, at: now)
        choice.failed(1, at: now)
        let answers = [
            choice.succeeded(2, at: now), choice.succeeded(1, at: now), choice.succeeded(0, at: now),
            choice.succeeded(0, at: now),
        ]
        #expect(answers == [true, false, true, true])
        #expect(choice.active == 0)
        #expect(wanted(choice) == [0])
    }
}

struct InstantTests {
    @Test func timeIsAddedWithoutOverflow() {
        let start = Instant(microseconds: 5)
        #expect(start + .seconds(2) == Instant(microseconds: 2_000_005))
        #expect(Instant.never + .seconds(1) == .never)
        #expect((start + .seconds(1)).microseconds(since: start) == 1_000_000)
        #expect(start.microseconds(since: start + .seconds(1)) == 0)
    }
}

struct OutboxTests {
    @Test func messagesToOneMinerInARowBecomeOne() {
        var outbox = Outbox()
        let (one, two) = (MinerID(index: 1, generation: 0), MinerID(index: 2, generation: 0))
        for miner in [one, one, two, one] { outbox.send(to: miner) { $0 += [1, 2] } }
        let ranges = outbox.commands.compactMap { if case .sendToMiner(_, let range) = $0 { range } else { nil } }
        #expect(ranges == [0..<4, 4..<6, 6..<8])
        outbox.removeAll()
        #expect(outbox.isEmpty)
        #expect(outbox.bytes.isEmpty)
    }

    @Test func twoBuffersServeForEver() {
        var shard = Shard(
            policy: ShardPolicy(pools: [.init(user: "", password: "")], agent: ""), seed: 1, secretSeed: 2)
        var spare = Outbox()
        _ = shard.minerConnected(at: .never)
        shard.fault(.invalidJSON, of: MinerID(index: 0, generation: 0), at: .never)
        shard.takeOutbox(replacingWith: &spare)
        let isEmpty = shard.outbox.isEmpty
        #expect(isEmpty)
        #expect(spare.commands.count == 1)
    }
}
