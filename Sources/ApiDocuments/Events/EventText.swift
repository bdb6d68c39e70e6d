internal import Telemetry

/// Writes server-sent events: lines of "field: value", and an empty line after each event. The data is one line of
/// JSON, whose strings never contain a bare end of line.
package enum EventText {
    /// Milliseconds that a browser waits before it reconnects.
    static let retryMillis = 2_000
    /// The first bytes of a stream.
    package static let opening = Array("retry: \(retryMillis)\n\n".utf8)
    /// A comment. Clients ignore it; it shows proxies on the way that the connection is in use.
    package static let keepAlive = Array(":\n\n".utf8)

    /// Appends one event. Nothing for an event that is not shown.
    /// - Parameter id: nil if the event is not in the collector's stream.
    package static func append(_ event: FeedEvent, id: EventID?, to bytes: inout [UInt8]) {
        guard let kind = event.kind else { return }
        write(kind, id: id, to: &bytes) {
            switch event {
            case .share(let share, let miner): put(share, miner?.joined, into: &$0)
            case .joined(let miner): put(miner.joined, into: &$0)
            case .left(let key, let miner):
                $0.member("miner", key)
                put(nameOf: miner?.joined, into: &$0)
            case .poolError(let error):
                $0.member("time", error.time)
                $0.member("text", error.text)
            case .gap(let missed): $0.member("missed", missed)
            case .silent: break
            }
        }
    }

    /// Appends a `summary` event.
    package static func append(_ summary: FeedSummary, to bytes: inout [UInt8]) {
        write(.summary, id: nil, to: &bytes) {
            $0.member("time", summary.time)
            $0.member("hashrate", summary.hashrates.kilohashes)
            $0.member("miners", summary.minersNow)
            $0.member("upstreams", summary.activeUpstreams)
            $0.member("accepted", summary.accepted)
            $0.member("rejected", summary.rejected)
            $0.member("invalid", summary.invalid)
            $0.member("latency", summary.latencyMilliseconds)
        }
    }

    private static func put(_ share: ShareSettled, _ miner: MinerJoined?, into json: inout LineJSON) {
        json.member("time", share.time)
        json.member("miner", share.miner)
        put(nameOf: miner, into: &json)
        json.member("outcome", name(of: share.outcome))
        json.member("reason", share.reason == .none ? nil : share.reason.name)
        json.member("difficulty", share.difficulty)
        json.member("actual_difficulty", share.actualDifficulty)
        // 0: the share was not forwarded to a pool, so there was no answer.
        json.member("latency", share.latencyMicroseconds == 0 ? nil : share.latencyMicroseconds / 1_000)
        json.member("expired", share.isExpired)
        json.member("count", share.count)
    }

    private static func put(_ miner: MinerJoined, into json: inout LineJSON) {
        json.member("miner", miner.key)
        put(nameOf: miner, into: &json)
        json.member("agent", miner.agent)
        json.member("user", miner.user)
        json.member("rig_id", miner.rigID)
    }

    private static func put(nameOf miner: MinerJoined?, into json: inout LineJSON) {
        json.member("worker", miner?.worker)
        json.member("ip", miner?.ip)
        json.member("shard", miner.map { UInt32($0.shard) })
    }

    private static func write(
        _ kind: FeedEvent.Kind, id: EventID?, to bytes: inout [UInt8], _ members: (inout LineJSON) -> Void
    ) {
        bytes.append(contentsOf: "event: ".utf8)
        kind.name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        if let id {
            bytes.append(contentsOf: "\nid: ".utf8)
            id.append(to: &bytes)
        }
        bytes.append(contentsOf: "\ndata: {".utf8)
        var json = LineJSON(bytes: bytes)
        bytes = []  // leaves one reference to the array, so that it grows in place
        members(&json)
        bytes = json.bytes
        bytes.append(contentsOf: "}\n\n".utf8)
    }

    /// The name of an outcome in events.
    static func name(of outcome: ShareOutcome) -> String {
        switch outcome {
        case .accepted: "accepted"
        case .rejected: "rejected"
        case .invalid: "invalid"
        case .local: "local"
        }
    }
}
