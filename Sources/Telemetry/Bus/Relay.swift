/// What the collector sends to its subscribers: the events of all shards as one stream. The collector assigns its own
/// miner keys, because two shards, or two epochs of one shard, can use the same key for different miners.
struct Relay: Sendable {
    /// Four times the events that one message can release when it closes a gap (`SequenceGate.heldEventsMax`). Beyond
    /// this, shares and errors are omitted; joining and leaving miners are always reported.
    static let eventsMax = 131_072
    /// Gauges of miners that wait to be taken: one for each miner in ten seconds, for twenty large farms.
    static let gaugesMax = 131_072
    /// The key of a miner that is no longer known.
    static let unknownMiner: MinerKey = 0

    var events: [ShardEvent] = []
    private var gauges: [MinerGauge] = []
    private var lastKey = Relay.unknownMiner

    /// A key that this process has not used before.
    mutating func newKey() -> MinerKey {
        lastKey += 1
        return lastKey
    }

    mutating func add(_ share: ShareSettled, of key: MinerKey) {
        var share = share
        share.miner = key
        add(.share(share))
    }

    /// Adds an event that can be omitted when there are too many.
    mutating func add(_ event: ShardEvent) {
        if events.count < Relay.eventsMax { events.append(event) }
    }

    mutating func join(_ miner: MinerJoined) { events.append(.joined(miner)) }

    mutating func leave(_ key: MinerKey) { events.append(.left(MinerLeft(key: key))) }

    mutating func add(_ gauge: MinerGauge) {
        if gauges.count < Relay.gaugesMax { gauges.append(gauge) }
    }

    /// Removes and returns the events added after `mark`.
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
