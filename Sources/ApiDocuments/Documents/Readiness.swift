internal import Control
internal import Telemetry

/// `/readyz`: whether new miners can work now, for load balancers and orchestrators.
package struct Readiness: Equatable, Sendable {
    /// What is missing, as in `missing` of the document; empty if ready.
    var missing: [String] = []

    /// The maximum age of the latest snapshot. Long enough for a restart of the collector, which mining does not need.
    static let snapshotAgeMillis: UInt64 = 60_000

    package init(_ view: ServiceView) {
        let snapshot = view.snapshot
        let isFresh = snapshot.time > 0 && view.time < snapshot.time + Readiness.snapshotAgeMillis
        // The supervisor knows at once; the collector notices an exited shard by its silence.
        let shards = view.status?.children.filter { $0.kind == .shard }
        let accepts =
            shards.map { $0.contains { $0.state == .ready } } ?? (isFresh && snapshot.shards.contains { $0.isLive })
        if !accepts { missing.append("a shard that accepts miners") }
        if !isFresh || snapshot.upstreams.active == 0 { missing.append("a session with a pool") }
    }

    /// Whether nothing is missing.
    package var isReady: Bool { missing.isEmpty }

    /// The document.
    package var body: [UInt8] {
        if isReady { return Readiness.ok }
        var body = Array(#"{"status": "not ready", "missing": ["#.utf8)
        for (index, part) in missing.enumerated() {
            if index > 0 { body += Array(", ".utf8) }
            part.append(to: &body)
        }
        return body + Array("]}".utf8)
    }

    /// The document of a service that is ready, and of `/healthz`.
    package static let ok = Array(#"{"status": "ok"}"#.utf8)
}
