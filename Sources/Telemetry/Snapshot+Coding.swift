extension Snapshot {
    /// "MRsn": the first bytes of every snapshot.
    public static let magic: [UInt8] = Array("MRsn".utf8)
    /// Raised with every change of the layout (docs/BUS.md). Collector and gateway are installed together; a mixed pair
    /// must refuse each other rather than show wrong numbers.
    public static let formatVersion: UInt8 = 1

    /// The snapshot as one message (docs/BUS.md).
    public func encoded() -> [UInt8] {
        // The fixed parts and about 32 bytes of name and address for each row.
        let tables = shards.count * ShardRow.byteCount + workers.count * (WorkerRow.fixedBytes + 32)
        var writer = ByteWriter(capacity: 512 + tables)
        writer.append(Snapshot.magic)
        writer.integer(Snapshot.formatVersion)
        writer.append([0, 0, 0])
        writer.integer(sequence)
        writer.integer(time)
        writer.integer(startedAt)
        writer.integer(minersNow)
        writer.integer(minersMax)
        upstreams.encode(to: &writer)
        hashrates.encode(to: &writer)
        results.encode(to: &writer)
        writer.integer(UInt32(shards.count))
        for shard in shards { shard.encode(to: &writer) }
        writer.integer(UInt32(workers.count))
        for worker in workers { worker.encode(to: &writer) }
        return writer.bytes
    }

    /// Reads what `encoded()` wrote. Every count and length is checked before it is used.
    public init(decoding bytes: [UInt8]) throws(DecodingFailure) {
        var reader = ByteReader(bytes)
        for expected in Snapshot.magic {
            guard try reader.integer(UInt8.self) == expected else { throw .wrongMagic }
        }
        let version = try reader.integer(UInt8.self)
        guard version == Snapshot.formatVersion else { throw .unsupportedVersion(version) }
        try reader.skip(3)
        sequence = try reader.integer()
        time = try reader.integer()
        startedAt = try reader.integer()
        minersNow = try reader.integer()
        minersMax = try reader.integer()
        upstreams = try UpstreamCounts(from: &reader)
        hashrates = try Hashrates(from: &reader)
        results = try Results(from: &reader)
        // No shard number, nor the fold's tables, allow more than these; nonsense reserves no memory.
        let shardCount = Int(try reader.integer(UInt32.self))
        guard shardCount <= Int(UInt16.max) + 1 else { throw .tooLong }
        shards.reserveCapacity(min(shardCount, reader.remaining / ShardRow.byteCount))
        for _ in 0..<shardCount { shards.append(try ShardRow(from: &reader)) }
        let workerCount = Int(try reader.integer(UInt32.self))
        guard workerCount <= WorkerTable.rowsMax else { throw .tooLong }
        workers.reserveCapacity(min(workerCount, reader.remaining / WorkerRow.fixedBytes))
        for _ in 0..<workerCount { workers.append(try WorkerRow(from: &reader)) }
        try reader.finish()
    }
}

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
        // A NaN would come out of every later sum and comparison: refuse it at the door.
        guard all.allSatisfy({ $0.isFinite && $0 >= 0 }) else { throw .invalidField }
    }
}

extension Snapshot.Results {
    func encode(to writer: inout ByteWriter) {
        writer.integer(accepted)
        writer.integer(rejected)
        writer.integer(invalid)
        writer.integer(expired)
        writer.integer(hashesTotal)
        writer.integer(latencyMilliseconds)
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
        latencyMilliseconds = try reader.integer()
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
    static let byteCount = 28

    func encode(to writer: inout ByteWriter) {
        writer.integer(shard)
        writer.integer(UInt8(isLive ? 1 : 0))
        writer.integer(UInt8(0))
        writer.integer(minersNow)
        upstreams.encode(to: &writer)
        writer.integer(eventsLost)
    }

    init(from reader: inout ByteReader) throws(DecodingFailure) {
        shard = try reader.integer()
        let live = try reader.integer(UInt8.self)
        guard live <= 1 else { throw .invalidField }
        isLive = live == 1
        try reader.skip(1)
        minersNow = try reader.integer()
        upstreams = try UpstreamCounts(from: &reader)
        eventsLost = try reader.integer()
    }
}

extension Snapshot.WorkerRow {
    /// Everything but the characters of name and address: two counts, and fourteen numbers.
    static let fixedBytes = 2 + 2 + 4 + 5 * 8 + 6 * 8

    func encode(to writer: inout ByteWriter) {
        writer.text(name, bytesMax: MinerJoined.workerBytesMax)
        writer.text(ip, bytesMax: MinerJoined.ipBytesMax)
        writer.integer(connections)
        writer.integer(accepted)
        writer.integer(rejected)
        writer.integer(invalid)
        writer.integer(hashes)
        writer.integer(lastShareAt)
        hashrates.encode(to: &writer)
    }

    init(from reader: inout ByteReader) throws(DecodingFailure) {
        name = try reader.text(bytesMax: MinerJoined.workerBytesMax)
        ip = try reader.text(bytesMax: MinerJoined.ipBytesMax)
        connections = try reader.integer()
        accepted = try reader.integer()
        rejected = try reader.integer()
        invalid = try reader.integer()
        hashes = try reader.integer()
        lastShareAt = try reader.integer()
        hashrates = try Hashrates(from: &reader)
    }
}
