internal import Configuration
internal import EventBus
internal import EventLoop
internal import Glibc
internal import StratumProtocol
internal import StratumSession
internal import Telemetry

/// Tells the collector what happened, without ever waiting for it.
final class Reporter {
    /// What is so now, as the shard counts it.
    struct Gauges {
        var minersNow: Int
        var connections: Int
        var upstreams: (active: Int, sleeping: Int, error: Int)
    }

    /// All miners that have joined and not left, for a collector that comes late.
    var liveMiners: () -> [MinerJoined] = { [] }

    init(_ settings: Settings, shard: Int, loop: Loop) throws {}

    func joined(_ connection: MinerConnection, key: MinerKey) {}
    func left(key: MinerKey) {}
    func settled(_ share: SettledShare) {}
    func poolError(_ text: String) {}
    func checkpoint(_ gauges: Gauges) {}
    func flush() {}
    func close() {}
}

/// The time of day.
enum WallClock {
    /// Milliseconds since 1970.
    static func milliseconds() -> UInt64 {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return UInt64(now.tv_sec) * 1_000 + UInt64(now.tv_nsec) / 1_000_000
    }
}
