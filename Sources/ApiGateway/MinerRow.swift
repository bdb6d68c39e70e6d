internal import Telemetry

/// One connected miner, as `/1/miners` shows it: who it is from the stream of events, its numbers from the gauges.
struct MinerRow: Equatable, Sendable {
    var miner: MinerJoined
    /// Bytes sent to the miner.
    var sentBytes: UInt64 = 0
    /// Bytes received from the miner.
    var receivedBytes: UInt64 = 0
    /// The lower of custom and pool difficulty; 0 = not known yet.
    var difficulty: UInt64 = 0

    var id: MinerKey { miner.key }
}
