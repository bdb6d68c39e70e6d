// The parts of a snapshot, field by field in the order of docs/BUS.md.

extension UpstreamCounts {
    func encode(to writer: inout ByteWriter) {
        writer.integer(active)
        writer.integer(sleeping)
        writer.integer(error)
    }

    init(from reader: inout ByteReader) throws(DecodingFailure) {
        active = try reader.integer()
        sleeping = try reader.integer()
        error = try reader.integer()
    }
}

extension Hashrates {
    func encode(to writer: inout ByteWriter) {
        writer.double(oneMinute)
        writer.double(tenMinutes)
        writer.double(oneHour)
        writer.double(twelveHours)
        writer.double(oneDay)
        writer.double(allTime)
    }

    init(from reader: inout ByteReader) throws(DecodingFailure) {
        oneMinute = try reader.double()
        tenMinutes = try reader.double()
        oneHour = try reader.double()
        twelveHours = try reader.double()
        oneDay = try reader.double()
        allTime = try reader.double()
        guard areNumbers else { throw .invalidField }
    }

    /// A NaN would spread into every later sum and comparison, so it is refused here.
    var areNumbers: Bool {
        func isNumber(_ rate: Double) -> Bool { rate.isFinite && rate >= 0 }
        return isNumber(oneMinute) && isNumber(tenMinutes) && isNumber(oneHour) && isNumber(twelveHours)
            && isNumber(oneDay) && isNumber(allTime)
    }
}

extension Snapshot.Results {
    func encode(to writer: inout ByteWriter) {
        writer.integer(accepted)
        writer.integer(rejected)
        writer.integer(invalid)
        writer.integer(expired)
        writer.integer(hashesTotal)
        for count in refusals { writer.integer(count) }
        writer.integer(joined)
        writer.integer(latencyMilliseconds)
        writer.integer(latencyPercentiles.p50)
        writer.integer(latencyPercentiles.p90)
        writer.integer(latencyPercentiles.p99)
        writer.integer(latencySumMilliseconds)
        writer.integer(latencyCount)
        writer.integer(lastLossAt)
        for index in 0..<Snapshot.Results.bestCount { writer.integer(index < best.count ? best[index] : 0) }
        writer.integer(UInt32(min(errors.count, ErrorLog.entriesMax)))
        for entry in errors.prefix(ErrorLog.entriesMax) {
            writer.integer(entry.count)
            writer.text(entry.text, bytesMax: PoolError.textBytesMax)
        }
    }

    init(from reader: inout ByteReader) throws(DecodingFailure) {
        accepted = try reader.integer()
        rejected = try reader.integer()
        invalid = try reader.integer()
        expired = try reader.integer()
        hashesTotal = try reader.integer()
        for reason in refusals.indices { refusals[reason] = try reader.integer() }
        joined = try reader.integer()
        latencyMilliseconds = try reader.integer()
        latencyPercentiles.p50 = try reader.integer()
        latencyPercentiles.p90 = try reader.integer()
        latencyPercentiles.p99 = try reader.integer()
        latencySumMilliseconds = try reader.integer()
        latencyCount = try reader.integer()
        lastLossAt = try reader.integer()
        for index in best.indices { best[index] = try reader.integer() }
        let errorCount = Int(try reader.integer(UInt32.self))
        guard errorCount <= ErrorLog.entriesMax else { throw .tooLong }
        for _ in 0..<errorCount {
            let count = try reader.integer(UInt64.self)
            let text = try reader.text(bytesMax: PoolError.textBytesMax)
            errors.append(Snapshot.ErrorLogEntry(count: count, text: text))
        }
    }
}

extension Snapshot.ShardRow {
    /// With the longest fingerprint.
    static let byteCount = 96 + ClosedConnections.byteCount + TLSFigures.byteCount

