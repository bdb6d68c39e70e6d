// One function per record, field by field in the order of docs/BUS.md. The length of a text is computed twice: for the
// record size and while writing. Texts are rare and short.

extension MinerJoined {
    private var workerBytes: Int { worker?.utf8PrefixCount(max: MinerJoined.workerBytesMax) ?? 0 }
    private var ipBytes: Int { ip.utf8PrefixCount(max: MinerJoined.ipBytesMax) }
    private var agentBytes: Int { agent.utf8PrefixCount(max: MinerJoined.agentBytesMax) }
    private var userBytes: Int { user.utf8PrefixCount(max: MinerJoined.userBytesMax) }
    private var rigIDBytes: Int { rigID.utf8PrefixCount(max: MinerJoined.rigIDBytesMax) }

    var recordBytes: Int {
        RecordLayout.joinedFixedBytes + workerBytes + ipBytes + agentBytes + userBytes + rigIDBytes
    }

    func encode(to writer: inout RecordWriter) {
        writer.putHead(.joined, (worker == nil ? 0 : 1) | (hasMoved ? 2 : 0), byteCount: recordBytes)
        writer.put(UInt16(workerBytes))
        writer.put(UInt16(ipBytes))
        writer.put(key)
        writer.put(UInt16(agentBytes))
        writer.put(UInt16(userBytes))
        writer.put(UInt16(rigIDBytes))
        writer.put(shard)
        if let worker { writer.put(worker, byteCount: workerBytes) }
        writer.put(ip, byteCount: ipBytes)
        writer.put(agent, byteCount: agentBytes)
        writer.put(user, byteCount: userBytes)
        writer.put(rigID, byteCount: rigIDBytes)
    }
}

extension MinerLeft {
    func encode(to writer: inout RecordWriter) {
        writer.putHead(.left, byteCount: RecordLayout.leftBytes)
        writer.put(UInt32(0))
        writer.put(key)
    }
}

extension ShareSettled {
    @inline(__always)
    func encode(to writer: inout RecordWriter) {
        writer.putHead(.share, outcome.rawValue, byteCount: RecordLayout.shareBytes)
        writer.put(reason.rawValue)
        writer.put(UInt8(isExpired ? 1 : 0))
        writer.put(pool)
        writer.put(UInt8(0))
        writer.put(miner)
        writer.put(time)
        writer.put(difficulty)
        writer.put(creditedDifficulty)
        writer.put(actualDifficulty)
        writer.put(latencyMicroseconds)
        writer.put(upstream)
        writer.put(UInt16(truncatingIfNeeded: count &- 1))
    }
}

extension PoolError {
    private var textBytes: Int { text.utf8PrefixCount(max: PoolError.textBytesMax) }

    var recordBytes: Int { RecordLayout.poolErrorFixedBytes + textBytes }

    func encode(to writer: inout RecordWriter) {
        writer.putHead(.poolError, byteCount: recordBytes)
        writer.put(UInt16(textBytes))
        writer.put(UInt16(0))
        writer.put(time)
        writer.put(text, byteCount: textBytes)
    }
}

extension Checkpoint {
    func encode(to writer: inout RecordWriter) {
        writer.putHead(.checkpoint, isLast ? 1 : 0, byteCount: RecordLayout.checkpointBytes)
        writer.put(minersNow)
        writer.put(time)
        writer.put(connections)
        writer.put(upstreams.active)
        writer.put(upstreams.sleeping)
        writer.put(upstreams.error)
        writer.put(counters.accepted)
        writer.put(counters.rejected)
        writer.put(counters.invalid)
        writer.put(counters.expired)
        writer.put(counters.hashesTotal)
        writer.put(counters.joined)
    }
}
