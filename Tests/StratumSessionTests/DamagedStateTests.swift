import StratumProtocol
import TestSupport
import Testing

@testable import StratumSession

/// A form that is damaged, or written by somebody with other intentions, is an error or a sound shard: never a trap.
struct DamagedStateTests {
    /// A shard with some of everything.
    private func busyShard(_ seed: UInt64) -> ShardHarness {
        var dice = SeededGenerator(seed: seed &* 31_337)
        let harness = ShardHarness(pools: Int(seed % 3) + 1, chunk: seed % 2 == 0 ? 50 : .max, seed: seed) {
            ShardCodingTests.adjust(&$0, seed)
        }
        for _ in 0..<250 { harness.live(&dice) }
        for miner in harness.miners.suffix(2) where miner.isConnected {
            harness.take(.minerBytes(miner.id), Array(#"{"id":77,"jsonrpc""#.utf8))
        }
        return harness
    }

    @Test(arguments: lives(3))
    func damageIsRefusedOrLeavesAShardThatWorks(seed: UInt64) {
        let harness = busyShard(seed)
        let snapshot = written(harness.shard)
        var dice = SeededGenerator(seed: seed)
        var (refused, taken) = (0, 0)
        for _ in 0..<300 {
            var damaged = snapshot
            for _ in 0..<dice.number(1...3) {
                let at = dice.number(0...damaged.count - 1)
                switch dice.number(0...5) {
                case 0: damaged[at] = UInt8(dice.number(0...255))
                case 1: damaged[at] ^= 1 << UInt8(dice.number(0...7))
                case 2: for place in at..<min(at + 8, damaged.count) { damaged[place] = 0xff }
                case 3: damaged.removeSubrange(at..<min(at + dice.number(1...64), damaged.count))
                case 4: damaged.insert(contentsOf: [UInt8](repeating: 0, count: dice.number(1...16)), at: at)
                default: damaged.removeLast(damaged.count - max(at, 1))
                }
            }
            do throws(DecodingFault) {
                try exercise(try read(damaged), harness, &dice)
                taken += 1
            } catch {
                refused += 1
            }
        }
        #expect(refused > 100)
        #expect(taken > 5)
    }

    /// Whatever a damaged shard believes, it can be served, and written down again.
    private func exercise(_ shard: consuming Shard, _ harness: ShardHarness, _ dice: inout SeededGenerator)
        throws(DecodingFault)
    {
        var shard = shard
        let parser = JSONParser()
        let names = ["login", "keepalived", "submit", "other"]
        for turn in 0..<30 {
            let now = Instant(microseconds: harness.now.microseconds + UInt64(turn) * 5_000_000)
            if let miner = dice.one(of: harness.miners.filter(\.isConnected)) {
                let line =
                    #"{"id":\#(turn),"jsonrpc":"2.0","method":"\#(dice.one(of: names)!)","params":{"id":"\#(miner.session)","#
                    + #""login":"x","pass":"x","job_id":"\#(miner.job?.id ?? "")","nonce":"\#(hex([0, 0, UInt8(turn), miner.job?.byte ?? 0]))","#
                    + #""result":"\#(String(repeating: "5a", count: 24))0100000000000000"}}"# + "\n"
                shard.receive(Array(line.utf8).span, from: miner.id, with: parser, at: now)
            }
            if let peer = dice.one(of: harness.peers.filter(\.isOpen)) {
                let job = PoolJob(id: "z\(turn)", work: 1_000 + turn).json(for: peer)
                let lines = [
                    #"{"jsonrpc":"2.0","method":"job","params":\#(job)}"#,
                    #"{"id":\#(dice.number(0...60)),"result":{"status":"OK"}}"#,
                    #"{"id":1,"result":{"id":"s","job":\#(job)}}"#,
                ]
                shard.receive(Array((dice.one(of: lines)! + "\n").utf8).span, from: peer.id, with: parser, at: now)
            }
            _ = shard.minerConnected(at: now)
            shard.tick(at: now)
            var outbox = Outbox()
            shard.takeOutbox(replacingWith: &outbox)
        }
        _ = try read(written(shard))
    }

    @Test func everyCutIsRefused() {
        let snapshot = written(busyShard(2).shard)
        for length in stride(from: 0, to: snapshot.count, by: 7) {
            #expect(throws: DecodingFault.self) { _ = try read(Array(snapshot[..<length])).minersNow }
        }
    }

    @Test func whatAnOlderProgramDoesNotKnowItSkips() throws {
        let shard = try busyShard(3).shard.copied()
        let snapshot = written(shard)
        // A section more.
        var longer = snapshot
        var section = [UInt8]("NEWS".utf8) + [0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3]
        longer += section
        patchLength(&longer, by: section.count)
        #expect(written(try read(longer)) == snapshot)
        // The same twice.
        section = longer.suffix(section.count)
        longer += section
        patchLength(&longer, by: section.count)
        #expect(throws: DecodingFault.badField("section")) { _ = try read(longer).minersNow }
        // The first section (SHRD) with another field at its end.
        var wider = snapshot
        wider.insert(contentsOf: [9, 9, 9], at: 16 + 16 + Int(wider[24]))
        wider[24] += 3
        patchLength(&wider, by: 3)
        #expect(written(try read(wider)) == snapshot)
    }

    @Test func aNewerVersionIsRefusedByItsNumber() {
        var snapshot = written(busyShard(1).shard)
        snapshot[4] = 4
        #expect(throws: DecodingFault.unknownVersion(4)) { _ = try read(snapshot).minersNow }
        snapshot[0] = 0
        #expect(throws: DecodingFault.wrongMagic) { _ = try read(snapshot).minersNow }
    }

    @Test func anEmptyStateSaysWhatIsMissing() {
        let snapshot: [UInt8] = Array("MRWF".utf8) + [1, 0, 0, 0] + [UInt8](repeating: 0, count: 8)
        #expect(throws: DecodingFault.missing("SHRD")) { _ = try read(snapshot).minersNow }
    }

    private func patchLength(_ snapshot: inout [UInt8], by more: Int) {
        let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(snapshot[8 + $1]) << UInt64($1 * 8) } + UInt64(more)
        for place in 0..<8 { snapshot[8 + place] = UInt8(truncatingIfNeeded: length >> UInt64(place * 8)) }
    }
}

extension Shard {
    /// Another shard like this one.
    borrowing func copied() throws(DecodingFault) -> Shard { try read(written(self)) }
}
