import StratumProtocol
import StratumSession
import Testing

@testable import StratumWorker

/// docs/HANDOVER.md
struct WorkerStateTests {
    private static var full: WorkerState {
        var snapshot = WorkerState(incarnation: 0x0102_0304_0506_0708)
        let late = WorkerState.Connection(descriptor: .max, unsent: Array("job\n".utf8))
        snapshot.miners = [
            .init(id: MinerID(index: 0, generation: 0), connection: .init(descriptor: 17, unsent: [])),
            .init(id: MinerID(index: 4_999, generation: .max), connection: late),
        ]
        let pool = PoolConnectionID(upstream: 1, pool: 2, generation: 3)
        snapshot.pools = [.init(id: pool, connection: .init(descriptor: -1, unsent: [0, 255]))]
        snapshot.events = Array("events".utf8)
        snapshot.poolNames = ["pool.example:3333", "[::1]:3333"]
        snapshot.absorbed = [.init(shard: 7, incarnation: 2), .init(shard: 0, incarnation: .max, part: 3)]
        return snapshot
    }

    private func written(_ worker: WorkerState) -> [UInt8] { bytes { worker.encode(to: &$0) } }

    /// - Returns: the state, and the number of bytes after it.
    private func read(_ bytes: [UInt8]) throws(DecodingFault) -> (snapshot: WorkerState, rest: Int) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 8)
        defer { memory.deallocate() }
        memory.copyBytes(from: bytes)
        var reader = BinaryReader(UnsafeRawBufferPointer(rebasing: memory[..<bytes.count]))
        return (try WorkerState(decoding: &reader), reader.remaining)
    }

    private func fault(_ bytes: [UInt8]) -> DecodingFault? {
        do throws(DecodingFault) {
            _ = try read(bytes)
            return nil
        } catch {
            return error
        }
    }

    @Test func whatIsWrittenIsReadAgainAndNothingBehindIt() throws {
        let again = try read(written(WorkerStateTests.full) + [1, 2, 3])
        #expect(again.snapshot == WorkerStateTests.full)
        #expect(again.rest == 3)
        #expect(try read(written(WorkerState(incarnation: 0))).snapshot == WorkerState(incarnation: 0))
    }

    @Test func everyTruncationIsRefused() {
        let bytes = written(WorkerStateTests.full)
        for count in bytes.indices { #expect(fault(Array(bytes.prefix(count))) != nil, "\(count) bytes") }
    }

    @Test func aSectionOfANewerProgramIsSkipped() throws {
        var bytes = written(WorkerStateTests.full)
        let more: [UInt8] = Array("NEWS".utf8) + [0, 0, 0, 0] + [2, 0, 0, 0, 0, 0, 0, 0] + [7, 7]
        bytes += more
        // The length of the record that contains all sections.
        let length = bytes.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self) } + UInt64(more.count)
        bytes.replaceSubrange(8..<16, with: withUnsafeBytes(of: length.littleEndian) { Array($0) })
        #expect(try read(bytes).snapshot == WorkerStateTests.full)
    }

    @Test func aLaterVersionIsRefused() {
        var bytes = written(WorkerStateTests.full)
        bytes[4] = 2
        #expect(fault(bytes) == .unknownVersion(2))
    }

    /// Includes counts and lengths: corrupt input never causes an allocation larger than the input.
    @Test func extremeNumbersAnywhereAreRefusedOrRead() {
        let original = written(WorkerStateTests.full)
        var refused = 0
        for width in [1, 2, 4, 8] {
            for offset in 0...(original.count - width) {
                for fill: UInt8 in [0x00, 0x01, 0x7f, 0x80, 0xff] {
                    var bytes = original
                    bytes.replaceSubrange(offset..<offset + width, with: repeatElement(fill, count: width))
                    guard let state = try? read(bytes).snapshot else {
                        refused += 1
                        continue
                    }
                    #expect(state.miners.count <= 2 && state.pools.count <= 1)
                }
            }
        }
        #expect(refused > 500)
    }

    @Test func moreConnectionsThanBytesAreRefused() throws {
        var bytes = written(WorkerStateTests.full)
        let tag = try #require(bytes.firstRange(of: Array("MCON".utf8)))
        let count = tag.upperBound + 4 + 8
        bytes.replaceSubrange(count..<count + 4, with: [0x00, 0x10, 0, 0])
        #expect(fault(bytes) == .truncated)
        bytes.replaceSubrange(count..<count + 4, with: repeatElement(0xff, count: 4))
        #expect(fault(bytes) == .badField("worker.miners"))
    }
}
