import StratumProtocol
import TestSupport
import Testing

@testable import StratumSession

struct InputLogTests {
    private static let miner = MinerID(index: 70_000, generation: 3)
    private static let pool = PoolConnectionID(upstream: 4_095, pool: 255, generation: 70_001)
    private static let all: [ShardInput] = [
        .start, .minerConnected(miner), .minerConnected(miner, .proxyHeader), .minerSecured(miner),
        .minerConnected(miner, [.mayUseTLS, .requiresTLS]), .minerBytes(miner), .minerClosed(miner),
        .poolConnected(pool), .poolBytes(pool), .poolClosed(pool), .poolNotKept(pool), .tick, .policy, .note(77),
        .conduct(miner),
    ]

    private func inputs(_ memory: Memory) throws -> [(ShardInput, UInt64, [UInt8])] {
        var reader = try InputLogReader(UnsafeRawBufferPointer(memory.bytes))
        var list: [(ShardInput, UInt64, [UInt8])] = []
        while let record = try reader.next() {
            list.append((record.input, record.now.microseconds, [UInt8](record.bytes)))
        }
        return list
    }

    @Test(arguments: [0, 1, 7, 8, 9, 100])
    func inputsComeBackInOrderWithTheirBytesAndTimes(size: Int) throws {
        let memory = Memory(count: 4_096)
        guard var log = InputLog(emptying: memory.bytes, rules: 5) else { return #expect(Bool(false)) }
        let bytes = (0..<size).map { UInt8($0) }
        for (number, input) in Self.all.enumerated() {
            let fits = bytes.withUnsafeBytes { log.append(input, $0, at: Instant(microseconds: UInt64(number) << 40)) }
            #expect(fits)
        }
        let read = try inputs(memory)
        #expect(read.map(\.0) == Self.all)
        #expect(read.map(\.1) == Self.all.indices.map { UInt64($0) << 40 })
        #expect(read.allSatisfy { $0.2 == bytes })
    }

    @Test func aFullLogTakesNoMoreAndKeepsWhatItHas() throws {
        for size in 24...140 {
            let memory = Memory(count: size)
            guard var log = InputLog(emptying: memory.bytes, rules: 5) else { continue }
            var taken = 0
            while true {
                let (fits, room) = (
                    [UInt8](repeating: 7, count: 13).withUnsafeBytes {
                        log.append(.note(UInt32(taken)), $0, at: .never)
                    }, log.room
                )
                #expect(room >= 0)
                guard fits else { break }
                taken += 1
            }
            #expect(try inputs(memory).count == taken)
            #expect(taken == (size - 16 + 3) / 40)
        }
    }

    @Test func whatWasBegunIsThereUnfinishedUntilItIsCommittedOrCancelled() throws {
        let memory = Memory(count: 1_024)
        guard var log = InputLog(emptying: memory.bytes, rules: 5) else { return #expect(Bool(false)) }
        func unfinished() throws -> ShardInput? {
            var reader = try InputLogReader(UnsafeRawBufferPointer(memory.bytes))
            while try reader.next() != nil {}
            return reader.unfinished?.input
        }
        #expect(try unfinished() == nil)
        _ = log.begin(.minerBytes(Self.miner), at: .never)
        #expect(try unfinished() == .minerBytes(Self.miner))
        log.cancel()
        #expect(try unfinished() == nil)
        _ = log.begin(.poolBytes(Self.pool), at: .never)
        log.commit(3)
        #expect(try unfinished() == nil)
        #expect(try inputs(memory).map(\.0) == [.poolBytes(Self.pool)])
        // Whoever goes on, goes on behind.
        var next = try InputLog(continuing: memory.bytes)
        #expect(next.count == log.count)
        let fits = next.append(.tick, UnsafeRawBufferPointer(start: nil, count: 0), at: .never)
        #expect(fits)
        #expect(try inputs(memory).map(\.0) == [.poolBytes(Self.pool), .tick])
    }

    @Test func aDamagedLogIsRefusedOrReadWithoutATrap() throws {
        let memory = Memory(count: 2_048)
        guard var log = InputLog(emptying: memory.bytes, rules: 5) else { return #expect(Bool(false)) }
        for input in Self.all { _ = [1, 2, 3].withUnsafeBytes { log.append(input, $0, at: .never) } }
        var dice = SeededGenerator(seed: 9)
        var refused = 0
        for _ in 0..<5_000 {
            let damaged = Memory(copyOf: memory)
            for _ in 0..<dice.number(1...6) { damaged.bytes[dice.number(0...500)] = UInt8(dice.number(0...255)) }
            do { _ = try inputs(damaged) } catch { refused += 1 }
        }
        #expect(refused > 500)
    }
}

struct StateJournalTests {
    @Test func theLatestStateWithItsLogIsTheOneThatIsLeft() throws {
        let memory = Memory(count: 600_000)
        guard var journal = StateJournal(beginningIn: memory.bytes, rules: 1, { $0.text("one") }) else {
            return #expect(Bool(false))
        }
        func left() throws -> (String, Int) {
            let left = try StateJournalReader(UnsafeRawBufferPointer(memory.bytes))
            var snapshot = BinaryReader(left.snapshot)
            var reader = try InputLogReader(left.log)
            var count = 0
            while try reader.next() != nil { count += 1 }
            return (try snapshot.text(max: 100, "text"), count)
        }
        #expect(try left() == ("one", 0))
        for (number, text) in ["two", "three", "four"].enumerated() {
            for _ in 0...number {
                _ = journal.log.append(.tick, UnsafeRawBufferPointer(start: nil, count: 0), at: .never)
            }
            let before = try left()
            #expect(before.1 == number + 1)
            // What does not fit changes nothing.
            let isTooLarge = journal.renew { $0.bytes([UInt8](repeating: 1, count: 250_000)) }
            #expect(!isTooLarge)
            #expect(try left() == before)
            let isRenewed = journal.renew { $0.text(text) }
            #expect(isRenewed)
            #expect(try left() == (text, 0))
        }
    }

    /// Each half in turn, with a log that was longer before, and a record under way.
    @Test func spareMemoryMayBeGivenBackAtAnyTime() throws {
        let memory = Memory(count: 600_000)
        guard var journal = StateJournal(beginningIn: memory.bytes, rules: 1, { $0.text("0") }) else {
            return #expect(Bool(false))
        }
        let miner = ShardInput.minerBytes(MinerID(index: 7, generation: 1))
        for number in 1...4 {
            for size in [3_000, 100, 1] {
                let bytes = [UInt8](repeating: UInt8(size % 251), count: size)
                let isLogged = bytes.withUnsafeBytes { journal.log.append(miner, $0, at: Instant(microseconds: 5)) }
                #expect(isLogged)
            }
            _ = journal.log.begin(miner, at: Instant(microseconds: 6), room: 1_000)
            for part in journal.spareParts { memory.bytes[part].initializeMemory(as: UInt8.self, repeating: 0) }
            let left = try StateJournalReader(UnsafeRawBufferPointer(memory.bytes))
            var snapshot = BinaryReader(left.snapshot)
            #expect(try snapshot.text(max: 10, "text") == String(number - 1))
            var reader = try InputLogReader(left.log)
            for size in [3_000, 100, 1] {
                let record = try #require(try reader.next())
                #expect(record.input == miner && record.bytes.count == size)
                #expect(record.bytes.allSatisfy { $0 == UInt8(size % 251) })
            }
            #expect(try reader.next() == nil)
            #expect(reader.unfinished?.input == miner && reader.unfinished?.now == Instant(microseconds: 6))
            let isRenewed = journal.renew { $0.text(String(number)) }
            #expect(isRenewed)
        }
        #expect(journal.spareParts.reduce(0) { $0 + $1.count } > 598_000)
    }

    /// Of a long snapshot the log has room for an eighth, so that it is not written again for every chunk.
    @Test(arguments: [300_000, 600_000, 2_000_000, 5_000_000, 5_000_063]) func aSnapshotMayBeSoLongAndNoLonger(
        count: Int
    )
        throws
    {
        let memory = Memory(count: count)
        let most = StateJournal.snapshotBytesMax(inMemoryOf: count)
        func snapshot(_ length: Int) -> (inout BinaryWriter) -> Void {
            let bytes = [UInt8](repeating: 7, count: length - 4)
            return { $0.bytes(bytes) }
        }
        guard var journal = StateJournal(beginningIn: memory.bytes, rules: 1, snapshot(most)) else {
            return #expect(Bool(false))
        }
        #expect(journal.snapshotBytes == most && journal.snapshotBytesMax == most)
        #expect(journal.log.room >= max(StateJournal.logBytesMin - 64, most / 8))
        #expect(most > count / 2 * 8 / 9 - StateJournal.logBytesMin - 256)
        let isTooLong = journal.renew(snapshot(most + 1))
        #expect(!isTooLong)
        let isRenewed = journal.renew(snapshot(most))
        #expect(isRenewed)
    }

    /// Its memory was given back, and then the state has shrunk.
    @Test func aForgottenJournalIsBegunAgain() throws {
        let memory = Memory(count: 600_000)
        memory.bytes.initializeMemory(as: UInt8.self, repeating: 0)
        for (number, text) in ["one", "two", "three"].enumerated() {
            #expect(!StateJournalReader.isThere(in: UnsafeRawBufferPointer(memory.bytes)))
            guard var journal = StateJournal(beginningIn: memory.bytes, rules: 1, { $0.text(text) }) else {
                return #expect(Bool(false))
            }
            for _ in 0..<number { _ = journal.renew { $0.text(text + "!") } }
            var reader = BinaryReader(try StateJournalReader(UnsafeRawBufferPointer(memory.bytes)).snapshot)
            #expect(try reader.text(max: 100, "text") == (number == 0 ? text : text + "!"))
            let isTooLong = journal.renew { $0.bytes([UInt8](repeating: 1, count: 290_000)) }
            #expect(!isTooLong)
            journal.forget()
            if number == 1 { memory.bytes.initializeMemory(as: UInt8.self, repeating: 0) }
        }
    }

    @Test func smallMemoryHasNoRoomForASnapshot() {
        for count in [0, 1, 63, 64, 65, 200, 100_000, 262_000] {
            #expect(StateJournal.snapshotBytesMax(inMemoryOf: count) == 0)
        }
    }

    @Test func somethingElseThanAJournalIsRefused() {
        for count in [0, 8, 63, 64, 1_000] {
            let memory = Memory(count: count)
            #expect(throws: DecodingFault.wrongMagic) { try StateJournalReader(UnsafeRawBufferPointer(memory.bytes)) }
        }
    }
}
