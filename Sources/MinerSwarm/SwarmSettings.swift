internal import EventLoop
internal import PracticeTLS

/// The parameters of a swarm.
struct SwarmSettings {
    var target: SocketAddress
    var miners = 100
    /// Shares per second of all miners together; 0 = none.
    var rate: Double = 0
    /// Every miner always has one share in flight.
    var isClosedLoop = false
    /// Threads that compute real hashes; 0 = made-up hashes.
    var hashThreads = 0
    /// Miners per second that are replaced by new ones.
    var churn: Double = 0
    /// Miners disconnect without waiting for replies.
    var leavesAbruptly = false
    /// Connections per second at the start; 0 = all at once.
    var connectRate: Double = 0
    var pattern = LoginPattern()
    /// Interval of the keepalives of each miner; 0 = never.
    var keepaliveSeconds: Double = 60
    /// The local addresses of the miners, used in turn; nil = chosen by the system.
    var sources: SourceAddresses?
    var retryPauseMillis: UInt64 = 1_000
    var seed: UInt64 = 1
    /// nil = without TLS.
    var security: Security?
}
