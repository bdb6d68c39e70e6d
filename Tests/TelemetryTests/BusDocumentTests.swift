import Testing

@testable import Telemetry

/// docs/BUS.md shows where the encoder puts every field, or these fail.
struct BusDocumentTests {
    private let tables: BusTables
    private let nowhere = Epoch(high: 0, low: 0)

    init() throws {
        tables = try BusTables()
    }

    /// What a field looks like with all its bits set; for lengths and codes, with any other value.
    private enum Change {
        case full([UInt8])
        case other([UInt8])
    }

    /// Every field of the table moves the bytes that it owns, all of them, and no others; the rest of the table never
    /// moves; and the table leaves no hole.
    private func expect(
        _ title: String, _ base: [UInt8], still: Set<String>, lengths: [String: Int] = [:],
        _ changes: [String: Change], location: SourceLocation = #_sourceLocation
    ) {
        let fields = tables.fields(after: title, lengths)
        #expect(fields.count > 1, "no table after \(title)", sourceLocation: location)
        for (field, next) in zip(fields, fields.dropFirst()) {
            #expect(field.range.upperBound == next.offset, "after \(field.name)", sourceLocation: location)
        }
        #expect(Set(fields.map(\.name)) == still.union(changes.keys), sourceLocation: location)
        for field in fields {
            guard let change = changes[field.name] else { continue }
            let (bytes, isFull) =
                switch change {
                case .full(let bytes): (bytes, true)
                case .other(let bytes): (bytes, false)
                }
            let moved = base.indices.filter { base[$0] != bytes[$0] && (isFull || !(2..<4 ~= $0)) }
            if isFull {
                #expect(moved == Array(field.range), "\(field.name)", sourceLocation: location)
            } else {
                #expect(
                    !moved.isEmpty && moved.allSatisfy(field.range.contains), "\(field.name) moves \(moved)",
                    sourceLocation: location)
            }
        }
    }

    private func changed<Value>(_ value: Value, _ change: (inout Value) -> Void) -> Value {
        var value = value
        change(&value)
        return value
    }

    // MARK: - Messages

    @Test func theHeadOfMessages() {
        func bytes(shard: UInt16 = 0, _ epoch: Epoch) -> [UInt8] {
            BusMessage.replay(ReplayRequest(shard: shard, epoch: epoch, from: 0, number: 0)).encoded()
        }
        expect(
            "## Messages between shard and collector", bytes(nowhere), still: ["magic", "kind", "version", "spare"],
            [
                "shard": .full(bytes(shard: .max, nowhere)),
                "epoch": .full(bytes(Epoch(high: .max, low: .max))),
            ])
    }

    @Test func framesOfRecords() {
        func bytes(first: UInt64 = 0, _ events: [ShardEvent] = [], request: UInt32 = 0) -> [UInt8] {
            var frame = Sample.frame(first: first, events, epoch: nowhere)
            frame.request = request
            return BusMessage.events(frame).encoded()
        }
        func liveBytes(from: UInt64, request: UInt32) -> [UInt8] {
            let live = LiveMiners(shard: 0, epoch: nowhere, from: from, miners: [], request: request)
            return changed(BusMessage.liveMiners(live).encoded()) { $0[2] = BusMessage.Kind.events.rawValue }
        }
        for (first, request) in [
            (bytes(first: .max), bytes(request: .max)),
            (liveBytes(from: .max, request: 0), liveBytes(from: 0, request: .max)),
        ] {
            expect(
                "**Events** (1", bytes(), still: ["records"],
                [
                    "first / from": .full(first), "count": .other(bytes([.left(MinerLeft(key: 1))])),
                    "request": .full(request),
                ])
        }
    }

    @Test func theShortMessages() {
        func end(_ next: UInt64, _ end: UInt64, _ request: UInt32 = 0) -> [UInt8] {
            let message = ReplayEnd(shard: 0, epoch: nowhere, next: next, end: end, request: request)
            return BusMessage.replayEnd(message).encoded()
        }
        expect(
            "**Replay end** (3", end(0, 0), still: ["spare"],
            ["next": .full(end(.max, 0)), "end": .full(end(0, .max)), "request": .full(end(0, 0, .max))])
        func replay(_ from: UInt64, _ number: UInt32) -> [UInt8] {
            let message = ReplayRequest(shard: 0, epoch: nowhere, from: from, number: number)
            return BusMessage.replay(message).encoded()
        }
        expect(
            "**Replay** (4", replay(0, 0), still: ["spare"],
            ["from": .full(replay(.max, 0)), "request": .full(replay(0, .max))])
        func acknowledge(_ before: UInt64) -> [UInt8] {
            BusMessage.acknowledge(Acknowledgement(shard: 0, epoch: nowhere, before: before)).encoded()
        }
        let fields = tables.fields(after: "**Acknowledge** (5")
        #expect(fields.map(\.range) == [BusMessage.headBytes..<acknowledge(0).count])
        #expect(acknowledge(.max).suffix(8).allSatisfy { $0 == 255 })
    }

    @Test func theFixedPartOfGauges() {
        func bytes(_ change: (inout ShardGauges) -> Void) -> [UInt8] {
            BusMessage.gauges(changed(ShardGauges(shard: 0, epoch: nowhere, time: 0), change)).encoded()
        }
        expect(
            "**Gauges** (7", bytes { _ in }, still: [],
            [
                "pools": .other(bytes { $0.pools = [""] }),
                "waiting": .full(bytes { $0.minersWaiting = .max }),
                "conditions": .other(bytes { $0.minersQuarantined = 1 }),
                "unsafe": .other(bytes { $0.losesMinersOnCrash = true }),
                "closed": .other(bytes { $0.closed.count(.noRoom) }), "tls": .other(bytes { $0.tls.notKept = 1 }),
                "time": .full(bytes { $0.time = .max }),
                "loop delay": .full(bytes { $0.loopDelayMicroseconds = .max }),
                "upstreams": .other(bytes { $0.upstreams = Sample.gauges.upstreams }),
                "miners": .other(bytes { $0.miners = Sample.gauges.miners }),
            ])
        // Without anything to say of pools and quarantine, the message ends as it always did.
        #expect(bytes { $0.poolConditions = [PoolCondition()] } == bytes { _ in })
        #expect(bytes { $0.minersQuarantined = 1 }.count == bytes { _ in }.count + 4)
        let reasons = ClosedConnections.Reason.allCases.count
        #expect(bytes { $0.closed.count(.http) }.count == bytes { _ in }.count + 8 * reasons)
        let limits = tables.fields(after: "**Gauges** (7").map { BusTables.numbers(in: $0.text).last }
        #expect(limits[2...4] == [ShardGauges.upstreamsMax, ShardGauges.minersMax, ShardGauges.poolsMax])
    }

    @Test func theUpstreamsOfGauges() throws {
        func bytes(_ change: (inout UpstreamGauge) -> Void) -> [UInt8] {
            let gauge = changed(UpstreamGauge(id: 0, state: .active), change)
            let gauges = ShardGauges(shard: 0, epoch: nowhere, time: 0, upstreams: [gauge])
            return Array(BusMessage.gauges(gauges).encoded().suffix(UpstreamGauge.recordBytes))
        }
        expect(
            "Each upstream of the gauges", bytes { _ in }, still: ["spare"],
            [
                "upstream": .full(bytes { $0.id = .max }), "state": .full(bytes { $0.state = .error }),
                "pool": .full(bytes { $0.pool = .max }), "miners": .full(bytes { $0.miners = .max }),
                "difficulty": .full(bytes { $0.difficulty = .max }), "height": .full(bytes { $0.height = .max }),
                "logged in at": .full(bytes { $0.loggedInAt = .max }), "job at": .full(bytes { $0.jobAt = .max }),
                "accepted": .full(bytes { $0.accepted = .max }), "rejected": .full(bytes { $0.rejected = .max }),
                "in flight": .full(bytes { $0.inFlight = .max }),
                "tls": .full(bytes { $0.tls = TLSCode(rawValue: .max) }),
            ])
        let state = try #require(tables.fields(after: "Each upstream of the gauges").first { $0.name == "state" })
        #expect(BusTables.numbers(in: state.text) == UpstreamGauge.State.allCases.map { Int($0.rawValue) })
    }

    @Test func theMinersOfGauges() {
        func bytes(_ change: (inout MinerGauge) -> Void) -> [UInt8] {
            let gauge = changed(MinerGauge(key: 0, sentBytes: 0, receivedBytes: 0, difficulty: 0), change)
            let gauges = ShardGauges(shard: 0, epoch: nowhere, time: 0, miners: [gauge])
            return Array(BusMessage.gauges(gauges).encoded().suffix(MinerGauge.recordBytes))
        }
        expect(
            "Each miner of the gauges", bytes { _ in }, still: [],
            [
                "miner": .full(bytes { $0.key = .max }), "sent": .full(bytes { $0.sentBytes = .max }),
                "received": .full(bytes { $0.receivedBytes = .max }),
                "difficulty": .full(bytes { $0.difficulty = .max }),
            ])
    }

    @Test func theFiguresOfTLS() {
        func bytes(_ change: (inout TLSFigures) -> Void) -> [UInt8] {
            var writer = ByteWriter()
            changed(TLSFigures(), change).encode(to: &writer)
            return writer.bytes
        }
        var busy = HandshakeCounts()
        busy.nanoseconds = .max
        expect(
            "The figures of TLS", bytes { _ in }, still: ["handshakes", "fingerprint", "miners"], lengths: ["f": 0],
            [
                "time": .full(bytes { $0.handshakes = busy }), "kept": .full(bytes { $0.kept = .max }),
                "not kept": .full(bytes { $0.notKept = .max }), "expires": .full(bytes { $0.certificateExpires = -1 }),
                "fingerprint length": .other(bytes { $0.certificateFingerprint = "ab" }),
            ])
        for (place, result) in HandshakeCounts.Result.allCases.enumerated() {
            #expect(bytes { $0.handshakes.count(result) }[..<40].firstIndex(of: 1) == place * 8)
        }
    }

    @Test func theCodesOfTLS() {
        let codes = tables.rows(below: "| code | version | cipher |")
        #expect(codes.map { $0[0] } == TLSCode.known.indices.map(String.init) + ["255"])
        for (code, known) in zip(codes, TLSCode.known).dropFirst() {
            #expect(code[1] == known.version)
            #expect(known.cipher == (["", "another"].contains(code[2]) ? nil : code[2]))
        }
    }

    // MARK: - Records

    private static let recordTitles: [(String, ShardEvent)] = [
        ("**Joined** (1)", .joined(Sample.joined(1))), ("**Left** (2)", .left(MinerLeft(key: 1))),
        ("**Share** (3)", .share(Sample.accepted())), ("**Pool error** (4)", .poolError(PoolError(time: 1, text: "x"))),
        ("**Checkpoint** (5)", .checkpoint(Sample.checkpoint)),
    ]

    @Test(arguments: 0..<5) func everyRecordHasItsKindAndLength(index: Int) throws {
        let (title, event) = Self.recordTitles[index]
        let bytes = event.encoded()
        let fields = tables.fields(after: title)
        let kind = try #require(fields.first { $0.name == "kind" })
        #expect(BusTables.numbers(in: kind.text) == [Int(bytes[0])])
        let length = try #require(fields.first { $0.name == "length" })
        #expect(Int(bytes[length.offset]) | Int(bytes[length.offset + 1]) << 8 == bytes.count)
        let documented = BusTables.numbers(in: length.text)
        if documented.count == 1 {
            #expect(documented == [bytes.count])
            #expect(fields.last?.range.upperBound == bytes.count)
        }
    }

    @Test func aMinerThatJoined() throws {
        func bytes(
            _ key: UInt64 = 0, _ worker: String? = "", _ ip: String = "", _ agent: String = "", _ user: String = "",
            _ rigID: String = "", shard: UInt16 = 0
        ) -> [UInt8] {
            let joined = MinerJoined(
                key: key, worker: worker, ip: ip, agent: agent, user: user, rigID: rigID, shard: shard)
            return ShardEvent.joined(joined).encoded()
        }
        expect(
            "**Joined** (1)", bytes(),
            still: ["kind", "length", "worker", "address", "user agent", "user", "rig id"],
            lengths: ["w": 0, "i": 0, "a": 0, "u": 0, "r": 0],
            [
                "has worker": .other(bytes(0, nil)), "worker length": .other(bytes(0, "x")),
                "address length": .other(bytes(0, "", "x")), "agent length": .other(bytes(0, "", "", "x")),
                "user length": .other(bytes(0, "", "", "", "x")),
                "rig id length": .other(bytes(0, "", "", "", "", "x")),
                "miner": .full(bytes(.max)), "shard": .full(bytes(shard: .max)),
            ])
        let joined = bytes(7, "rig", "192.0.2.7", "XMRig", "48wallet", "rack")
        let texts = [
            "worker": "rig", "address": "192.0.2.7", "user agent": "XMRig", "user": "48wallet", "rig id": "rack",
        ]
        let fields = tables.fields(after: "**Joined** (1)", ["w": 3, "i": 9, "a": 5, "u": 8, "r": 4]).suffix(5)
        for field in fields {
            #expect(String(decoding: joined[field.range], as: UTF8.self) == texts[field.name])
        }
        let long = String(repeating: "x", count: 1_000)
        let length = try #require(tables.fields(after: "**Joined** (1)").first { $0.name == "length" })
        #expect(BusTables.numbers(in: length.text) == [bytes().count, bytes(1, long, long, long, long, long).count])
    }

    @Test func aMinerThatLeft() {
        func bytes(_ key: UInt64) -> [UInt8] { ShardEvent.left(MinerLeft(key: key)).encoded() }
        expect("**Left** (2)", bytes(0), still: ["kind", "spare", "length"], ["miner": .full(bytes(.max))])
    }

    @Test func aShare() {
        let base = ShareSettled(
            miner: 0, time: 0, outcome: .accepted, difficulty: 0, creditedDifficulty: 0, actualDifficulty: 0)
        func bytes(_ change: (inout ShareSettled) -> Void) -> [UInt8] {
            ShardEvent.share(changed(base, change)).encoded()
        }
        expect(
            "**Share** (3)", bytes { _ in }, still: ["kind", "length", "spare"],
            [
                "outcome": .full(bytes { $0.outcome = .local }), "reason": .full(bytes { $0.reason = .pool }),
                "flags": .full(bytes { $0.isExpired = true }), "pool": .full(bytes { $0.pool = .max }),
                "miner": .full(bytes { $0.miner = .max }), "time": .full(bytes { $0.time = .max }),
                "difficulty": .full(bytes { $0.difficulty = .max }),
                "credited difficulty": .full(bytes { $0.creditedDifficulty = .max }),
                "actual difficulty": .full(bytes { $0.actualDifficulty = .max }),
                "latency": .full(bytes { $0.latencyMicroseconds = .max }),
                "upstream": .full(bytes { $0.upstream = .max }),
                "further": .full(bytes { $0.count = ShareSettled.countMax }),
            ])
    }

    @Test func theCodesOfOutcomesAndReasons() throws {
        let fields = tables.fields(after: "**Share** (3)")
        let outcome = try #require(fields.first { $0.name == "outcome" })
        #expect(BusTables.numbers(in: outcome.text) == ShareOutcome.allCases.map { Int($0.rawValue) })
        let reason = try #require(fields.first { $0.name == "reason" })
        #expect(BusTables.numbers(in: reason.text) == RefusalReason.allCases.map { Int($0.rawValue) })
    }

    @Test func aPoolError() throws {
        func bytes(_ time: UInt64, _ text: String) -> [UInt8] {
            ShardEvent.poolError(PoolError(time: time, text: text)).encoded()
        }
        expect(
            "**Pool error** (4)", bytes(0, ""), still: ["kind", "spare", "length", "text"], lengths: ["t": 0],
            ["text length": .other(bytes(0, "x")), "time": .full(bytes(.max, ""))])
        let long = bytes(0, String(repeating: "x", count: 1_000))
        let length = try #require(tables.fields(after: "**Pool error** (4)").first { $0.name == "length" })
        #expect(BusTables.numbers(in: length.text) == [bytes(0, "").count, long.count])
    }

    @Test func aCheckpoint() {
        func bytes(_ change: (inout Checkpoint) -> Void) -> [UInt8] {
            ShardEvent.checkpoint(changed(Checkpoint(), change)).encoded()
        }
        expect(
            "**Checkpoint** (5)", bytes { _ in }, still: ["kind", "length"],
            [
                "flags": .full(bytes { $0.isLast = true }),
                "miners now": .full(bytes { $0.minersNow = .max }), "time": .full(bytes { $0.time = .max }),
                "connections": .full(bytes { $0.connections = .max }),
                "upstreams active": .full(bytes { $0.upstreams.active = .max }),
                "upstreams sleeping": .full(bytes { $0.upstreams.sleeping = .max }),
                "upstreams in error": .full(bytes { $0.upstreams.error = .max }),
                "accepted": .full(bytes { $0.counters.accepted = .max }),
                "rejected": .full(bytes { $0.counters.rejected = .max }),
                "invalid": .full(bytes { $0.counters.invalid = .max }),
                "expired": .full(bytes { $0.counters.expired = .max }),
                "hashes": .full(bytes { $0.counters.hashesTotal = .max }),
                "joined": .full(bytes { $0.counters.joined = .max }),
            ])
    }

    // MARK: - Snapshots and limits

    @Test func theFixedPartOfASnapshot() {
        func bytes(_ change: (inout Snapshot) -> Void) -> [UInt8] { changed(Snapshot(), change).encoded() }
        let all = Double(bitPattern: .max)
        expect(
            "## Snapshots", bytes { _ in }, still: ["magic", "version", "spare", "errors"],
            [
                "sequence": .full(bytes { $0.sequence = .max }), "time": .full(bytes { $0.time = .max }),
                "started at": .full(bytes { $0.startedAt = .max }),
                "served": .full(bytes { $0.servedMilliseconds = .max }),
                "miners now": .full(bytes { $0.minersNow = .max }),
                "miners max": .full(bytes { $0.minersMax = .max }),
                "upstreams": .full(
                    bytes { $0.upstreams = UpstreamCounts(active: .max, sleeping: .max, error: .max) }),
                "hashrates": .full(
                    bytes {
                        $0.hashrates.oneMinute = all
                        $0.hashrates.tenMinutes = all
                        $0.hashrates.oneHour = all
                        $0.hashrates.twelveHours = all
                        $0.hashrates.oneDay = all
                        $0.hashrates.allTime = all
                    }),
                "results": .full(
                    bytes {
                        $0.results.accepted = .max
                        $0.results.rejected = .max
                        $0.results.invalid = .max
                        $0.results.expired = .max
                        $0.results.hashesTotal = .max
                    }),
                "refusals": .full(
                    bytes { for reason in 0..<9 { $0.results.refusals[reason] = .max } }),
                "joined": .full(bytes { $0.results.joined = .max }),
                "latency": .full(bytes { $0.results.latencyMilliseconds = .max }),
                "percentiles": .full(
                    bytes {
                        $0.results.latencyPercentiles.p50 = .max
                        $0.results.latencyPercentiles.p90 = .max
                        $0.results.latencyPercentiles.p99 = .max
                    }),
                "latency sum": .full(bytes { $0.results.latencySumMilliseconds = .max }),
                "latency count": .full(bytes { $0.results.latencyCount = .max }),
                "last loss": .full(bytes { $0.results.lastLossAt = .max }),
                "best": .full(bytes { $0.results.best = Array(repeating: .max, count: 10) }),
            ])
    }

    @Test(arguments: [
        ("events waiting behind a gap", SequenceGate.heldEventsMax), ("rows of the workers table", WorkerTable.rowsMax),
        ("distinct pool errors", ErrorLog.entriesMax), ("ring of a shard", EventLog.bytesMaxDefault >> 20),
        ("one answer to a replay request", EventLog.replayFramesMax),
    ])
    func theLimitsAreThoseOfTheCode(what: String, limit: Int) throws {
        let row = try #require(tables.page.split(separator: "\n").first { $0.hasPrefix("| \(what) |") })
        #expect(BusTables.numbers(in: String(row)).first == limit)
    }
}
