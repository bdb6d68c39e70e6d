import StratumProtocol
import Testing

@testable import StratumSession

/// What a program wrote that knew pools by their numbers alone is still read (docs/HANDOVER.md).
struct OlderStateTests {
    /// Two pools, of which the second serves; miners mine, and shares are on their way.
    private func mining() -> ShardHarness {
        let harness = ShardHarness(pools: 2) {
            $0.retries = 1
            $0.pools[0].rigID = "rig"
            for pool in $0.pools.indices { $0.pools[pool].keepalive = .seconds(60) }
        }
        harness.pools[0].door = .closed
        for _ in 0..<3 { harness.join() }
        harness.pass(Milliseconds(1_100))
        harness.pools[1].verdict = .withhold
        for miner in harness.miners { harness.submit(miner) }
        harness.newJob(pool: 1)
        return harness
    }

    @Test func theStateIsTheSameWithTheAddressesFromElsewhere() throws {
        let harness = mining()
        let snapshot = older(try naming(harness.shard))
        let now = written(try naming(harness.shard))
        #expect(written(try read(snapshot, names: ["pool0", "pool1"])) == now)
        #expect(snapshot.count < now.count)
    }

    @Test func withoutAddressesEveryPoolIsAnotherOneAndTheOldServesOn() throws {
        let harness = mining()
        var successor = try read(older(try naming(harness.shard)), names: [])
        #expect(successor.poolNames == ["", ""])
        successor.adopt(harness.shard.policy, at: harness.now)
        let views = successor.upstreamViews
        #expect(views.map(\.state) == [.active] && successor.poolDirectory[Int(views[0].pool)] == "")
        #expect(successor.sharesInFlight == 3)
        #expect(successor.minersNow == 3)
    }

    private func read(_ bytes: [UInt8], names: [String]) throws(DecodingFault) -> Shard {
        let pointer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
        defer { pointer.deallocate() }
        pointer.copyBytes(from: bytes)
        var reader = BinaryReader(UnsafeRawBufferPointer(pointer))
        return try Shard(decoding: &reader, poolNames: names)
    }

    /// The same shard without what an older form leaves out, in which each miner keeps its agent for itself, as all did.
    private func naming(_ shard: borrowing Shard) throws -> Shard {
        var same = try StratumSessionTests.read(written(shard))
        var full = AgentTable()
        for number in 0..<AgentTable.countMax { _ = full.number(of: "an agent with number \(number)") }
        for row in same.connectionStates.indices { same.connectionStates[row].translate(from: same.agents, to: &full) }
        same.agents = AgentTable()
        // An older program had one generator for both.
        same.secrets = same.random
        same.conductSalt = RandomNumbers.salt(same.random.state)
        for row in same.miners.indices {
            same.miners[row].requests = Allowance()
            same.miners[row].pause = .none
            same.miners[row].pauses = 0
            same.miners[row].record = MinerRecord()
            same.miners[row].placedAt = Instant(microseconds: 0)
            same.miners[row].hasSubmitted = false
            same.miners[row].formerUpstream = 0
            same.miners[row].formerSlot = 0
        }
        // An older program forgot these at each takeover.
        for upstream in same.upstreams.indices {
            same.upstreams[upstream].jobAt = Instant(microseconds: 0)
            same.upstreams[upstream].lastPool = 0
            same.upstreams[upstream].accepted = 0
            same.upstreams[upstream].rejected = 0
        }
        return same
    }

    // MARK: - As it was written

    private func older(_ shard: borrowing Shard) -> [UInt8] {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 8)
        defer { memory.deallocate() }
        var writer = BinaryWriter(into: memory)
        writer.versioned(1) { writer in
            writer.section(SectionTag("SHRD")) { writer in
                writer.integer(shard.random.state)
                writer.integer(shard.nextMinerKey)
                writer.integer(UInt64(shard.ticks))
                writer.integer(shard.dials)
                writer.flag(shard.expectsReserved)
            }
            writer.section(SectionTag("PLCY")) { writer in writer.record { older(shard.policy, &$0) } }
            writer.section(SectionTag("POOL")) { writer in
                writer.integer(UInt32(shard.seats.count))
                for pool in shard.seats.indices {
                    writer.record { writer in
                        writer.flag(shard.seats[pool].hasSaidReserved)
                        shard.seats[pool].failureReports.encode(to: &writer)
                    }
                }
            }
            writer.section(SectionTag("MINR")) { writer in
                writer.integer(UInt32(shard.miners.count))
                writer.integer(UInt32(MinerSession.rowBytesMin))
                for miner in shard.miners { older(miner, &writer) }
            }
            writer.section(SectionTag("WIRE")) { writer in
                for wire in shard.connectionStates { wire.encode(to: &writer) }
            }
            writer.section(SectionTag("VACT")) { $0.integer(UInt32(0)) }
            writer.section(SectionTag("UPST")) { writer in
                writer.integer(UInt32(shard.upstreams.count))
                for upstream in shard.upstreams { writer.record { older(upstream, &$0) } }
            }
        }
        #expect(writer.fits)
        return [UInt8](memory[..<writer.count])
    }

    private func older(_ miner: MinerSession, _ writer: inout BinaryWriter) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: MinerSession.rowBytes, alignment: 8)
        defer { memory.deallocate() }
        var row = BinaryWriter(into: memory)
        miner.encode(to: &row)
        writer.raw(UnsafeRawBufferPointer(rebasing: memory[..<MinerSession.rowBytesMin]))
    }

    private func older(_ policy: ShardPolicy, _ writer: inout BinaryWriter) {
        writer.text(ifGiven: policy.accessPassword)
        writer.flag(policy.offersAlgoExtension)
        writer.integer(policy.customDifficulty)
        writer.flag(policy.countsCustomDifficulty)
        writer.integer(UInt32(policy.retries))
        writer.integer(policy.retryPause.count)
        writer.text(policy.agent)
        writer.flag(policy.keepsFirstUpstream)
        writer.integer(UInt32(policy.pools.count))
        for pool in policy.pools {
            writer.record { writer in
                writer.text(pool.user)
                writer.text(pool.password)
                writer.text(ifGiven: pool.rigID)
                writer.flag(pool.algorithm != nil)
                writer.bytes(pool.algorithm ?? AlgorithmName())
                writer.integer(pool.keepalive?.count ?? 0)
            }
        }
    }

    private func older(_ upstream: Upstream, _ writer: inout BinaryWriter) {
        writer.flag(upstream.isSuspended)
        writer.integer(ifGiven: upstream.emptySince?.microseconds)
        writer.flag(upstream.shareOneBlob)
        writer.integer(upstream.current?.serial ?? 0)
        upstream.space.encode(to: &writer)
        upstream.choice.encode(to: &writer)
        for session in upstream.sessions { session.encode(to: &writer) }
        writer.flag(upstream.current != nil)
        if let current = upstream.current { writer.record { older(current, &$0) } }
        writer.flag(upstream.previous != nil)
        if let previous = upstream.previous { writer.record { older(previous, &$0) } }
    }

    private func older(_ work: ActiveJob, _ writer: inout BinaryWriter) {
        writer.integer(work.source.upstream)
        writer.integer(work.source.pool)
        writer.integer(work.source.generation)
        writer.integer(ifGiven: work.reservedByte)
        writer.integer(work.serial)
        work.job.encode(to: &writer)
        work.seen.encode(to: &writer)
    }
}
