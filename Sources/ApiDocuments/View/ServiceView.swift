package import Control
package import Telemetry

/// The state of the service that documents show.
package struct ServiceView: Sendable {
    /// The latest snapshot of the collector; zeros before the first.
    package var snapshot: Snapshot
    /// Milliseconds since 1970.
    package var time: UInt64
    /// What the supervisor reports about its processes; nil while it does not answer.
    package var status: ServiceStatus?
    /// All connected miners, in the order of their ids.
    package var miners: [MinerRow] = []
    /// Changes of `snapshot`; 0 before the first one arrives.
    package var snapshotNumber: UInt64 = 0
    /// Changes of `time`.
    package var timeNumber: UInt64 = 0
    /// Changes of `status`.
    package var statusNumber: UInt64 = 0
    /// Changes of `miners`.
    package var minersNumber: UInt64 = 0

    /// - Parameter time: milliseconds since 1970.
    package init(snapshot: Snapshot, time: UInt64) {
        self.snapshot = snapshot
        self.time = time
    }

    /// Seconds over which the totals were counted: the time that the service has run since they began, across restarts;
    /// before the first snapshot, since its last start. It increases also while the collector is down.
    package var uptime: UInt64 {
        let (served, since) =
            snapshot.time > 0 ? (snapshot.servedMilliseconds, snapshot.time) : (0, snapshot.startedAt)
        return (served &+ (time > since ? time - since : 0)) / 1_000
    }

    /// Increases with each change of one of these parts.
    package func version(of sources: Page.Sources) -> UInt64 {
        var version: UInt64 = 0
        if sources.contains(.snapshot) { version += snapshotNumber }
        if sources.contains(.clock) { version += timeNumber }
        if sources.contains(.status) { version += statusNumber }
        if sources.contains(.miners) { version += minersNumber }
        return version
    }
}
