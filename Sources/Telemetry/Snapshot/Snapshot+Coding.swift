extension Snapshot {
    /// "MRsn", the first bytes of every snapshot.
    public static let magic: [UInt8] = Array("MRsn".utf8)
    /// Incremented with every change of the layout (docs/BUS.md). Collector and gateway are installed together; a mixed
    /// pair must refuse each other instead of showing wrong values.
    public static let formatVersion: UInt8 = 7
    /// In simple mode every miner has its own upstream; no dashboard shows more.
    static let openUpstreamsMax = 65_536

    /// The snapshot as one message (docs/BUS.md).
    public func encoded() -> [UInt8] {
        var bytes: [UInt8] = []
        encode(into: &bytes)
        return bytes
    }

    /// Encodes the snapshot as one message.
    /// - Parameter bytes: the result. Its old content is discarded and its memory reused.
    public func encode(into bytes: inout [UInt8]) {
        let tables = shards.count * ShardRow.byteCount + openUpstreams.count * UpstreamRow.byteCount
        var writer = ByteWriter(using: exchange(&bytes, with: []), capacity: 1_024 + tables + packedWorkers.byteCount)
        encode(to: &writer)
        bytes = writer.bytes
    }

    private func encode(to writer: inout ByteWriter) {
        writer.append(Snapshot.magic)
        writer.integer(Snapshot.formatVersion)
        writer.append([0, 0, 0])
        writer.integer(sequence)
        writer.integer(time)
        writer.integer(startedAt)
        writer.integer(servedMilliseconds)
        writer.integer(minersNow)
        writer.integer(minersMax)
        upstreams.encode(to: &writer)
        hashrates.encode(to: &writer)
        results.encode(to: &writer)
        writer.integer(UInt32(shards.count))
        for shard in shards { shard.encode(to: &writer) }
        let openUpstreams = openUpstreams.prefix(Snapshot.openUpstreamsMax)
        writer.integer(UInt32(openUpstreams.count))
        for upstream in openUpstreams { upstream.encode(to: &writer) }
        writer.integer(UInt32(pools.count))
        for pool in pools { writer.text(pool, bytesMax: ShardGauges.poolBytesMax) }
        writer.integer(minersWaiting)
        writer.integer(minersQuarantined)
        writer.integer(UInt32(poolConditions.count))
        for condition in poolConditions { condition.encode(to: &writer) }
        database.encode(to: &writer)
        packedWorkers.encode(to: &writer)
    }

    /// Decodes the result of `encoded()`. Every count and length is checked before use.
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
        servedMilliseconds = try reader.integer()
        minersNow = try reader.integer()
        minersMax = try reader.integer()
        upstreams = try UpstreamCounts(from: &reader)
        hashrates = try Hashrates(from: &reader)
        results = try Results(from: &reader)
        shards = try reader.rows(max: Int(UInt16.max) + 1, bytesEach: ShardRow.byteCount, ShardRow.init)
        openUpstreams = try reader.rows(
            max: Snapshot.openUpstreamsMax, bytesEach: UpstreamRow.byteCount, UpstreamRow.init)
        pools = try reader.rows(max: Int(Snapshot.unknownPool), bytesEach: 2) { reader throws(DecodingFailure) in
            try reader.text(bytesMax: ShardGauges.poolBytesMax)
        }
        minersWaiting = try reader.integer()
        minersQuarantined = try reader.integer()
        poolConditions = try reader.rows(max: Int(Snapshot.unknownPool), bytesEach: 14, PoolCondition.init)
        database = try Database(from: &reader)
        packedWorkers = try PackedRows(from: &reader)
        try reader.finish()
    }
}

extension ByteReader {
    /// Reads a count and the rows. A count above the limit is an error, and no more memory is reserved than the bytes
    /// can fill.
    fileprivate mutating func rows<Row>(
        max: Int, bytesEach: Int, _ read: (inout ByteReader) throws(DecodingFailure) -> Row
    ) throws(DecodingFailure) -> [Row] {
        let count = Int(try integer(UInt32.self))
        guard count <= max else { throw .tooLong }
        var rows: [Row] = []
        rows.reserveCapacity(min(count, remaining / bytesEach))
        for _ in 0..<count { rows.append(try read(&self)) }
        return rows
    }
}
