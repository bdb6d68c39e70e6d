// The state of a shard that the fold needs to continue: its epochs with their current and departed miners. Gauges of
// upstreams and of the loop are not saved: they are sent again within a second.

extension ShardState {
    private static let stateVersion: UInt8 = 1

    func saved(_ number: Int, position: SavedShard.Position?, workers: WorkerTable) -> SavedShard {
        var saved = summary(number, position: position)
        var writer = ByteWriter(capacity: 256)
        writer.integer(ShardState.stateVersion)
        writer.integer(UInt8(isLive ? 1 : 0))
        writer.packed(heardAt)
        counters.pack(to: &writer)
        writer.packed(eventsLost)
        writer.packed(eventsReplayed)
        upstreams.pack(to: &writer)
        writer.packed(UInt64(connections))
        writer.packed(UInt64(lives.count))
        for life in lives {
            life.epoch.pack(to: &writer)
            life.counted.pack(to: &writer)
            life.miners.pack(to: &writer, workers)
        }
        if lives.contains(where: { !$0.miners.claims.isEmpty }) {
            for life in lives { life.miners.packClaims(to: &writer) }
        }
        saved.state = writer.bytes
        return saved
    }

    /// The saved shard without `state`.
    func summary(_ number: Int, position: SavedShard.Position?) -> SavedShard {
        var saved = SavedShard(shard: UInt16(truncatingIfNeeded: number))
        saved.position = position
        saved.counters = counters
        saved.eventsLost = eventsLost
        saved.eventsReplayed = eventsReplayed
        return saved
    }

    /// - Parameters:
    ///   - workers: the workers of the same checkpoint.
    ///   - relay: assigns a key to each miner.
    init(
        restoring saved: SavedShard, _ workers: WorkerTable, _ relay: inout Relay, _ pool: inout MinerTexts.Pool
    ) throws(DecodingFailure) {
        notedPosition = saved.position
        guard !saved.state.isEmpty else { return }
        var reader = ByteReader(saved.state)
        try reader.version(ShardState.stateVersion)
        let live = try reader.integer(UInt8.self)
        guard live <= 1 else { throw .invalidField }
        isLive = live == 1
        heardAt = try reader.packed()
        counters = try ShareCounters(unpacking: &reader)
        eventsLost = try reader.packed()
        eventsReplayed = try reader.packed()
        upstreams = try UpstreamCounts(unpacking: &reader)
        connections = try reader.packed(as: UInt32.self)
        for _ in 0..<(try reader.packedCount(bytesEach: 16, max: SequenceGate.formerMax + 1)) {
            let epoch = try Epoch(unpacking: &reader)
            guard life(of: epoch) == nil else { throw .invalidField }
            let counted = try ShareCounters(unpacking: &reader)
            let miners = try ShardMiners(unpacking: &reader, workers, &relay, &pool)
            lives.append(Life(epoch: epoch, counted: counted, miners: miners))
        }
        if reader.remaining > 0 {
            for index in lives.indices { try lives[index].miners.unpackClaims(from: &reader) }
        }
        try reader.finish()
    }
}

extension ShardMiners {
    fileprivate func packClaims(to writer: inout ByteWriter) {
        var texts = TextPacker()
        writer.packed(UInt64(claims.count))
        for (key, name) in claims.sorted(by: { $0.key < $1.key }) {
            writer.packed(key)
            texts.pack(name, bytesMax: MinerJoined.workerBytesMax, to: &writer)
        }
    }

    fileprivate mutating func unpackClaims(from reader: inout ByteReader) throws(DecodingFailure) {
        var texts = TextUnpacker()
        for _ in 0..<(try reader.packedCount(bytesEach: 2)) {
            let key = try reader.packed()
            let name = try texts.text(from: &reader, bytesMax: MinerJoined.workerBytesMax)
            guard isLive(key), claims.updateValue(name, forKey: key) == nil else { throw .invalidField }
        }
    }

    func pack(to writer: inout ByteWriter, _ workers: WorkerTable) {
        var texts = TextPacker()
        writer.packed(UInt64(live.count))
        // Sorted by key, so that equal states have equal bytes.
        for (key, miner) in live.sorted(by: { $0.key < $1.key }) {
            writer.packed(key)
            miner.place.pack(to: &writer, workers)
            let name = miner.place.row >= 0 ? workers.rows[Int(miner.place.row)].name : nil
            texts.pack(miner.ip, bytesMax: MinerJoined.ipBytesMax, to: &writer)
            texts.pack(miner.texts.agent, bytesMax: MinerJoined.agentBytesMax, to: &writer)
            texts.pack(miner.texts.user(worker: name), bytesMax: MinerJoined.userBytesMax, to: &writer)
            texts.pack(miner.texts.rigID(worker: name), bytesMax: MinerJoined.rigIDBytesMax, to: &writer)
        }
        for generation in [departed, departedBefore] {
            writer.packed(UInt64(generation.count))
            for (key, place) in generation.sorted(by: { $0.key < $1.key }) {
                writer.packed(key)
                place.pack(to: &writer, workers)
            }
        }
        writer.packed(generationBegan)
    }

    init(
        unpacking reader: inout ByteReader, _ workers: WorkerTable, _ relay: inout Relay,
        _ pool: inout MinerTexts.Pool
    ) throws(DecodingFailure) {
        var texts = TextUnpacker()
        var live: [MinerKey: Live] = [:]
        for _ in 0..<(try reader.packedCount(bytesEach: 6)) {
            let key = try reader.packed()
            let place = try Place(unpacking: &reader, workers, &relay)
            let name = place.row >= 0 ? workers.rows[Int(place.row)].name : nil
            let ip = try texts.text(from: &reader, bytesMax: MinerJoined.ipBytesMax)
            let agent = try texts.text(from: &reader, bytesMax: MinerJoined.agentBytesMax)
            let user = try texts.text(from: &reader, bytesMax: MinerJoined.userBytesMax)
            let rigID = try texts.text(from: &reader, bytesMax: MinerJoined.rigIDBytesMax)
            let miner = Live(
                place: place, ip: ip, texts: pool.shared(agent: agent, user: user, rigID: rigID, worker: name))
            guard live.updateValue(miner, forKey: key) == nil else { throw .invalidField }
        }
        var generations: [[MinerKey: Place]] = []
        for _ in 0..<2 {
            var departed: [MinerKey: Place] = [:]
            for _ in 0..<(try reader.packedCount(bytesEach: 2)) {
                let key = try reader.packed()
                let place = try Place(unpacking: &reader, workers, &relay)
                guard departed.updateValue(place, forKey: key) == nil else { throw .invalidField }
            }
            generations.append(departed)
        }
        let generationBegan = try reader.packed()
        self.init(
            live: live, departed: generations[0], departedBefore: generations[1], generationBegan: generationBegan)
    }
}

extension ShardMiners.Place {
    /// Writes 0, or 1 + the id of the worker.
    fileprivate func pack(to writer: inout ByteWriter, _ workers: WorkerTable) {
        writer.packed(row >= 0 ? 1 + UInt64(workers.rows[Int(row)].id) : 0)
    }

    fileprivate init(
        unpacking reader: inout ByteReader, _ workers: WorkerTable, _ relay: inout Relay
    ) throws(DecodingFailure) {
        self.init(key: relay.newKey(), row: ShardMiners.noRow)
        let worker = try reader.packed()
        guard worker > 0 else { return }
        guard let id = UInt32(exactly: worker - 1), let index = workers.index(id: id) else { throw .invalidField }
        row = Int32(index)
    }
}
