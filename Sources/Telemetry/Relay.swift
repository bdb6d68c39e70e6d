/// What the collector tells those who follow it: events of all shards as one stream. Its miners have keys of the
/// collector's own, as two shards, or two lives of one, know different miners by the same key.
struct Relay: Sendable {
    /// What one message can set free: all that waited behind a gap (`SequenceGate.heldEventsMax`), four times over. Beyond it
    /// shares and errors are left out; who is there is always told.
    static let eventsMax = 131_072
    /// Miners' gauges that wait to be taken: each miner's of ten seconds, for twenty large farms.
    static let gaugesMax = 131_072
    /// Stands for a miner that nothing is known of any more.
    static let unknownMiner: MinerKey = 0

    var events: [ShardEvent] = []
    private var gauges: [MinerGauge] = []
    private var lastKey = Relay.unknownMiner

    /// A key that was never used before in this process.
    mutating func newKey() -> MinerKey {
        lastKey += 1
        return lastKey
    }

    mutating func add(_ share: ShareSettled, of key: MinerKey) {
        var share = share
        share.miner = key
        add(.share(share))
    }

    /// For events that may be left out.
    mutating func add(_ event: ShardEvent) {
        if events.count < Relay.eventsMax { events.append(event) }
    }

    mutating func join(_ miner: MinerJoined) { events.append(.joined(miner)) }

    mutating func leave(_ key: MinerKey) { events.append(.left(MinerLeft(key: key))) }

    mutating func add(_ gauge: MinerGauge) {
        if gauges.count < Relay.gaugesMax { gauges.append(gauge) }
    }

    /// Takes out what was added after `mark`.
    mutating func cut(from mark: Int) -> [ShardEvent] {
        guard mark < events.count else { return [] }
        defer { events.removeSubrange(mark...) }
        return Array(events[mark...])
    }

    mutating func take() -> [ShardEvent] {
        defer { events = [] }
        return events
    }

    mutating func takeGauges() -> [MinerGauge] {
        defer { gauges = [] }
        return gauges
    }
}
