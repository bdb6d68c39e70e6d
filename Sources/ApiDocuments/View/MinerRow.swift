package import Telemetry

/// One connected miner, as `/1/miners` shows it: its identity from the stream of events, its numbers from the gauges.
package struct MinerRow: Sendable {
    package var known: KnownMiner
    package var gauge: MinerGauge

    /// - Parameter gauge: nil if there is none yet.
    package init(_ known: KnownMiner, _ gauge: MinerGauge? = nil) {
        self.known = known
        self.gauge = gauge ?? MinerGauge(key: known.key, sentBytes: 0, receivedBytes: 0, difficulty: 0)
    }

    /// A row whose texts are not shared with others.
    package init(
        miner: MinerJoined, sentBytes: UInt64 = 0, receivedBytes: UInt64 = 0, difficulty: UInt64 = 0,
        tls: TLSCode = .none
    ) {
        self.init(
            KnownMiner(miner),
            MinerGauge(
                key: miner.key, sentBytes: sentBytes, receivedBytes: receivedBytes, difficulty: difficulty, tls: tls))
    }

    package var id: MinerKey { gauge.key }
    /// The login as the collector reported it.
    package var miner: MinerJoined { known.joined }
    /// Bytes sent to the miner.
    var sentBytes: UInt64 { gauge.sentBytes }
    /// Bytes received from the miner.
    var receivedBytes: UInt64 { gauge.receivedBytes }
    /// The lower of custom and pool difficulty; 0 = unknown.
    var difficulty: UInt64 { gauge.difficulty }
}

extension MinerRow: Equatable {
    package static func == (one: Self, other: Self) -> Bool {
        one.gauge == other.gauge && one.known.joined == other.known.joined
    }
}
