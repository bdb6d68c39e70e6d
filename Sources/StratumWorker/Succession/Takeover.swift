internal import StratumProtocol
internal import StratumSession
internal import Telemetry

/// Restores the shard of a predecessor that was killed at any instruction, from its snapshot and its input log.
///
/// The core is deterministic: the replayed inputs lead to the predecessor's last state, and to the same bytes for every
/// peer. The kernel knows how many of those bytes it has accepted (`ConnectionCounts`).
struct Takeover: ~Copyable {
    var shard: Shard
    var events: EventLog
    /// The process whose descriptor numbers the connections have.
    let incarnation: UInt64
    let absorbed: [WorkerState.AbsorbedShard]
    /// `unsent` has all bytes sent on a connection since the snapshot, also those already sent.
    private(set) var miners: [MinerID: WorkerState.Connection]
    private(set) var pools: [PoolConnectionID: WorkerState.Connection]
    /// The record that was begun and not committed. Bytes of it may have been read from the kernel already.
    private(set) var unfinished: LoggedInput?
    /// The number of inputs replayed.
    private(set) var replayed = 0

    /// TLS connections whose replay has not met the mark that the predecessor has stored.
    private var unmetMiners: Set<MinerID> = []
    private var unmetPools: Set<PoolConnectionID> = []
    private let marks: MarkTable?

    private let reading: Reading
    /// The descriptor of the connection that the next input is about.
    private var noted: Int32 = -1
    private var outbox = Outbox()

    enum Fault: Error, Equatable {
        /// The saved state cannot be decoded.
        case undecodable(DecodingFault)
        /// The inputs do not fit the state.
        case replay(ReplayFault)
        /// Another program wrote the log. It may decide differently.
        case otherRules
        /// The build id of this program, or of the one that wrote the log, is not known.
        case unknownRules
    }

    private init(
        _ own: WorkerState, _ events: EventLog, _ shard: consuming Shard, _ marks: MarkTable?, _ reading: Reading
    ) {
        self.shard = shard
        self.events = events
        self.marks = marks
        self.reading = reading
        incarnation = own.incarnation
        absorbed = own.absorbed
        // If damaged data has an identifier twice, the last entry is used.
        miners = Dictionary(own.miners.map { ($0.id, $0.connection) }, uniquingKeysWith: { $1 })
        pools = Dictionary(own.pools.map { ($0.id, $0.connection) }, uniquingKeysWith: { $1 })
    }

    /// What a replay needs besides the saved state.
    struct Reading {
        /// Identifies this program (`StateJournal`).
        let rules: UInt64
        let translation: EventTranslation
        let parser: JSONParser
        /// The time of day at a moment, in milliseconds since 1970.
        let time: (Instant) -> UInt64
    }

    /// - Parameter memory: the memory of a journal, to which no process writes meanwhile.
    static func of(_ memory: UnsafeRawBufferPointer, _ reading: Reading) throws(Fault) -> Takeover {
        let left = try readable { () throws(DecodingFault) in try StateJournalReader(memory) }
        var reader = BinaryReader(left.snapshot)
        let own = try readable { () throws(DecodingFault) in try WorkerState(decoding: &reader) }
        let events = try readable { () throws(DecodingFault) in try Takeover.events(own.events) }
        let shard = try readable { () throws(DecodingFault) in try Shard(decoding: &reader, poolNames: own.poolNames) }
        let marks = MarkTable(endOf: UnsafeMutableRawBufferPointer(mutating: memory))
        var takeover = Takeover(own, events, shard, marks, reading)
        takeover.beginMarks()
        try takeover.replay(left.log)
        takeover.abandonStrays()
        return takeover
    }

    private static func events(_ written: [UInt8]) throws(DecodingFault) -> EventLog {
        do throws(DecodingFailure) {
            return try EventLog(written: written)
        } catch {
            throw .badField("worker.events")
        }
    }

    // MARK: - Marks

    private mutating func beginMarks() {
        for id in shard.minerIDs where shard.mark(of: id) != nil { unmetMiners.insert(id) }
        for (id, _) in shard.poolConnections where shard.mark(of: id) != nil { unmetPools.insert(id) }
        for id in unmetMiners { meetMark(of: id) }
        for id in unmetPools { meetMark(of: id) }
    }

    /// Called when records may have been sealed.
    private mutating func meetMark(of id: MinerID) {
        guard unmetMiners.contains(id) else { return }
        guard let mark = shard.mark(of: id) else {
            _ = unmetMiners.remove(id)
            return
        }
        if let marks, marks[id] == mark { unmetMiners.remove(id) }
    }

    private mutating func meetMark(of id: PoolConnectionID) {
        guard unmetPools.contains(id) else { return }
        guard let mark = shard.mark(of: id) else {
            _ = unmetPools.remove(id)
            return
        }
        if let marks, marks[id] == mark { unmetPools.remove(id) }
    }

    /// The replay has not made the records that the predecessor has written: no byte may follow them.
    private mutating func abandonStrays() {
        for id in unmetMiners { shard.abandonRecords(of: id) }
        for id in unmetPools { shard.abandonRecords(of: id) }
    }

    // MARK: - Replay

