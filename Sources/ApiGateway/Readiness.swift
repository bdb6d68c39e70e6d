internal import Control
internal import Telemetry

/// Whether miners that come now can work: `/readyz`, for load balancers and orchestrators.
struct Readiness: Equatable, Sendable {
    /// What is not there, as `missing` of the document names it; empty when all is well.
    var missing: [String] = []

    /// How old the newest snapshot may be. Long enough for a restart of the collector: mining does not need it.
    static let snapshotAgeMillis: UInt64 = 60_000

    init(_ view: ServiceView) {
        let snapshot = view.snapshot
        let isFresh = snapshot.time > 0 && view.time < snapshot.time + Readiness.snapshotAgeMillis
        // The supervisor knows at once; the collector notices a dead shard by its silence.
        let shards = view.status?.children.filter { $0.kind == .shard }
        let accepts =
            shards.map { $0.contains { $0.state == .ready } } ?? (isFresh && snapshot.shards.contains { $0.isLive })
        if !accepts { missing.append("a shard that accepts miners") }
        if !isFresh || snapshot.upstreams.active == 0 { missing.append("a session with a pool") }
    }

    var answer: Answer {
        if missing.isEmpty { return .document(Array(#"{"status": "ok"}"#.utf8)) }
        var body = Array(#"{"status": "not ready", "missing": ["#.utf8)
        for (index, part) in missing.enumerated() {
            if index > 0 { body += Array(", ".utf8) }
            part.append(to: &body)
        }
        return .document(body + Array("]}".utf8), status: 503)
    }
}
