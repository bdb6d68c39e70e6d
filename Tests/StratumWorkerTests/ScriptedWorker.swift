import Configuration
import Foundation
import StratumProtocol
import TLSRecords
import Telemetry
import TestSupport
import Testing

@testable import StratumSession
@testable import StratumWorker

/// A worker without sockets. It writes its journal into plain memory, records the decisions of its shard, and can end
/// at any moment.
final class ScriptedWorker {
    /// A connection of a miner or to a pool.
    struct Peer {
        var descriptor: Int32
        /// All bytes ever sent on it.
        var sent: [UInt8] = []
        /// The number of these bytes that the kernel had accepted when the snapshot was written.
        var taken = 0
        var received = 0
        /// The number of these bytes that the peer has read.
        var read = 0

        var unsent: [UInt8] { Array(sent[taken...]) }

        func with(untaken: Int) -> Peer {
            var peer = self
            peer.taken = max(0, sent.count - untaken)
            return peer
        }

        /// Complete lines that the peer has not read yet.
        mutating func lines() -> [[String: Any]] {
            guard let end = sent.lastIndex(of: 0x0a), end >= read else { return [] }
            defer { read = end + 1 }
            return sent[read...end].split(separator: 0x0a).compactMap {
                try? JSONSerialization.jsonObject(with: Data($0)) as? [String: Any]
            }
        }
    }

    static let rules: UInt64 = 42
    static let translation = EventTranslation(shard: 3, naming: MinerNaming(mode: .rigID))
    static func time(_ moment: Instant) -> UInt64 { 1_795_305_600_000 + moment.microseconds / 1_000 }
    static func reading(rules: UInt64 = rules) -> Takeover.Reading {
        Takeover.Reading(rules: rules, translation: translation, parser: JSONParser(), time: time)
    }

    let memory: UnsafeMutableRawBufferPointer
    let marks: MarkTable?
    /// False: it ends before it stores a mark.
    var storesMarks = true
    var journal: StateJournal?
    var shard: Shard
    private(set) var events = EventLog(shard: 3, epoch: Epoch(high: 1, low: 2))
    private(set) var miners: [MinerID: Peer] = [:]
    private(set) var pools: [PoolConnectionID: Peer] = [:]
    /// Dials without an answer.
    private(set) var dials: [PoolConnectionID] = []
    private(set) var now = Instant(microseconds: 1_000_000)
    private let parser = JSONParser()
    private var descriptors: Int32 = 10

    init(_ adjust: (inout ShardPolicy) -> Void = { _ in }) {
        // Large enough for a table of marks; only touched pages are there.
        let byteCount = 1 << 28
        memory = UnsafeMutableRawBufferPointer(start: calloc(1, byteCount), count: byteCount)
        marks = MarkTable(endOf: memory)
        var policy = ShardPolicy(pools: [ShardPolicy.Pool(user: "wallet", password: "x")], agent: "millrace/test")
        policy.keepsFirstUpstream = true
        adjust(&policy)
        shard = Shard(policy: policy, seed: 7, secretSeed: 8)
        let own = snapshot
        journal = StateJournal(beginningIn: memory, rules: ScriptedWorker.rules) { writer in write(own, to: &writer) }
        take(.start)
    }

    deinit { free(memory.baseAddress) }

    // MARK: - Its journal

    /// - Parameter untaken: the number of bytes at the end of each connection that the kernel has not accepted.
    func writeDown(untaken: Int = 0) {
        miners = miners.mapValues { $0.with(untaken: untaken) }
        pools = pools.mapValues { $0.with(untaken: untaken) }
        let own = snapshot
        let fits = journal?.renew { writer in write(own, to: &writer) }
        #expect(fits == true)
    }

    private func write(_ own: WorkerState, to writer: inout BinaryWriter) {
        own.encode(to: &writer)
        shard.encode(to: &writer)
    }

    private var snapshot: WorkerState {
        var state = WorkerState(incarnation: 5)
        state.miners = miners.map { id, wire in
            .init(id: id, connection: .init(descriptor: wire.descriptor, unsent: wire.unsent))
        }
        state.pools = pools.map { id, wire in
            .init(id: id, connection: .init(descriptor: wire.descriptor, unsent: wire.unsent))
        }
        state.events = events.written()
        return state
    }

    /// Starts to read a chunk, and ends before it is committed.
    func beginReading(_ input: ShardInput, _ bytes: [UInt8]) {
        let room = journal?.log.begin(input, at: now, room: 1_024)
        room?.copyBytes(from: bytes)
    }

    // MARK: - Events

    func pass(microseconds: UInt64) { now = Instant(microseconds: now.microseconds + microseconds) }

    func tick() {
        pass(microseconds: 100_000)
        take(.tick)
    }

    func checkpoint() {
        log(.note(WorkerNote.checkpoint.rawValue), [])
        events.append(EventTranslation.checkpoint(shard, at: ScriptedWorker.time(now)))
    }

    func connect() -> MinerID {
        guard let id = shard.nextMinerID else { return MinerID(index: .max, generation: 0) }
        let descriptor = noteDescriptor()
        miners[id] = Peer(descriptor: descriptor)
        take(.minerConnected(id), Array("192.0.2.9".utf8))
        return id
    }

