extension ShardEvent {
    /// Decodes one record. Its length bounds it: a field beyond the end is an error, and so are remaining bytes.
    init(from reader: inout ByteReader) throws(DecodingFailure) {
        let code = try reader.integer(UInt8.self)
        guard let kind = RecordKind(rawValue: code) else { throw .unknownRecord(code) }
        let own = try reader.integer(UInt8.self)
        let byteCount = Int(try reader.integer(UInt16.self))
        var body = try reader.part(byteCount: byteCount - RecordLayout.headBytes)
        self =
            switch kind {
            case .joined: .joined(try MinerJoined(from: &body, flags: own))
            case .left: .left(try MinerLeft(from: &body))
            case .share: .share(try ShareSettled(from: &body, outcome: own))
            case .poolError: .poolError(try PoolError(from: &body))
            case .checkpoint: .checkpoint(try Checkpoint(from: &body, flags: own))
            }
        try body.finish()
    }
}

extension MinerJoined {
    fileprivate init(from reader: inout ByteReader, flags: UInt8) throws(DecodingFailure) {
        guard flags <= 3 else { throw .invalidField }
        let hasWorker = flags & 1
        hasMoved = flags & 2 != 0
        let workerBytes = Int(try reader.integer(UInt16.self))
        let ipBytes = Int(try reader.integer(UInt16.self))
        key = try reader.integer()
        let agentBytes = Int(try reader.integer(UInt16.self))
        let userBytes = Int(try reader.integer(UInt16.self))
        let rigIDBytes = Int(try reader.integer(UInt16.self))
        shard = try reader.integer()
        guard workerBytes <= MinerJoined.workerBytesMax, ipBytes <= MinerJoined.ipBytesMax,
            agentBytes <= MinerJoined.agentBytesMax, userBytes <= MinerJoined.userBytesMax,
            rigIDBytes <= MinerJoined.rigIDBytesMax
        else { throw .tooLong }
        guard hasWorker == 1 || workerBytes == 0 else { throw .invalidField }
        let name = try reader.text(byteCount: workerBytes)
        worker = hasWorker == 1 ? name : nil
        ip = try reader.text(byteCount: ipBytes)
        agent = try reader.text(byteCount: agentBytes)
        user = try reader.text(byteCount: userBytes)
        rigID = try reader.text(byteCount: rigIDBytes)
    }
}

extension MinerLeft {
    fileprivate init(from reader: inout ByteReader) throws(DecodingFailure) {
        try reader.skip(4)
        key = try reader.integer()
    }
}

extension ShareSettled {
    fileprivate init(from reader: inout ByteReader, outcome code: UInt8) throws(DecodingFailure) {
        guard let outcome = ShareOutcome(rawValue: code) else { throw .invalidField }
        guard let reason = RefusalReason(rawValue: try reader.integer()) else { throw .invalidField }
        let flags = try reader.integer(UInt8.self)
        guard flags <= 1 else { throw .invalidField }
        pool = try reader.integer()
        try reader.skip(1)
        self.outcome = outcome
        self.reason = reason
        isExpired = flags == 1
        miner = try reader.integer()
        time = try reader.integer()
        difficulty = try reader.integer()
        creditedDifficulty = try reader.integer()
        actualDifficulty = try reader.integer()
        latencyMicroseconds = try reader.integer()
        upstream = try reader.integer()
        let further = try reader.integer(UInt16.self)
        guard further == 0 || outcome == .invalid else { throw .invalidField }
        count = UInt32(further) + 1
    }
}

extension PoolError {
    fileprivate init(from reader: inout ByteReader) throws(DecodingFailure) {
        let textBytes = Int(try reader.integer(UInt16.self))
        guard textBytes <= PoolError.textBytesMax else { throw .tooLong }
        try reader.skip(2)
        time = try reader.integer()
        text = try reader.text(byteCount: textBytes)
    }
}

extension Checkpoint {
    fileprivate init(from reader: inout ByteReader, flags: UInt8) throws(DecodingFailure) {
        guard flags <= 1 else { throw .invalidField }
        isLast = flags == 1
        minersNow = try reader.integer()
        time = try reader.integer()
        connections = try reader.integer()
        upstreams = try UpstreamCounts(from: &reader)
        counters.accepted = try reader.integer()
        counters.rejected = try reader.integer()
        counters.invalid = try reader.integer()
        counters.expired = try reader.integer()
        counters.hashesTotal = try reader.integer()
        counters.joined = try reader.integer()
    }
}
