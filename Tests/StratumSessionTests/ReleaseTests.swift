import StratumProtocol
import TestSupport
import Testing

@testable import StratumSession

/// A shard that gives a part of itself to another one.
struct ReleaseTests {
    private func harness(seed: UInt64, serial: UInt32) -> ShardHarness {
        ShardHarness(
            pools: Int(seed % 3) + 1, chunk: [.max, 1, 40][Int(seed % 3)], seed: seed + UInt64(serial), serial: serial
        ) {
            ShardCodingTests.adjust(&$0, seed)
            $0.keepsFirstUpstream = serial == 0
            $0.guardsPools = false
        }
    }

    private func verdicts(_ shard: borrowing Shard) -> UInt64 {
        var sum: UInt64 = 0
        for upstream in shard.upstreams { sum += upstream.accepted + upstream.rejected }
        return sum
    }

    /// Many upstreams with few miners: each pool keeps the nonce byte.
    private func spread(_ harness: ShardHarness, miners: Int) {
        for pool in harness.pools.indices { harness.newJob(pool: pool) { $0.reservedByte = 0x55 } }
        harness.pass(.seconds(3))
        for _ in 0..<miners { harness.join() }
    }

    @Test(arguments: lives(8))
    func bothGoOnAsIfTheyHadAlwaysBeenSo(seed: UInt64) throws {
        let (here, there) = (harness(seed: seed, serial: 0), harness(seed: seed, serial: 1 << 20))
        var dice = SeededGenerator(seed: seed)
        for _ in 0..<200 { here.live(&dice) }
        // Each had pool lists of its own; the end of that finds both with one policy.
        for harness in [here, there] {
            harness.list(0, 1)
            harness.adopt { $0.retries = 2 }
            for pool in harness.pools.indices {
                (harness.pools[pool].door, harness.pools[pool].login) = (.open, .welcome)
            }
        }
        there.pass(Milliseconds((max(here.now, there.now).microseconds(since: there.now)) / 1_000))
        here.pass(Milliseconds((max(here.now, there.now).microseconds(since: here.now)) / 1_000))
        spread(here, miners: 12)
        for pool in here.pools.indices { here.pools[pool].verdict = .withhold }
        for miner in here.miners where miner.isConnected && miner.job != nil { here.submit(miner) }
        let counted = verdicts(here.shard) + verdicts(there.shard)
        let before = (here.shard.minersNow, here.shard.connections, here.shard.sharesInFlight)
        var moved = 0
        for number in UInt32(1)...3 {
            let miners = UInt32(here.shard.minersNow / 2)
            moved += try here.give(ReleasedPart(number: number, miners: miners), to: there) ?? 0
            for harness in [here, there] { PropertyTests().checkBooks(of: harness.shard) }
            #expect(verdicts(here.shard) + verdicts(there.shard) == counted)
            #expect(here.shard.minersNow + there.shard.minersNow == before.0)
            #expect(here.shard.connections + there.shard.connections == before.1)
            #expect(here.shard.sharesInFlight + there.shard.sharesInFlight == before.2)
        }
        #expect(moved > 0)
        for harness in [here, there] {
            for peer in harness.peers where peer.isOpen {
                for share in peer.owed { harness.answer(share, of: peer) }
            }
            for miner in harness.miners where miner.isConnected && miner.job != nil { #expect(miner.owed.isEmpty) }
            for _ in 0..<200 { harness.live(&dice) }
            PropertyTests().checkBooks(of: harness.shard)
            #expect(harness.violations.prefix(3) == [])
            let snapshot = written(harness.shard)
            #expect(written(try read(snapshot)) == snapshot)
        }
    }

    @Test func aPartIsReleasedOnce() throws {
        let (here, there) = (harness(seed: 3, serial: 0), harness(seed: 3, serial: 9))
        spread(here, miners: 8)
        let part = ReleasedPart(number: 1, miners: 4)
        #expect(try here.give(part, to: there) == 4)
        let snapshot = written(here.shard)
        here.take(.release(part))
        here.perform()
        #expect(written(here.shard) == snapshot)
        #expect(try here.give(part, to: there) == nil)
        #expect(here.shard.released == 1)
    }

    /// The one that released is read again from an older form, with the release among its inputs.
    @Test func aReplayReleasesTheSame() throws {
        let (here, there) = (harness(seed: 5, serial: 0), harness(seed: 5, serial: 9))
        spread(here, miners: 8)
        var again = try read(written(here.shard))
        let part = ReleasedPart(number: 7, miners: 3)
        _ = try here.give(part, to: there)
        try again.apply(.release(part), [UInt8]().span, with: JSONParser(), at: here.now)
        var outbox = Outbox()
        again.takeOutbox(replacingWith: &outbox)
        #expect(written(again) == written(here.shard))
        let released = outbox.commands.count { if case .released = $0 { true } else { false } }
        #expect(released == there.shard.minersNow && released > 0)
    }

    // MARK: - What does not move

    @Test func upstreamsWithMoreMinersThanWantedStay() throws {
        let (here, there) = (ShardHarness(), ShardHarness(serial: 9))
        for _ in 0..<10 { here.join() }
        #expect(try here.give(ReleasedPart(number: 1, miners: 9), to: there) == nil)
        // The only one stays, whatever is wanted.
        #expect(try here.give(ReleasedPart(number: 1, miners: 100), to: there) == nil)
        #expect(here.shard.minersNow == 10)
    }

    @Test func connectionsThatHaveNotLoggedInStay() throws {
        let (here, there) = (harness(seed: 3, serial: 0), harness(seed: 3, serial: 9))
        spread(here, miners: 6)
        let silent = here.connect()
        #expect(try here.give(ReleasedPart(number: 1, miners: 5), to: there) == 5)
        here.login(silent)
        #expect(silent.job != nil && here.shard.connections == 2)
    }

    /// A miner was moved to another upstream, and the one that it had before owes it a verdict.
    @Test func upstreamsThatOweAVerdictToMinersOfOthersStay() throws {
        let (here, there) = (ShardHarness(), ShardHarness(serial: 9))
        let (first, second) = (here.join(), here.join())
        here.pools[0].verdict = .withhold
        here.submit(first)
        here.submit(second)
        // The pool keeps the nonce byte from now on: only one of them can stay.
        here.newJob { $0.reservedByte = 0x55 }
        here.pass(.seconds(3))
        #expect(here.open().count == 2)
        #expect(try here.give(ReleasedPart(number: 1, miners: 1), to: there) == nil)
        for peer in here.open() { for share in peer.owed { here.answer(share, of: peer) } }
        #expect(first.owed.isEmpty && second.owed.isEmpty)
        #expect(try here.give(ReleasedPart(number: 1, miners: 1), to: there) == 1)
    }
}
