internal import EventLoop

/// What a swarm is to do.
struct SwarmSettings {
    var target: SocketAddress
    var miners = 100
    /// Shares a second, of all together; 0 = none.
    var rate: Double = 0
    /// Every miner always has one share on its way.
    var isClosedLoop = false
    /// Threads that compute real hashes; 0 = hashes are made up.
    var hashThreads = 0
    /// Miners a second that leave, and as many that join.
    var churn: Double = 0
    /// Miners leave without waiting for their replies.
    var leavesAbruptly = false
    /// Connections a second at the start; 0 = all at once.
    var connectRate: Double = 0
    var pattern = LoginPattern()
    /// 0 = never.
    var keepaliveSeconds: Double = 60
    /// The local ends of the miners, in turn; nil = whatever the system chooses.
    var sources: SourceAddresses?
    var retryPauseMillis: UInt64 = 1_000
    var seed: UInt64 = 1
}
