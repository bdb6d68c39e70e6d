import StratumProtocol
import TestSupport
import Testing

@testable import StratumSession

/// What connections make a shard hold is bounded for all of them together; those go that hold the most.
struct HeldBytesTests {
    private let harness = ShardHarness()
    private static let half = [UInt8](repeating: 0x7b, count: 16_000)

    private func says(_ bytes: [UInt8], _ miner: Miner, _ harness: ShardHarness) {
        harness.take(.minerBytes(miner.id), bytes)
        harness.perform()
    }

    /// By adding up.
    private func held(by shard: borrowing Shard) -> Int {
        shard.miners.indices.reduce(0) {
            shard.miners[$1].phase == .vacant ? $0 : $0 + shard.connectionStates[$1].heldBytes
        }
    }

    // MARK: - The sum

    @Test func connectionsThatSayNothingHoldTheirAddress() {
        for _ in 0..<10 { _ = harness.connect(from: "192.0.2.1") }
        #expect(harness.shard.heldBytes == 10 * 11)
        for miner in harness.miners { harness.leave(miner) }
        #expect(harness.shard.heldBytes == 0)
    }

    @Test func halfALineIsHeldUntilItIsWhole() {
        let miner = harness.join()
        let before = harness.shard.heldBytes
        says(Array(#"{"id":1,"met"#.utf8), miner, harness)
        #expect(harness.shard.heldBytes == before + 12)
        says(Array(#"hod":"keepalived","params":{}}"#.utf8), miner, harness)
        #expect(harness.shard.heldBytes == before + 42)
        miner.owed.insert(1)
        says([0x0a], miner, harness)
        #expect(harness.shard.heldBytes == before)
        says(Array("{".utf8), miner, harness)
        harness.leave(miner)
        #expect(harness.shard.heldBytes == 0)
    }

    @Test func aFaultBehindHalfALineLeavesNothing() {
        let miner = harness.join()
        let other = harness.join()
        let held = harness.shard.heldBytes
        says(HeldBytesTests.half, miner, harness)
        says([0x7b, 0x0a, 0x7b], miner, harness)
        #expect(miner.closed != nil)
        says([UInt8](repeating: 0x20, count: 16_385), other, harness)
        #expect(other.closed != nil)
        #expect(harness.shard.heldBytes == 0 && held > 0)
    }

    @Test(arguments: 1...6 as ClosedRange<UInt64>)
    func theSumIsThatOfAllRowsWhateverHappens(seed: UInt64) throws {
        var dice = SeededGenerator(seed: seed &* 71)
        let harness = ShardHarness(pools: 2, chunk: [.max, 1, 40][Int(seed % 3)], seed: seed)
        for step in 0..<400 {
            harness.live(&dice)
            if let miner = dice.one(of: harness.miners.filter(\.isConnected)), dice.number(0...3) == 0 {
                harness.take(.minerBytes(miner.id), Array("{\"id\":1,\"x".utf8.prefix(dice.number(1...10))))
                harness.perform()
            }
            if dice.number(0...9) == 0, let id = harness.shard.nextMinerID {
                harness.take(.minerConnected(id, .proxyHeader), Array("10.0.0.1".utf8))
                let header = Array("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n{".utf8)
                harness.take(.minerBytes(id), Array(header.prefix(dice.number(1...40))))
                #expect(harness.shard.heldBytes == held(by: harness.shard))
                harness.take(.minerClosed(id))
                harness.perform()
            }
            #expect(harness.shard.heldBytes == held(by: harness.shard))
            if step % 40 == 0 { #expect(try read(written(harness.shard)).heldBytes == harness.shard.heldBytes) }
        }
    }

    // MARK: - The limit

    /// Half lines before the login, half lines of miners, and chunks of miners that are not read: whatever they do, it is they
    /// that go, the largest first.
    private func expectTheLargestGo(_ fill: (ShardHarness, Int) -> Miner?) {
        let harness = ShardHarness()
        let honest = (0..<20).map { _ in harness.join("4A" + String(repeating: "w", count: 93), password: "rig") }
        var hostile: [Miner] = []
        while hostile.count < 10_000, !hostile.contains(where: { $0.closed != nil }) {
            if let miner = fill(harness, hostile.count) { hostile.append(miner) }
        }
        let gone = hostile.filter { $0.closed != nil }
        let sizes = gone.map { if case .memory(let held) = $0.closed { held } else { 0 } }
        let left = hostile.filter(\.isConnected).map { harness.shard.connectionStates[Int($0.id.index)].heldBytes }
        #expect(sizes.min() ?? 0 >= left.max() ?? .max)
        // The one that has brought it beyond the limit may go on.
        let kept = Limits.keptBytes - 130 * 1_024...Limits.keptBytes + 130 * 1_024
        #expect(kept.contains(harness.shard.heldBytes))
        #expect(sizes.reduce(0, +) < 2 * (Limits.allHeldBytesMax - Limits.keptBytes))
        for miner in honest {
            #expect(miner.isConnected)
            harness.submit(miner)
        }
        #expect(harness.settled.count { $0.outcome == .accepted } == 20)
        #expect(harness.violations == [])
    }

    @Test func halfLinesOfStrangersGo() {
        expectTheLargestGo { harness, number in
            let miner = harness.connect()
            says([UInt8](repeating: 0x7b, count: 15_000 + number % 1_000), miner, harness)
            return miner
        }
    }

    @Test func halfLinesOfMinersGo() {
        expectTheLargestGo { harness, number in
            let miner = harness.join()
            says([UInt8](repeating: 0x20, count: 16_384 - number % 7), miner, harness)
            return miner
        }
    }

    @Test func chunksOfMinersThatAreNotReadGo() {
        expectTheLargestGo { harness, number in
            let miner = harness.join()
            harness.submit(miner, difficulty: 1)
            for _ in 0..<60 where !miner.isPaused { harness.keepalive(miner) }
            #expect(miner.isPaused)
            for _ in 0..<(20 + number % 12) { says([UInt8](repeating: 0x0a, count: 4_096), miner, harness) }
            return miner
        }
    }

    // MARK: - Over a crash

    /// A successor that has decided all again closes the same connections.
    @Test(arguments: [3, 17] as [UInt64]) func aTwinThatIsWrittenAndReadAgainClosesTheSame(seed: UInt64) {
        // Its states are large here: it is not written often.
        let twin = Twin(seed: seed, every: 400 * Int(seed))
        let harness = ShardHarness(witness: twin)
        harness.join()
        for number in 0..<4_300 {
            says([UInt8](repeating: 0x7b, count: 16_000 - number % 9), harness.connect(), harness)
        }
        #expect(harness.miners.contains { if case .memory = $0.closed { true } else { false } })
        #expect(twin.differences == [])
        #expect(twin.births > 0)
    }

    // MARK: - Long names

    @Test func aVacantRowKeepsItsAddressAndNoLongNames() {
        let miner = harness.connect(from: "192.0.2.77")
        harness.login(miner, String(repeating: "n", count: 250), password: String(repeating: "p", count: 250))
        harness.leave(miner)
        #expect(harness.shard.introduction(of: miner.id)?.login.count == 250)
        harness.pass(.seconds(2))
        #expect(harness.shard.address(of: miner.id) == "192.0.2.77")
        #expect(harness.shard.introduction(of: miner.id) == nil)
        #expect(harness.shard.connectionStates[0].heldBytes == 12)
        let other = harness.join(from: "192.0.2.78")
        harness.leave(other)
        harness.pass(.seconds(2))
        #expect(harness.shard.introduction(of: other.id)?.login == "farm")
    }
}
