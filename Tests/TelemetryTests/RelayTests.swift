import TestSupport
import Testing

@testable import Telemetry

/// What the collector tells those who follow it.
struct RelayTests {
    private let epochs = [Sample.epoch, Epoch(high: 2, low: 2)]

    private func moment(_ later: UInt64 = 0) -> Statistics.Moment {
        Statistics.Moment(time: Sample.start + later, monotonic: later)
    }

    /// Two shards with a miner each, both under the shard's key 1.
    private func fold() -> Statistics {
        var statistics = Statistics(startedAt: Sample.start, shardCount: 2)
        for shard in 0..<2 {
            let joined = MinerJoined(
                key: 1, worker: "rig-\(shard)", ip: "192.0.2.\(shard)", agent: "a\(shard)", user: "u\(shard)",
                rigID: "r\(shard)")
            statistics.hear(
                [.epochBegan(epochs[shard]), .events(epochs[shard], [.joined(joined)])], from: UInt16(shard),
                at: moment())
        }
        return statistics
    }

    private func joined(_ events: [ShardEvent]) -> [MinerJoined] {
        events.compactMap { if case .joined(let joined) = $0 { joined } else { nil } }
    }

    private func left(_ events: [ShardEvent]) -> [MinerKey] {
        events.compactMap { if case .left(let left) = $0 { left.key } else { nil } }
    }

    @Test func minersOfAllShardsHaveKeysOfTheirOwn() throws {
        var statistics = fold()
        let miners = joined(statistics.takeRelay())
        #expect(miners.map(\.shard) == [0, 1])
        #expect(miners.map(\.worker) == ["rig-0", "rig-1"])
        #expect(miners.map(\.ip) == ["192.0.2.0", "192.0.2.1"])
        #expect(miners.map { [$0.agent, $0.user, $0.rigID] } == [["a0", "u0", "r0"], ["a1", "u1", "r1"]])
        #expect(Set(miners.map(\.key)).count == 2)
        #expect(statistics.liveMiners() == miners)
        #expect(statistics.takeRelay() == [])
        // Shares and errors follow; a share may come after its miner, or be of nobody known.
        let shares: [ShardEvent] = [
            .share(Sample.accepted(1)), .left(MinerLeft(key: 1)), .share(Sample.accepted(1)),
            .share(Sample.accepted(99)), .poolError(PoolError(time: 1, text: "x")), .checkpoint(Checkpoint()),
        ]
        statistics.hear([.events(epochs[1], shares[...])], from: 1, at: moment())
        let key = miners[1].key
        #expect(
            statistics.takeRelay() == [
                .share(Sample.accepted(key)), .left(MinerLeft(key: key)), .share(Sample.accepted(key)),
                .share(Sample.accepted(0)), .poolError(PoolError(time: 1, text: "x")),
            ])
    }

    @Test func theMinersOfASilentShardLeaveAndComeBackBeforeTheirShares() {
        var statistics = fold()
        let miner = joined(statistics.takeRelay())[0]
        statistics.hear([], from: 1, at: moment(6_000))
        _ = statistics.snapshot(at: moment(6_000))
        #expect(statistics.takeRelay() == [.left(MinerLeft(key: miner.key))])
        #expect(statistics.liveMiners().map(\.shard) == [1])
        statistics.hear([.events(epochs[0], [.share(Sample.accepted(1))])], from: 0, at: moment(7_000))
        #expect(statistics.takeRelay() == [.joined(miner), .share(Sample.accepted(miner.key))])
    }

    @Test func anotherProcessEndsTheMinersOfTheOneBefore() {
        var statistics = fold()
        let miner = joined(statistics.takeRelay())[0]
        let events: [ShardEvent] = [.joined(Sample.joined(1))]
        let epoch = Epoch(high: 3, low: 3)
        statistics.hear([.epochBegan(epoch), .events(epoch, events[...])], from: 0, at: moment())
        let relayed = statistics.takeRelay()
        #expect(left(relayed) == [miner.key])
        #expect(joined(relayed).map(\.key) == [miner.key + 2])
    }

    @Test func gaugesOfMinersBearTheCollectorsKeys() {
        var statistics = fold()
        let miners = joined(statistics.takeRelay())
        var gauges = ShardGauges(shard: 1, epoch: epochs[1], time: 0, loopDelayMicroseconds: 12)
        gauges.upstreams = [.init(id: 4, state: .error), .init(id: 2, state: .active)]
        gauges.upstreams[1].pool = 1
        gauges.pools = ["a:1", "b:2"]
        gauges.minersWaiting = 5
        gauges.losesMinersOnCrash = true
        gauges.closed.count(.flooding)
        gauges.upstreams[1].tls = TLSCode(rawValue: 2)
        gauges.tls = Sample.gaugesOfTLS.tls
        gauges.miners = [1, 50].map {
            .init(key: $0, sentBytes: 1, receivedBytes: 2, difficulty: 3, tls: TLSCode(rawValue: 1))
        }
        statistics.hearGauges(gauges, from: 1, at: moment(6_000))
        #expect(
            statistics.takeMinerGauges() == [
                .init(
                    key: miners[1].key, sentBytes: 1, receivedBytes: 2, difficulty: 3, tls: TLSCode(rawValue: 1))
            ])
        #expect(statistics.takeMinerGauges() == [])
        // They are a sign of life, too.
        let snapshot = statistics.snapshot(at: moment(6_000))
        #expect(snapshot.shards.map(\.isLive) == [false, true])
        #expect(snapshot.shards.map(\.loopDelayMicroseconds) == [0, 12])
        #expect(snapshot.openUpstreams.map(\.shard) == [1, 1])
        #expect(snapshot.openUpstreams.map(\.gauge.id) == [2, 4])
        #expect(snapshot.openUpstreams.map { snapshot.pools[Int($0.gauge.pool)] } == ["b:2", "a:1"])
        #expect(snapshot.shards.map(\.losesMinersOnCrash) == [false, true])
        #expect(snapshot.shards.map { $0.closed[.flooding] } == [0, 1])
        #expect(snapshot.shards.map(\.tls) == [TLSFigures(), gauges.tls])
        #expect(snapshot.openUpstreams.map(\.gauge.tls.rawValue) == [2, 0])
        #expect(snapshot.shards.map(\.minersWaiting) == [0, 5] && snapshot.minersWaiting == 5)
        // What another process said is not true of this one.
        gauges.epoch = epochs[0]
        gauges.loopDelayMicroseconds = 99
        statistics.hearGauges(gauges, from: 1, at: moment(6_000))
        #expect(statistics.snapshot(at: moment(6_000)).shards[1].loopDelayMicroseconds == 12)
        statistics.hear([.epochBegan(epochs[0])], from: 1, at: moment(6_000))
        #expect(statistics.snapshot(at: moment(6_000)).openUpstreams == [])
        #expect(statistics.snapshot(at: moment(6_000)).shards[1].tls == TLSFigures())
    }

    /// Whoever follows the relay from the beginning, or asks now, knows those whom the snapshot counts.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func thoseWhoJoinedAndDidNotLeaveAreThoseWhoCount(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var statistics = Statistics(startedAt: Sample.start, shardCount: 2)
        var following: Set<MinerKey> = []
        var known: [UInt16: Epoch] = [:]
        var time: UInt64 = 0
        for step in 0..<400 as Range<UInt64> {
            time += generator.chance(5) ? 6_000 : 200
            let shard = UInt16.random(in: 0...1, using: &generator)
            let isNew = known[shard] == nil || generator.chance(5)
            if isNew { known[shard] = Epoch(high: step, low: 1) }
            let epoch = known[shard] ?? .unknown
            let key = UInt64.random(in: 0..<12, using: &generator)
            var news: [SequenceGate.Delivery] = isNew ? [.epochBegan(epoch)] : []
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: news.append(.events(epoch, [.left(MinerLeft(key: key))]))
            case 1: news.append(.liveMiners(epoch, (0..<key).map { Sample.joined($0) }))
            case 2: news.append(.events(Epoch(high: step / 2, low: 1), [.joined(Sample.joined(key))]))
            case 3: break
            default: news.append(.events(epoch, [.joined(Sample.joined(key)), .share(Sample.accepted(key))]))
            }
            statistics.hear(news, from: shard, at: moment(time))
            let snapshot = statistics.snapshot(at: moment(time))
            for event in statistics.takeRelay() {
                switch event {
                case .joined(let joined):
                    #expect(following.insert(joined.key).inserted)
                case .left(let left):
                    #expect(following.remove(left.key) != nil)
                case .share, .poolError, .checkpoint: break
                }
            }
            #expect(following.count == Int(snapshot.minersNow))
            #expect(Set(statistics.liveMiners().map(\.key)) == following)
        }
    }

    @Test func aRelayThatNobodyTakesIsBoundedButTellsWhoIsThere() {
        var relay = Relay()
        for _ in 0..<Relay.eventsMax + 10 { relay.add(.checkpoint(Checkpoint())) }
        relay.join(Sample.joined(1))
        relay.leave(1)
        #expect(relay.take().count == Relay.eventsMax + 2)
    }
}

