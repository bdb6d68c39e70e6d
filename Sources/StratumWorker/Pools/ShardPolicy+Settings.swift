internal import Configuration
internal import DaemonKit
internal import EventLoop
internal import StratumProtocol
internal import StratumSession

extension ShardPolicy {
    /// The settings that a shard's decisions depend on.
    init(_ settings: Settings, shard: Int) {
        self.init(
            pools: settings.pools.map { pool in
                Pool(
                    name: pool.name, user: pool.user, password: pool.password, rigID: pool.rigID,
                    algorithm: pool.algorithm.flatMap { AlgorithmName($0) },
                    keepalive: pool.keepaliveSeconds > 0 ? .seconds(UInt64(pool.keepaliveSeconds)) : nil,
                    connection: PoolEndpoint(pool).text)
            },
            agent: settings.userAgent
                ?? "millrace/\(BuildInformation.version) (\(BuildInformation.platform)) "
                + "libuv/\(Loop.libuvVersion) \(BuildInformation.compiler)")
        accessPassword = settings.accessPassword
        offersAlgoExtension = settings.offersAlgoExtension
        customDifficulty = settings.customDifficulty
        countsCustomDifficulty = settings.countsCustomDifficulty
        guardsPools = settings.guardsPools
        retries = settings.retries
        retryPause = .seconds(UInt64(settings.retryPauseSeconds))
        mode = settings.mode == .simple ? .simple : .nicehash
        reuse = .seconds(UInt64(settings.reuseSeconds))
        passesLogins = settings.passesLogins
        // In simple mode the connections are those of miners.
        keepsFirstUpstream = shard == 0 && mode == .nicehash
    }
}