    func encode(to writer: inout ByteWriter) {
        writer.integer(shard)
        writer.integer(UInt8(isLive ? 1 : 0))
        writer.integer(UInt8(losesMinersOnCrash ? 1 : 0))
        writer.integer(minersNow)
        upstreams.encode(to: &writer)
        writer.integer(eventsLost)
        writer.integer(eventsReplayed)
        writer.integer(connections)
        writer.integer(loopDelayMicroseconds)
        counters.encode(to: &writer)
        writer.integer(minersWaiting)
        closed.encode(to: &writer)
        tls.encode(to: &writer)
    }

    init(from reader: inout ByteReader) throws(DecodingFailure) {
        shard = try reader.integer()
        let live = try reader.integer(UInt8.self)
        guard live <= 1 else { throw .invalidField }
        isLive = live == 1
        losesMinersOnCrash = try reader.integer(UInt8.self) == 1
        minersNow = try reader.integer()
        upstreams = try UpstreamCounts(from: &reader)
        eventsLost = try reader.integer()
        eventsReplayed = try reader.integer()
        connections = try reader.integer()
        loopDelayMicroseconds = try reader.integer()
        counters = try ShareCounters(from: &reader)
        minersWaiting = try reader.integer()
        closed = try ClosedConnections(from: &reader)
        tls = try TLSFigures(from: &reader)
    }
}

extension ShareCounters {
    fileprivate func encode(to writer: inout ByteWriter) {
        writer.integer(accepted)
        writer.integer(rejected)
        writer.integer(invalid)
        writer.integer(expired)
        writer.integer(hashesTotal)
        writer.integer(joined)
    }

    fileprivate init(from reader: inout ByteReader) throws(DecodingFailure) {
        accepted = try reader.integer()
        rejected = try reader.integer()
        invalid = try reader.integer()
        expired = try reader.integer()
        hashesTotal = try reader.integer()
        joined = try reader.integer()
    }
}

extension Snapshot.UpstreamRow {
    static let byteCount = 61

    func encode(to writer: inout ByteWriter) {
        writer.integer(shard)
        writer.integer(gauge.id)
        writer.integer(gauge.state.rawValue)
        writer.integer(gauge.pool)
        writer.integer(gauge.miners)
        writer.integer(gauge.difficulty)
        writer.integer(gauge.height)
        writer.integer(gauge.loggedInAt)
        writer.integer(gauge.jobAt)
        writer.integer(gauge.accepted)
        writer.integer(gauge.rejected)
        writer.integer(gauge.inFlight)
        writer.integer(gauge.tls.rawValue)
    }

    init(from reader: inout ByteReader) throws(DecodingFailure) {
        shard = try reader.integer()
        let id = try reader.integer(UInt16.self)
        guard let state = UpstreamGauge.State(rawValue: try reader.integer()) else { throw .invalidField }
        gauge = UpstreamGauge(id: id, state: state)
        gauge.pool = try reader.integer()
        gauge.miners = try reader.integer()
        gauge.difficulty = try reader.integer()
        gauge.height = try reader.integer()
        gauge.loggedInAt = try reader.integer()
        gauge.jobAt = try reader.integer()
        gauge.accepted = try reader.integer()
        gauge.rejected = try reader.integer()
        gauge.inFlight = try reader.integer()
        gauge.tls = TLSCode(rawValue: try reader.integer())
    }
}

extension Snapshot.Database {
    func encode(to writer: inout ByteWriter) {
        writer.integer(state.rawValue)
        writer.append([0, 0, 0])
        writer.integer(committedAt)
        writer.text(message, bytesMax: Snapshot.Database.messageBytesMax)
    }

    init(from reader: inout ByteReader) throws(DecodingFailure) {
        guard let state = State(rawValue: try reader.integer()) else { throw .invalidField }
        self.state = state
        try reader.skip(3)
        committedAt = try reader.integer()
        message = try reader.text(bytesMax: Snapshot.Database.messageBytesMax)
    }
}
