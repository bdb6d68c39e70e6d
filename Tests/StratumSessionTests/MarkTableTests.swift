import Glibc
import StratumProtocol
import Testing

@testable import StratumSession

/// Where the marks of TLS connections are.
struct MarkTableTests {
    private static let miners = [0, 1, Limits.minersMax - 1].map { MinerID(index: UInt32($0), generation: 1) }
    private static let pools = [(0, 0), (0, 255), (4_095, 255), (4_096, 0), (Limits.upstreamsMax - 1, 255)].map {
        PoolConnectionID(upstream: UInt16($0.0), pool: UInt8($0.1), generation: 1)
    }

    @Test func eachConnectionHasAPlaceOfItsOwn() throws {
        let byteCount = 1 << 28
        let memory = UnsafeMutableRawBufferPointer(start: calloc(1, byteCount), count: byteCount)
        defer { free(memory.baseAddress) }
        let table = try #require(MarkTable(endOf: memory))
        for (number, id) in Self.miners.enumerated() { table[id] = UInt64(number) + 1 }
        for (number, id) in Self.pools.enumerated() { table[id] = UInt64(number) + 101 }
        #expect(Self.miners.map { table[$0] } == [1, 2, 3])
        #expect(Self.pools.map { table[$0] } == [101, 102, 103, 104, 105])
        // Those that older programs know are where those look for them: in the last 16 MiB.
        let former = memory.suffix(16 << 20)
        let start = former.startIndex
        #expect(memory.load(fromByteOffset: start, as: UInt64.self) == 1)
        #expect(memory.load(fromByteOffset: start + (8 << 20), as: UInt64.self) == 101)
        #expect(memory.load(fromByteOffset: byteCount - 8, as: UInt64.self) == 103)
    }
}