struct SavedMinersTests {
    /// All that is known of a miner is there again, whatever it is; the bus does not have to say it again.
    @Test func theMinersOfALiveShardAreThereAgain() throws {
        let now = Statistics.Moment(time: Sample.start, monotonic: 0)
        var statistics = Statistics(startedAt: Sample.start, shardCount: 1)
        let wallet = String(repeating: "4", count: 95)
        let miners = (1...5 as ClosedRange<MinerKey>).map {
            MinerJoined(
                key: $0, worker: $0 == 3 ? nil : wallet, ip: "192.0.2.\($0)", agent: "XMRig/6.26.0 (Linux x86_64)",
                user: $0 == 4 ? "" : wallet, rigID: "rack7-\($0 % 2)")
        }
        let events = miners.map { ShardEvent.joined($0) }
        statistics.hear([.epochBegan(Sample.epoch), .events(Sample.epoch, events[...])], from: 0, at: now)
        let saved = statistics.takeCheckpoint(positions: [], at: now)
        // Texts are written once: five wallets would take more.
        #expect(saved.shards[0].state.count < 350)
        var restored = try Statistics(
            restoring: saved, journal: [], startedAt: Sample.start, shardCount: 1, at: now)
        #expect(restored.takeRelay() == [])
        restored.hear([], from: 0, at: now)
        #expect(restored.liveMiners() == miners)
        #expect(restored.takeRelay().count == 5)
    }
}
