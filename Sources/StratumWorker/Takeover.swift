internal import StratumProtocol
internal import StratumSession
internal import Telemetry

/// A shard as its predecessor has left it, killed at any instruction: what was written, and what has happened since.
///
/// The core is deterministic, so the inputs replayed onto the written state lead to where the predecessor stood, and to the
/// same bytes for every peer. How many of those the kernel had taken already, the kernel knows (`ConnectionCounts`).
struct Takeover: ~Copyable {
    var shard: Shard
    var events: EventLog
    /// Whose descriptors the connections have.
    let incarnation: UInt64
    let absorbed: [WorkerState.AbsorbedShard]
    /// `unsent` is all that was sent on a connection from the written state on, whether it has left or not.
    private(set) var miners: [MinerID: WorkerState.Connection]
    private(set) var pools: [PoolConnectionID: WorkerState.Connection]
    /// Bytes of it may have been read from the kernel already.
    private(set) var unfinished: LoggedInput?
    /// How many inputs were replayed.
    private(set) var replayed = 0

    private let reading: Reading
    /// The descriptor of the connection that the next input is about.
    private var noted: Int32 = -1
    private var outbox = Outbox()

    enum Fault: Error, Equatable {
        /// It cannot be read.
        case undecodable(DecodingFault)
        /// The inputs do not fit the state.
        case replay(ReplayFault)
        /// They were decided by another program, which may have decided otherwise.
        case otherRules
    }

    private init(_ own: WorkerState, _ events: EventLog, _ shard: consuming Shard, _ reading: Reading) {
        self.shard = shard
        self.events = events
        self.reading = reading
        incarnation = own.incarnation
        absorbed = own.absorbed
        // Of a damaged state the last word counts.
        miners = Dictionary(own.miners.map { ($0.id, $0.connection) }, uniquingKeysWith: { $1 })
        pools = Dictionary(own.pools.map { ($0.id, $0.connection) }, uniquingKeysWith: { $1 })
    }

    /// What it takes to read the inputs again.
    struct Reading {
        /// Names this program (`StateJournal`).
        let rules: UInt64
        let translation: EventTranslation
        let parser: JSONParser
        /// What the time of day was at a moment, in milliseconds since 1970.
        let time: (Instant) -> UInt64
    }

    /// - Parameter memory: of a journal; no process writes there meanwhile.
    static func of(_ memory: UnsafeRawBufferPointer, _ reading: Reading) throws(Fault) -> Takeover {
        let left = try readable { () throws(DecodingFault) in try StateJournalReader(memory) }
        var reader = BinaryReader(left.snapshot)
        let own = try readable { () throws(DecodingFault) in try WorkerState(decoding: &reader) }
        let events = try readable { () throws(DecodingFault) in try Takeover.events(own.events) }
        let shard = try readable { () throws(DecodingFault) in try Shard(decoding: &reader, poolNames: own.poolNames) }
        var takeover = Takeover(own, events, shard, reading)
        try takeover.replay(left.log)
        return takeover
    }

    private static func events(_ written: [UInt8]) throws(DecodingFault) -> EventLog {
        do throws(DecodingFailure) {
            return try EventLog(written: written)
        } catch {
            throw .badField("worker.events")
        }
    }

    // MARK: - Replay

    private mutating func replay(_ log: UnsafeRawBufferPointer) throws(Fault) {
        var reader = try Takeover.readable { () throws(DecodingFault) in try InputLogReader(log) }
        while let logged = try Takeover.readable({ () throws(DecodingFault) in try reader.next() }) {
            guard reading.rules != 0, reader.rules != 0 else { throw .unknownRules }
            guard reader.rules == reading.rules else { throw .otherRules }
            replayed += 1
            try take(logged.input, logged.bytes, at: logged.now)
        }
        unfinished = reader.unfinished
    }

    /// Another shard has this part; the predecessor may not have heard so.
    mutating func release(_ part: ReleasedPart, at now: Instant) throws(Fault) {
        try take(.release(part), UnsafeRawBufferPointer(start: nil, count: 0), at: now)
    }

    private static func readable<Value: ~Copyable>(
        _ body: () throws(DecodingFault) -> Value
    ) throws(Fault) -> Value {
        do throws(DecodingFault) { return try body() } catch { throw .undecodable(error) }
    }

    private mutating func take(
        _ input: ShardInput, _ bytes: UnsafeRawBufferPointer, at now: Instant
    ) throws(Fault) {
        switch input {
        case .note(let number): return note(number, bytes, at: now)
        case .minerConnected(let id), .balancerConnected(let id):
            miners[id] = WorkerState.Connection(descriptor: noted, unsent: [])
        case .poolConnected(let id): pools[id]?.descriptor = noted
        case .minerClosed(let id): miners[id] = nil
        case .poolClosed(let id): pools[id] = nil
        case .start, .minerBytes, .poolBytes, .tick, .policy, .release, .conduct: break
        }
        let result = bytes.withMemoryRebound(to: UInt8.self) { bytes -> ReplayFault? in
            do throws(ReplayFault) {
                try shard.take(input, bytes.span, with: reading.parser, at: now)
                return nil
            } catch {
                return error
            }
        }
        if let result { throw .replay(result) }
        follow(at: now)
    }

    private mutating func note(_ number: UInt32, _ bytes: UnsafeRawBufferPointer, at now: Instant) {
        switch WorkerNote(rawValue: number) {
        case .descriptor: noted = bytes.count == 4 ? bytes.loadUnaligned(as: Int32.self) : -1
        case .checkpoint: events.append(EventTranslation.checkpoint(shard, at: reading.time(now)))
        case nil: break  // of another program
        }
    }

    /// What the worker did with these decisions, as far as it is remembered.
    private mutating func follow(at now: Instant) {
        shard.takeOutbox(replacingWith: &outbox)
        for command in outbox.commands {
            switch command {
            case .sendToMiner(let id, let range): miners[id]?.unsent += outbox.bytes[range]
            case .sendToPool(let id, let range): pools[id]?.unsent += outbox.bytes[range]
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
    /// What is still to be sent, and what was read and is not in the log, by the kernel's counts.
    /// - Parameter traffic: by the shard's.
    /// - Returns: nil when the two cannot be brought together: the connection must end.
    func remainder(_ traffic: Traffic, written: UInt64, read: UInt64) -> (unsent: ArraySlice<UInt8>, unlogged: Int)? {
        guard traffic.sent >= written, read >= traffic.received else { return nil }
        let (owed, unlogged) = (traffic.sent - written, read - traffic.received)
        guard owed <= UInt64(unsent.count), unlogged <= UInt64(Int32.max) else { return nil }
        return (unsent.suffix(Int(owed)), Int(unlogged))
    }
}