    private mutating func replay(_ log: UnsafeRawBufferPointer) throws(Fault) {
        var reader = try Takeover.readable { () throws(DecodingFault) in try InputLogReader(log) }
        while let logged = try Takeover.readable({ () throws(DecodingFault) in try reader.next() }) {
            guard reading.rules != 0, reader.rules != 0 else { throw .unknownRules }
            guard reader.rules == reading.rules else { throw .otherRules }
            replayed += 1
            try apply(logged.input, logged.bytes, at: logged.now)
        }
        unfinished = reader.unfinished
    }

    /// Removes the part that another shard has absorbed; the predecessor may have been killed before it removed it.
    mutating func release(_ part: ReleasedPart, at now: Instant) throws(Fault) {
        try apply(.release(part), UnsafeRawBufferPointer(start: nil, count: 0), at: now)
    }

    private static func readable<Value: ~Copyable>(
        _ body: () throws(DecodingFault) -> Value
    ) throws(Fault) -> Value {
        do throws(DecodingFault) { return try body() } catch { throw .undecodable(error) }
    }

    private mutating func apply(
        _ input: ShardInput, _ bytes: UnsafeRawBufferPointer, at now: Instant
    ) throws(Fault) {
        switch input {
        case .note(let number): return note(number, bytes, at: now)
        case .minerConnected(let id, _):
            miners[id] = WorkerState.Connection(descriptor: noted, unsent: [])
        case .poolConnected(let id): pools[id]?.descriptor = noted
        case .minerClosed(let id): miners[id] = nil
        case .poolClosed(let id), .poolNotKept(let id): pools[id] = nil
        case .start, .minerSecured, .minerBytes, .poolBytes, .tick, .policy, .release, .conduct: break
        }
        let result = bytes.withMemoryRebound(to: UInt8.self) { bytes -> ReplayFault? in
            do throws(ReplayFault) {
                try shard.apply(input, bytes.span, with: reading.parser, at: now)
                return nil
            } catch {
                return error
            }
        }
        if let result { throw .replay(result) }
        switch input {
        // While the mark that was stored before this input is there, no record of the connection was written.
        case .minerSecured(let id) where shard.mark(of: id) != nil && marks?[id] != 0:
            unmetMiners.insert(id)
            meetMark(of: id)
        case .poolConnected(let id) where shard.mark(of: id) != nil && marks?[id] != 0:
            unmetPools.insert(id)
            meetMark(of: id)
        default: break
        }
        follow(at: now)
    }

    private mutating func note(_ number: UInt32, _ bytes: UnsafeRawBufferPointer, at now: Instant) {
        switch WorkerNote(rawValue: number) {
        case .descriptor: noted = bytes.count == 4 ? bytes.loadUnaligned(as: Int32.self) : -1
        case .checkpoint: events.append(EventTranslation.checkpoint(shard, at: reading.time(now)))
        case nil: break  // of another program
        }
    }

    /// Repeats the effects that the worker's state depends on.
    private mutating func follow(at now: Instant) {
        shard.takeOutbox(replacingWith: &outbox)
        for command in outbox.commands {
            switch command {
            case .sendToMiner(let id, let range):
                miners[id]?.unsent += outbox.bytes[range]
                meetMark(of: id)
            case .sendToPool(let id, let range):
                pools[id]?.unsent += outbox.bytes[range]
                meetMark(of: id)
            case .beginHandshake: break  // its end is another input
            case .closeMiner(let id, _): miners[id] = nil
            case .dial(let id): pools[id] = WorkerState.Connection(descriptor: -1, unsent: [])
            case .hangUp(let id): pools[id] = nil
            case .joined(let id, let key):
                guard let introduction = shard.introduction(of: id) else { break }
                events.append(reading.translation.joined(introduction, key: key))
            case .moved(let id, let key):
                guard let introduction = shard.introduction(of: id) else { break }
                events.append(reading.translation.moved(introduction, key: key))
            case .left(_, let key): events.append(MinerLeft(key: key))
            case .released(let id, let key):
                miners[id] = nil
                if let key { events.append(MinerLeft(key: key)) }
            case .settled(let share): events.settle(EventTranslation.settled(share, at: reading.time(now)))
            case .poolError(let text): events.append(reading.translation.poolError(text, at: reading.time(now)))
            case .notice: break  // was told
            case .pauseMiner, .resumeMiner: break  // the shard knows (`isPaused`)
            }
        }
        outbox.removeAll()
    }
}

extension WorkerState.Connection {
    /// The bytes still to be sent, and the number of bytes read but not logged, from the kernel's counts.
    /// - Parameter traffic: the shard's counts.
    /// - Returns: nil when the counts contradict each other; the connection must then be closed.
    func remainder(_ traffic: Traffic, written: UInt64, read: UInt64) -> (unsent: ArraySlice<UInt8>, unlogged: Int)? {
        guard traffic.sent >= written, read >= traffic.received else { return nil }
        let (owed, unlogged) = (traffic.sent - written, read - traffic.received)
        guard owed <= UInt64(unsent.count), unlogged <= UInt64(Int32.max) else { return nil }
        return (unsent.suffix(Int(owed)), Int(unlogged))
    }
}
