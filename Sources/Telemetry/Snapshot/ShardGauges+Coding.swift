// Records of fixed size, field by field in the order of docs/BUS.md.

extension ShardGauges {
    /// Upstreams in one message; more are omitted. A shard has at most 16,384 pool connections.
    public static let upstreamsMax = 16_384
    /// Miners in one message; more are omitted. A shard sends a tenth of its miners at a time, and a tenth of a full
    /// shard's table is a tenth of this limit. The collector sends those of all shards together.
    public static let minersMax = 1 << 20

    /// Pools in one message: a pool number has eight bits.
    public static let poolsMax = 256
    /// The longest pool address: a host name has up to 253 bytes.
    public static let poolBytesMax = 264

    /// The bytes between the head of the message and the first record.
    static let fixedBytes = 32

    /// Appends everything after the head of the message.
    func encode(to writer: inout ByteWriter) {
        let upstreams = upstreams.prefix(ShardGauges.upstreamsMax)
        let miners = miners.prefix(ShardGauges.minersMax)
        let pools = pools.prefix(ShardGauges.poolsMax)
        writer.integer(time)
        writer.integer(loopDelayMicroseconds)
        writer.integer(UInt32(upstreams.count))
        writer.integer(UInt32(miners.count))
        writer.integer(UInt32(pools.count))
        writer.integer(minersWaiting)
        writer.integer(UInt8(losesMinersOnCrash ? 1 : 0))
        let hasConditions = minersQuarantined > 0 || poolConditions.contains { $0 != PoolCondition() }
        writer.integer(UInt8(hasConditions ? 1 : 0))
        writer.integer(UInt8(closed.isEmpty ? 0 : ClosedConnections.Reason.allCases.count))
        let hasTLS = tls != TLSFigures() || miners.contains { $0.tls != .none }
        writer.integer(UInt8(hasTLS ? TLSFigures.resultCount : 0))
        for upstream in upstreams { upstream.encode(to: &writer) }
        for miner in miners { miner.encode(to: &writer) }
        for pool in pools { writer.text(pool, bytesMax: ShardGauges.poolBytesMax) }
        if hasConditions {
            writer.integer(minersQuarantined)
            for index in pools.indices {
                let condition = index < poolConditions.count ? poolConditions[index] : PoolCondition()
                condition.encode(to: &writer)
            }
        }
        if !closed.isEmpty { closed.encode(to: &writer) }
        if hasTLS {
            tls.encode(to: &writer)
            for miner in miners { writer.integer(miner.tls.rawValue) }
        }
    }

    init(shard: UInt16, epoch: Epoch, from reader: inout ByteReader) throws(DecodingFailure) {
        self.init(shard: shard, epoch: epoch, time: try reader.integer())
        loopDelayMicroseconds = try reader.integer()
        let upstreamCount = Int(try reader.integer(UInt32.self))
        let minerCount = Int(try reader.integer(UInt32.self))
        let poolCount = Int(try reader.integer(UInt32.self))
        minersWaiting = try reader.integer()
        losesMinersOnCrash = try reader.integer(UInt8.self) == 1
        let hasConditions = try reader.integer(UInt8.self) == 1
        let reasons = Int(try reader.integer(UInt8.self))
        let results = Int(try reader.integer(UInt8.self))
        guard upstreamCount <= ShardGauges.upstreamsMax, minerCount <= ShardGauges.minersMax,
            poolCount <= ShardGauges.poolsMax
        else { throw .tooLong }
        // Checked before memory is reserved: the counts can claim more than the bytes hold.
        let byteCount = upstreamCount * UpstreamGauge.recordBytes + minerCount * MinerGauge.recordBytes
        guard byteCount <= reader.remaining else { throw .truncated }
        upstreams.reserveCapacity(upstreamCount)
        for _ in 0..<upstreamCount { upstreams.append(try UpstreamGauge(from: &reader)) }
        miners.reserveCapacity(minerCount)
        for _ in 0..<minerCount { miners.append(try MinerGauge(from: &reader)) }
        for _ in 0..<poolCount { pools.append(try reader.text(bytesMax: ShardGauges.poolBytesMax)) }
        if hasConditions {
            minersQuarantined = try reader.integer()
            for _ in 0..<poolCount { poolConditions.append(try PoolCondition(from: &reader)) }
        }
        closed = try ClosedConnections(from: &reader, reasons: reasons)
        if results > 0 {
            tls = try TLSFigures(from: &reader, results: results)
            for index in miners.indices { miners[index].tls = TLSCode(rawValue: try reader.integer()) }
        }
    }