    /// A miner connects, and its TLS handshake is complete.
    /// - Parameter unread: records behind the handshake.
    func connect(_ state: RecordState, unread: [UInt8] = []) -> MinerID {
        guard let id = shard.nextMinerID else { return MinerID(index: .max, generation: 0) }
        miners[id] = Peer(descriptor: noteDescriptor())
        take(.minerConnected(id, .mayUseTLS), Array("192.0.2.9".utf8))
        take(.minerBytes(id), [0x16, 3, 1])
        marks?[id] = 0
        let result = HandshakeResult(.state(state), traffic: Traffic(received: 3, sent: 0), unread: unread)
        take(.minerSecured(id), bytes { result.encode(to: &$0) })
        return id
    }

    func reads(_ ciphertext: [UInt8], from id: MinerID) {
        miners[id]?.received += ciphertext.count
        take(.minerBytes(id), ciphertext)
    }

    /// The pool accepts the oldest dial.
    @discardableResult
    func poolConnects() -> PoolConnectionID? {
        guard !dials.isEmpty else { return nil }
        let id = dials.removeFirst()
        pools[id]?.descriptor = noteDescriptor()
        take(.poolConnected(id))
        return id
    }

    /// The operator changes the settings.
    func adopt(_ change: (inout ShardPolicy) -> Void) {
        var policy = shard.policy
        change(&policy)
        take(.policy, bytes { policy.encode(to: &$0) })
    }

    func says(_ text: String, _ id: MinerID) {
        miners[id]?.received += text.utf8.count
        take(.minerBytes(id), Array(text.utf8))
    }

    func says(_ text: String, _ id: PoolConnectionID) {
        pools[id]?.received += text.utf8.count
        take(.poolBytes(id), Array(text.utf8))
    }

    func ends(_ id: MinerID) {
        take(.minerClosed(id))
        miners[id] = nil
    }

    func ends(_ id: PoolConnectionID) {
        pools[id] = nil
        take(.poolClosed(id), Array("reset by peer".utf8))
    }

    func lines(to id: MinerID) -> [[String: Any]] { miners[id]?.lines() ?? [] }
    func lines(to id: PoolConnectionID) -> [[String: Any]] { pools[id]?.lines() ?? [] }

    private func noteDescriptor() -> Int32 {
        descriptors += 1
        log(.note(WorkerNote.descriptor.rawValue), withUnsafeBytes(of: descriptors) { Array($0) })
        return descriptors
    }

    private func log(_ input: ShardInput, _ bytes: [UInt8]) {
        let fits = bytes.withUnsafeBytes { journal?.log.append(input, $0, at: now) }
        #expect(fits == true, "the log is full")
    }

    private func take(_ input: ShardInput, _ bytes: [UInt8] = []) {
        log(input, bytes)
        do throws(ReplayFault) {
            try shard.apply(input, bytes.span, with: parser, at: now)
        } catch {
            Issue.record("\(input): \(error)")
        }
        var outbox = Outbox()
        shard.takeOutbox(replacingWith: &outbox)
        for command in outbox.commands { perform(command, outbox.bytes) }
    }

    private func perform(_ command: ShardCommand, _ bytes: [UInt8]) {
        switch command {
        case .sendToMiner(let id, let range):
            miners[id]?.sent += bytes[range]
            if storesMarks, let mark = shard.mark(of: id) { marks?[id] = mark }
        case .closeMiner(let id, _): miners[id] = nil
        case .pauseMiner, .resumeMiner, .beginHandshake: break
        case .sendToPool(let id, let range): pools[id]?.sent += bytes[range]
        case .dial(let id):
            pools[id] = Peer(descriptor: -1)
            dials.append(id)
        case .hangUp(let id):
            pools[id] = nil
            dials.removeAll { $0 == id }
        case .joined(let id, let key):
            guard let introduction = shard.introduction(of: id) else { return }
            events.append(ScriptedWorker.translation.joined(introduction, key: key))
        case .moved(let id, let key):
            guard let introduction = shard.introduction(of: id) else { return }
            events.append(ScriptedWorker.translation.moved(introduction, key: key))
        case .left(_, let key): events.append(MinerLeft(key: key))
        case .released: break
        case .settled(let share): events.settle(EventTranslation.settled(share, at: ScriptedWorker.time(now)))
        case .poolError(let text): events.append(PoolError(time: ScriptedWorker.time(now), text: text))
        case .notice: break
        }
    }
}

/// What `encode` writes, which is called twice.
func bytes(of encode: (inout BinaryWriter) -> Void) -> [UInt8] {
    var measure = BinaryWriter(into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
    encode(&measure)
    return [UInt8](unsafeUninitializedCapacity: measure.count) { buffer, count in
        var writer = BinaryWriter(into: UnsafeMutableRawBufferPointer(buffer))
        encode(&writer)
        count = writer.count
    }
}

/// The encoded state of a shard, in an array.
func written(_ shard: borrowing Shard) -> [UInt8] { bytes { shard.encode(to: &$0) } }
