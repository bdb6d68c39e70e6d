internal import Addresses
package import Peers
package import Telemetry

/// The columns of `/1/workers` for sorting.
package enum WorkerColumn: String, ListColumn {
    case name, ip, connections, accepted, rejected, invalid, hashes
    case lastShare = "last_share"
    case lastSeen = "last_seen"
    /// Over ten minutes. Over one minute the rate of a single worker is mostly chance.
    case hashrate
    case hashrateOneMinute = "hashrate_1m"
    case hashrateTenMinutes = "hashrate_10m"
    case hashrateOneHour = "hashrate_1h"
    case hashrateTwelveHours = "hashrate_12h"
    case hashrateOneDay = "hashrate_24h"

    package func key(of row: Snapshot.WorkerRow) -> SortKey {
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

/// The columns of `/1/miners` for sorting: those in which miners differ.
package enum MinerColumn: String, ListColumn {
    case id, ip, tx, rx, diff, user
    case rigID = "rig_id"
    case agent

    package func key(of row: MinerRow) -> SortKey {
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

/// The columns of `/1/upstreams` for sorting.
package enum UpstreamColumn: String, ListColumn {
    case shard, pool, state, miners, diff, height, accepted, rejected
    case inFlight = "in_flight"

    package func key(of row: Snapshot.UpstreamRow) -> SortKey {
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

/// The columns of `/1/peers` for sorting.
package enum PeerColumn: String, ListColumn {
    case address, connections, waiting, connects, logins, requests, invalid
    case unsentBytes = "unsent_bytes"
    case refused, banned

    package func key(of row: PeerReport) -> SortKey {
        switch self {
        case .address: .text(row.network.text)
        case .connections: .number(UInt64(row.connections))
        case .waiting: .number(UInt64(row.waiting))
        case .connects: .number(UInt64(row.connects))
        case .logins: .number(UInt64(row.logins))
        case .requests: .number(UInt64(row.requests))
        case .invalid: .rate(row.badRatio ?? 0)
        case .unsentBytes: .number(UInt64(row.unsentBytes))
        case .refused: .number(row.refused)
        case .banned: .number(UInt64(row.bannedSeconds))
        }
    }
}