    var encodedBytes: Int {
        BusMessage.headBytes + ShardGauges.fixedBytes + upstreams.count * UpstreamGauge.recordBytes
            + miners.count * MinerGauge.recordBytes + pools.reduce(0) { $0 + 2 + $1.utf8.count }
            + 4 + pools.count * 14 + poolConditions.reduce(0) { $0 + $1.reason.utf8.count }
            + ClosedConnections.byteCount + TLSFigures.byteCount + miners.count
    }
}

extension PoolCondition {
    func encode(to writer: inout ByteWriter) {
        writer.integer(guardedAt)
        writer.integer(failures)
        writer.text(reason, bytesMax: PoolCondition.reasonBytesMax)
    }

    init(from reader: inout ByteReader) throws(DecodingFailure) {
        guardedAt = try reader.integer()
        failures = try reader.integer()
        reason = try reader.text(bytesMax: PoolCondition.reasonBytesMax)
    }

    /// Adds the condition of the same pool in another shard: failures are summed, the earliest guard and the first
    /// reason are kept.
    mutating func add(_ other: PoolCondition) {
        if reason.isEmpty { reason = other.reason }
        failures = failures.addingReportingOverflow(other.failures).overflow ? .max : failures + other.failures
        if other.guardedAt > 0 { guardedAt = guardedAt == 0 ? other.guardedAt : min(guardedAt, other.guardedAt) }
    }
}

extension UpstreamGauge {
    static let recordBytes = 64

    fileprivate func encode(to writer: inout ByteWriter) {
        writer.integer(id)
        writer.integer(state.rawValue)
        writer.integer(pool)
        writer.integer(miners)
        writer.integer(UInt16(0))
        writer.integer(difficulty)
        writer.integer(height)
        writer.integer(loggedInAt)
        writer.integer(jobAt)
        writer.integer(accepted)
        writer.integer(rejected)
        writer.integer(inFlight)
        writer.integer(tls.rawValue)
        writer.append([0, 0, 0])
    }

    fileprivate init(from reader: inout ByteReader) throws(DecodingFailure) {
        let id = try reader.integer(UInt16.self)
        guard let state = State(rawValue: try reader.integer()) else { throw .invalidField }
        self.init(id: id, state: state)
        pool = try reader.integer()
        miners = try reader.integer()
        try reader.skip(2)
        difficulty = try reader.integer()
        height = try reader.integer()
        loggedInAt = try reader.integer()
        jobAt = try reader.integer()
        accepted = try reader.integer()
        rejected = try reader.integer()
        inFlight = try reader.integer()
        tls = TLSCode(rawValue: try reader.integer())
        try reader.skip(3)
    }
}

extension MinerGauge {
    static let recordBytes = 32

    fileprivate func encode(to writer: inout ByteWriter) {
        writer.integer(key)
        writer.integer(sentBytes)
        writer.integer(receivedBytes)
        writer.integer(difficulty)
    }

    fileprivate init(from reader: inout ByteReader) throws(DecodingFailure) {
        self.init(
            key: try reader.integer(), sentBytes: try reader.integer(), receivedBytes: try reader.integer(),
            difficulty: try reader.integer())
    }
}
