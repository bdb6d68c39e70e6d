internal import Telemetry

extension CurrentDocuments {
    /// Connections in `/1/workers/{name}`; `connections` has their full number. For a farm that logs in under one name,
    /// the others are in `/1/miners`.
    static let workerMinersMax = 256

    /// `/1/workers/{name}`: the row of the worker, its refusals and its connections; nil if there is no such worker.
    package static func worker(named name: String, of view: ServiceView) -> [UInt8]? {
        guard let row = view.snapshot.packedWorkers.first(where: { $0.name == name }) else { return nil }
        let miners = view.miners.lazy.filter { $0.miner.worker == name }.prefix(workerMinersMax)
        var json = JSONWriter()
        json.object {
            $0.member("name", row.name)
            $0.member("ip", row.ip)
            $0.member("connections", row.connections)
            $0.member("accepted", row.accepted)
            $0.member("rejected", row.rejected)
            $0.member("invalid", row.invalid)
            $0.member("hashes", row.hashes)
            $0.member("last_share", row.lastShareAt.nonZero)
            $0.member("last_seen", row.lastSeenAt.nonZero)
            $0.object("hashrate") { $0.array("total", .inLine, row.hashrates.kilohashes) }
            $0.object("refusals") { json in
                for (reason, count) in zip(RefusalReason.allCases, row.refusals) where reason != .none {
                    json.member(named: reason.name, count)
                }
            }
            $0.array("miners", .onePerLine) {
                for miner in miners { $0.object { write(miner, into: &$0) } }
            }
        }
        return json.bytes
    }

    private static func write(_ row: MinerRow, into json: inout JSONWriter) {
        json.member("id", row.id)
        json.member("shard", UInt64(row.miner.shard))
        json.member("ip", row.miner.ip)
        json.member("agent", row.miner.agent.nonEmpty)
        json.member("diff", row.difficulty)
        json.member("tx", row.sentBytes)
        json.member("rx", row.receivedBytes)
        json.member("tls", row.gauge.tls.version)
        json.member("cipher", row.gauge.tls.cipher)
    }
}

extension RefusalReason {
    /// The name in documents and in labels of metrics.
    var name: String {
        switch self {
        case .none: "none"
        case .lowDifficulty: "low_difficulty"
        case .invalidNonce: "invalid_nonce"
        case .staleJob: "stale_job"
        case .wrongAlgorithm: "wrong_algorithm"
        case .duplicate: "duplicate"
        case .badGateway: "bad_gateway"
        case .poolLost: "pool_lost"
        case .pool: "pool"
        }
    }
}
