import StratumProtocol
import Testing

@testable import StratumSession

/// What a program wrote that knew pools by their numbers alone is still read (docs/HANDOVER.md).
struct OlderFormTests {
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
        let form = older(try naming(harness.shard))
        let now = written(try naming(harness.shard))
        #expect(written(try read(form, names: ["pool0", "pool1"])) == now)
        #expect(form.count < now.count)
    }

    @Test func withoutAddressesEveryPoolIsAnotherOneAndTheOldServesOn() throws {
        let harness = mining()
        var heir = try read(older(try naming(harness.shard)), names: [])
        #expect(heir.poolNames == ["", ""])
        heir.adopt(harness.shard.policy, at: harness.now)
        let views = heir.upstreamViews
        #expect(views.map(\.state) == [.active] && heir.poolDirectory[Int(views[0].pool)] == "")
        #expect(heir.sharesInFlight == 3)
        #expect(heir.minersNow == 3)
    }

    private func read(_ bytes: [UInt8], names: [String]) throws(FormFault) -> Shard {
        let pointer = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes.count, alignment: 8)
        defer { pointer.deallocate() }
        pointer.copyBytes(from: bytes)
        var form = FormReader(UnsafeRawBufferPointer(pointer))
        return try Shard(decoding: &form, poolNames: names)
    }

    /// The same shard without what an older form leaves out, in which each miner keeps its agent for itself, as all did.
    private func naming(_ shard: borrowing Shard) throws -> Shard {
        var same = try StratumSessionTests.read(written(shard))
        var full = AgentTable()
        for number in 0..<AgentTable.countMax { _ = full.number(of: "an agent with number \(number)") }
        for row in same.wires.indices { same.wires[row].translate(from: same.agents, to: &full) }
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
        var form = FormWriter(into: memory)
        form.form(version: 1) { form in
            form.section(FormTag("SHRD")) { form in
                form.integer(shard.random.state)
                form.integer(shard.nextMinerKey)
                form.integer(UInt64(shard.ticks))
                form.integer(shard.dials)
                form.flag(shard.expectsReserved)
            }
            form.section(FormTag("PLCY")) { form in form.record { older(shard.policy, &$0) } }
            form.section(FormTag("POOL")) { form in
                form.integer(UInt32(shard.failureReports.count))
                for pool in shard.failureReports.indices {
                    form.record { form in
                        form.flag(shard.hasSaidReserved[pool])
                        shard.failureReports[pool].encode(to: &form)
                    }
                }
            }
            form.section(FormTag("MINR")) { form in
                form.integer(UInt32(shard.miners.count))
                form.integer(UInt32(MinerSession.rowBytesMin))
                for miner in shard.miners { older(miner, &form) }
            }
            form.section(FormTag("WIRE")) { form in for wire in shard.wires { wire.encode(to: &form) } }
            form.section(FormTag("VACT")) { $0.integer(UInt32(0)) }
            form.section(FormTag("UPST")) { form in
                form.integer(UInt32(shard.upstreams.count))
                for upstream in shard.upstreams { form.record { older(upstream, &$0) } }
            }
        }
        #expect(form.fits)
        return [UInt8](memory[..<form.count])
    }

    private func older(_ miner: MinerSession, _ form: inout FormWriter) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: MinerSession.rowBytes, alignment: 8)
        defer { memory.deallocate() }
        var row = FormWriter(into: memory)
        miner.encode(to: &row)
        form.raw(UnsafeRawBufferPointer(rebasing: memory[..<MinerSession.rowBytesMin]))
    }

    private func older(_ policy: ShardPolicy, _ form: inout FormWriter) {
        form.text(ifGiven: policy.accessPassword)
        form.flag(policy.offersAlgoExtension)
        form.integer(policy.customDifficulty)
        form.flag(policy.countsCustomDifficulty)
        form.integer(UInt32(policy.retries))
        form.integer(policy.retryPause.count)
        form.text(policy.agent)
        form.flag(policy.keepsFirstUpstream)
        form.integer(UInt32(policy.pools.count))
        for pool in policy.pools {
            form.record { form in
                form.text(pool.user)
                form.text(pool.password)
                form.text(ifGiven: pool.rigID)
                form.flag(pool.algorithm != nil)
                form.bytes(pool.algorithm ?? AlgorithmName())
                form.integer(pool.keepalive?.count ?? 0)
            }
        }
    }

    private func older(_ upstream: Upstream, _ form: inout FormWriter) {
        form.flag(upstream.isSuspended)
        form.integer(ifGiven: upstream.emptySince?.microseconds)
        form.flag(upstream.shareOneBlob)
        form.integer(upstream.current?.serial ?? 0)
        upstream.space.encode(to: &form)
        upstream.choice.encode(to: &form)
        for session in upstream.sessions { session.encode(to: &form) }
        form.flag(upstream.current != nil)
        if let current = upstream.current { form.record { older(current, &$0) } }
        form.flag(upstream.previous != nil)
        if let previous = upstream.previous { form.record { older(previous, &$0) } }
    }

    private func older(_ work: Work, _ form: inout FormWriter) {
        form.integer(work.source.upstream)
        form.integer(work.source.pool)
        form.integer(work.source.generation)
        form.integer(ifGiven: work.reservedByte)
        form.integer(work.serial)
        work.job.encode(to: &form)
        work.seen.encode(to: &form)
    }
}
