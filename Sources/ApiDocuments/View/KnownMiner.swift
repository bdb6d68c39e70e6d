package import Telemetry

/// The identity of a miner. Its row and all its events share one object, so that a share stays small and has a name
/// also after its miner has disconnected.
package final class KnownMiner: Sendable {
    package let key: MinerKey
    /// nil if it has no worker name.
    package let worker: String?
    let ip: String
    let texts: MinerTexts
    let shard: UInt16

    /// - Parameter pool: shares equal texts between miners.
    package init(_ joined: MinerJoined, _ pool: inout MinerTexts.Pool) {
        key = joined.key
        worker = joined.worker
        ip = joined.ip
        texts = pool.shared(agent: joined.agent, user: joined.user, rigID: joined.rigID, worker: joined.worker)
        shard = joined.shard
    }

    /// Without sharing its texts.
    package convenience init(_ joined: MinerJoined) {
        var pool = MinerTexts.Pool()
        self.init(joined, &pool)
    }

    /// The login as the collector reported it.
    package var joined: MinerJoined {
        MinerJoined(
            key: key, worker: worker, ip: ip, agent: texts.agent, user: texts.user(worker: worker),
            rigID: texts.rigID(worker: worker), shard: shard)
    }

    /// Bytes of its texts, for limits. Shared texts are counted in full.
    var byteCount: Int {
        ip.utf8.count + texts.agent.utf8.count + texts.user(worker: worker).utf8.count
            + texts.rigID(worker: worker).utf8.count + (worker?.utf8.count ?? 0)
    }
}
