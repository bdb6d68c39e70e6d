package import Telemetry

/// The numbers of a `summary` event.
package struct FeedSummary: Equatable, Sendable {
    /// Milliseconds since 1970.
    var time: UInt64 = 0
    var hashrates = Hashrates()
    var minersNow: UInt32 = 0
    var activeUpstreams: UInt32 = 0
    var accepted: UInt64 = 0
    var rejected: UInt64 = 0
    var invalid: UInt64 = 0
    var latencyMilliseconds: UInt32 = 0

    package init(of snapshot: Snapshot) {
        time = snapshot.time
        hashrates = snapshot.hashrates
        minersNow = snapshot.minersNow
        activeUpstreams = snapshot.upstreams.active
        accepted = snapshot.results.accepted
        rejected = snapshot.results.rejected
        invalid = snapshot.results.invalid
        latencyMilliseconds = snapshot.results.latencyMilliseconds
    }
}
