internal import Control
internal import Telemetry

/// What pages show.
struct ServiceView: Sendable {
    var snapshot: Snapshot
    /// Milliseconds since 1970.
    var time: UInt64
    /// What the supervisor reports about its processes; nil while it does not answer.
    var status: ServiceStatus?
    /// All miners that are connected now, in the order of their ids.
    var miners: [MinerRow] = []
    /// How often each of the parts has changed.
    var snapshotNumber: UInt64 = 0
    var timeNumber: UInt64 = 0
    var statusNumber: UInt64 = 0
    var minersNumber: UInt64 = 0

    /// - Parameter time: milliseconds since 1970.
    init(snapshot: Snapshot, time: UInt64) {
        self.snapshot = snapshot
        self.time = time
    }

    /// Seconds over which the totals were counted: all the time that the service has run since they began, over all
    /// its starts; before the first snapshot, since its present start. Not frozen when the collector is away.
    var uptime: UInt64 {
        let (served, since) =
            snapshot.time > 0 ? (snapshot.servedMilliseconds, snapshot.time) : (0, snapshot.startedAt)
        return (served &+ (time > since ? time - since : 0)) / 1_000
    }

    /// Grows with each change of one of these parts.
    func version(of sources: Page.Sources) -> UInt64 {
        var version: UInt64 = 0
        if sources.contains(.snapshot) { version += snapshotNumber }
        if sources.contains(.clock) { version += timeNumber }
        if sources.contains(.status) { version += statusNumber }
        if sources.contains(.miners) { version += minersNumber }
        return version
    }
}
