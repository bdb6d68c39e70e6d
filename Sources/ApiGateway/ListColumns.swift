internal import Telemetry

/// What `/1/workers` can be sorted by.
enum WorkerColumn: String, ListColumn {
    case name, ip, connections, accepted, rejected, invalid, hashes
    case lastShare = "last_share"
    case lastSeen = "last_seen"
    /// Over ten minutes: over one, the rate of a single worker is mostly chance.
    case hashrate
    case hashrateOneMinute = "hashrate_1m"
    case hashrateTenMinutes = "hashrate_10m"
    case hashrateOneHour = "hashrate_1h"
    case hashrateTwelveHours = "hashrate_12h"
    case hashrateOneDay = "hashrate_24h"

    func key(of row: Snapshot.WorkerRow) -> SortKey {
        switch self {
        case .name: .text(row.name)
        case .ip: .text(row.ip)
        case .connections: .number(UInt64(row.connections))
        case .accepted: .number(row.accepted)
        case .rejected: .number(row.rejected)
        case .invalid: .number(row.invalid)
        case .hashes: .number(row.hashes)
        case .lastShare: .number(row.lastShareAt)
        case .lastSeen: .number(row.lastSeenAt)
        case .hashrate, .hashrateTenMinutes: .rate(row.hashrates.tenMinutes)
        case .hashrateOneMinute: .rate(row.hashrates.oneMinute)
        case .hashrateOneHour: .rate(row.hashrates.oneHour)
        case .hashrateTwelveHours: .rate(row.hashrates.twelveHours)
        case .hashrateOneDay: .rate(row.hashrates.oneDay)
        }
    }
}

/// What `/1/miners` can be sorted by: its own columns that tell miners apart.
enum MinerColumn: String, ListColumn {
    case id, ip, tx, rx, diff, user
    case rigID = "rig_id"
    case agent

    func key(of row: MinerRow) -> SortKey {
        switch self {
        case .id: .number(row.id)
        case .ip: .text(row.miner.ip)
        case .tx: .number(row.sentBytes)
        case .rx: .number(row.receivedBytes)
        case .diff: .number(row.difficulty)
        case .user: .text(row.miner.user)
        case .rigID: .text(row.miner.rigID)
        case .agent: .text(row.miner.agent)
        }
    }
}

/// What `/1/upstreams` can be sorted by.
enum UpstreamColumn: String, ListColumn {
    case shard, pool, state, miners, diff, height, accepted, rejected
    case inFlight = "in_flight"

    func key(of row: Snapshot.UpstreamRow) -> SortKey {
        switch self {
        case .shard: .number(UInt64(row.shard))
        case .pool: .number(UInt64(row.gauge.pool))
        case .state: .number(UInt64(row.gauge.state.rawValue))
        case .miners: .number(UInt64(row.gauge.miners))
        case .diff: .number(row.gauge.difficulty)
        case .height: .number(row.gauge.height)
        case .accepted: .number(row.gauge.accepted)
        case .rejected: .number(row.gauge.rejected)
        case .inFlight: .number(UInt64(row.gauge.inFlight))
        }
    }
}
