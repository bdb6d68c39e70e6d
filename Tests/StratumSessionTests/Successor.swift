import StratumProtocol
import TestSupport
import Testing

@testable import StratumSession

/// Memory of a journal.
final class Memory {
    let bytes: UnsafeMutableRawBufferPointer

    init(count: Int) {
        bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 64)
        // Whatever lay there before.
        bytes.initializeMemory(as: UInt8.self, repeating: 0xa5)
    }

    init(copyOf other: Memory) {
        bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: other.bytes.count, alignment: 64)
        bytes.copyMemory(from: UnsafeRawBufferPointer(other.bytes))
    }

    deinit { bytes.deallocate() }
}

/// Takes over at random moments: keeps a journal of a harness's shard, and makes a new shard of nothing but
/// the memory, as whoever comes after a crash does.
final class Successor: ShardWitness {
    private var memory = Memory(count: 3 << 19)
    private var journal: StateJournal?
    private let parser = JSONParser()
    private var dice: SeededGenerator
    /// What was decided since the state was written.
    private var since = Decisions()
    private var inputsSinceDecision = 0
    /// A successor that has made up for an input that its predecessor could not finish.
    private var completed: Shard?
    private var received: [MinerID: Int] = [:]
    private var sent: [MinerID: Int] = [:]

    private(set) var inputs = 0
    private(set) var replayed = 0
    private(set) var launchContexts = 0
    private(set) var completions = 0
    private(set) var differences: [String] = []

    init(seed: UInt64) { dice = SeededGenerator(seed: seed) }

    func begins(_ shard: borrowing Shard, at now: Instant) {
        journal = StateJournal(beginningIn: memory.bytes, rules: 42) { shard.encode(to: &$0) }
        keep(journal != nil, "no room for the first state")
    }

    func happens(_ input: ShardInput, _ bytes: [UInt8], at now: Instant) {
        inputs += 1
        if case .minerBytes(let id) = input { received[id, default: 0] += bytes.count }
        completed = nil
        // As the worker does: a head, then the bytes of `read`, then the commit.
        guard let room = journal?.log.begin(input, at: now, room: bytes.count) else {
            return differences.append("\(inputs): the log is full")
        }
        let part = dice.number(0...bytes.count)
        room.copyBytes(from: bytes[..<part])
        if inputsSinceDecision == 0, dice.number(0...29) == 0 { inheritUnfinished(input, bytes, part, at: now) }
        UnsafeMutableRawBufferPointer(rebasing: room[part...]).copyBytes(from: bytes[part...])
        journal?.log.commit(bytes.count)
        inputsSinceDecision += 1
    }

    func decides(_ outbox: Outbox, _ shard: borrowing Shard, at now: Instant) {
        since.add(outbox)
        for command in outbox.commands {
            if case .sendToMiner(let id, let range) = command { sent[id, default: 0] += range.count }
        }
        if inputsSinceDecision == 1, let completed = completed.take() {
            completions += 1
            keep(written(completed) == written(shard), "an unfinished input, finished, leads elsewhere")
        }
        completed = nil
        inputsSinceDecision = 0
        if dice.number(0...39) == 0 { inherit(shard) }
        if dice.number(0...59) == 0 || memory.bytes.count / 16 < journal?.log.count ?? 0 {
            keep(journal?.renew { shard.encode(to: &$0) } == true, "no room for the state")
            since = Decisions()
        }
    }

    /// The predecessor has ended between two turns.
    private func inherit(_ shard: borrowing Shard) {
        let left = Memory(copyOf: memory)
        guard let successor = replay(left) else { return }
        let snapshot = written(shard)
        keep(written(successor) == snapshot, "another state")
        for (id, count) in sent {
            guard let traffic = successor.traffic(of: id) else { continue }
            let counted = Traffic(received: UInt64(received[id] ?? 0), sent: UInt64(count))
            keep(traffic == counted, "other traffic")
        }
        // It begins a journal of its own, and may be inherited from in turn.
        let own = Memory(count: memory.bytes.count)
        journal = StateJournal(beginningIn: own.bytes, rules: 42) { successor.encode(to: &$0) }
        memory = own
        since = Decisions()
    }

    /// The predecessor has ended while it read.
    private func inheritUnfinished(_ input: ShardInput, _ bytes: [UInt8], _ part: Int, at now: Instant) {
        let left = Memory(copyOf: memory)
        guard var successor = replay(left, unfinished: input) else { return }
        do {
            // What the kernel has given away is known from its own count: all of it, or as much as was asked for.
            let log = try StateJournalReader(UnsafeRawBufferPointer(left.bytes)).log
            var continued = try InputLog(continuing: UnsafeMutableRawBufferPointer(mutating: log))
            var reader = try InputLogReader(log)
            while try reader.next() != nil {}
            guard let last = reader.unfinished else { return differences.append("\(inputs): no unfinished record") }
            keep(last.bytes.prefix(part).elementsEqual(bytes[..<part]), "other bytes")
            UnsafeMutableRawBufferPointer(mutating: last.bytes).copyBytes(from: bytes)
            continued.commit(bytes.count)
            guard let record = try reader.next() else { return differences.append("\(inputs): not committed") }
            take(record, into: &successor)
            completed = consume successor
        } catch {
            differences.append("\(inputs): \(error)")
        }
    }

    private func replay(_ left: Memory, unfinished: ShardInput? = nil) -> Shard? {
        launchContexts += 1
        do {
            let journal = try StateJournalReader(UnsafeRawBufferPointer(left.bytes))
            var snapshot = BinaryReader(journal.snapshot)
            var successor = try Shard(decoding: &snapshot)
            var reader = try InputLogReader(journal.log)
            var decisions = Decisions()
            while let record = try reader.next() {
                decisions.add(take(record, into: &successor))
                replayed += 1
            }
            keep(decisions == since, "other decisions in the replay")
            keep(reader.unfinished?.input == unfinished, "an unfinished record that is not there, or none")
            keep(reader.rules == 42, "other rules")
            return successor
        } catch {
            differences.append("\(inputs): \(error)")
            return nil
        }
    }

    @discardableResult
    private func take(_ record: LoggedInput, into shard: inout Shard) -> Outbox {
        record.bytes.withMemoryRebound(to: UInt8.self) { bytes in
            do throws(ReplayFault) {
                try shard.apply(record.input, bytes.span, with: parser, at: record.now)
            } catch {
                differences.append("\(inputs): \(record.input) does not fit")
            }
        }
        var outbox = Outbox()
        shard.takeOutbox(replacingWith: &outbox)
        return outbox
    }

    private func keep(_ rule: Bool, _ text: String) {
        if !rule { differences.append("\(inputs): \(text)") }
    }
}
