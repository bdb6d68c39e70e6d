internal import Telemetry

/// Writes Server-Sent Events: lines of "field: value", an empty line after each event. The data is one line of JSON,
/// whose strings never hold a bare end of line.
enum EventText {
    /// How long a browser waits before it connects again.
    static let retryMillis = 2_000
    static let opening = Array("retry: \(retryMillis)\n\n".utf8)
    /// A comment: nothing for the client, and for every proxy between a sign that the connection lives.
    static let keepAlive = Array(":\n\n".utf8)

    /// Appends one event; nothing for one that has nothing to show.
    /// - Parameter id: nil for what is no event of the stream.
    static func append(_ event: FeedEvent, id: EventID?, to bytes: inout [UInt8]) {
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

    static func append(_ summary: FeedSummary, to bytes: inout [UInt8]) {
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
        // What was not forwarded was not answered.
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
        bytes = []  // or each byte that is written would copy all before it
        members(&json)
        bytes = json.bytes
        bytes.append(contentsOf: "}\n\n".utf8)
    }

    static func name(of outcome: ShareOutcome) -> String {
        switch outcome {
        case .accepted: "accepted"
        case .rejected: "rejected"
        case .invalid: "invalid"
        case .local: "local"
        }
    }
}

/// What `summary` tells: a few numbers of a snapshot.
struct FeedSummary: Equatable, Sendable {
    var time: UInt64 = 0
    var hashrates = Hashrates()
    var minersNow: UInt32 = 0
    var activeUpstreams: UInt32 = 0
    var accepted: UInt64 = 0
    var rejected: UInt64 = 0
    var invalid: UInt64 = 0
    var latencyMilliseconds: UInt32 = 0

    init(of snapshot: Snapshot) {
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

/// Members of one JSON object on one line; `JSONWriter` writes documents for people.
private struct LineJSON {
    var bytes: [UInt8]
    private var isFirst = true

    init(bytes: consuming [UInt8]) { self.bytes = bytes }

    mutating func member(_ key: StaticString, _ value: (some JSONValue)?) {
        self.key(key)
        if let value { value.append(to: &bytes) } else { bytes.append(contentsOf: "null".utf8) }
    }

    mutating func member(_ key: StaticString, _ values: [some JSONValue]) {
        self.key(key)
        bytes.append(UInt8(ascii: "["))
        for (index, value) in values.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            value.append(to: &bytes)
        }
        bytes.append(UInt8(ascii: "]"))
    }

    private mutating func key(_ key: StaticString) {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        bytes.append(UInt8(ascii: "\""))
        key.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }
}
