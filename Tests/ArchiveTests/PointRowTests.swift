import Telemetry
import Testing

@testable import Archive

struct PointRowTests {
    @Test func aRowComesBackAsItWas() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            var row = PointRow()
            for slot in 0..<PointRow.slotCount where Bool.random(using: &random) {
                func number() -> UInt64 { UInt64.random(in: 0...UInt64.max) >> UInt64.random(in: 0...64) }
                row.add(
                    PointRow.Counts(accepted: number(), rejected: number(), invalid: number(), hashes: number()),
                    to: slot)
            }
            #expect(try PointRow(packed: row.packed) == row)
        }
    }

    @Test func itsBytesAreThoseOfTheDocument() {
        var row = PointRow()
        #expect(row.packed == [])
        row.add(PointRow.Counts(accepted: 3, hashes: 300), to: 5)
        row.add(PointRow.Counts(accepted: 0, rejected: 1, invalid: 128, hashes: 0), to: 63)
        #expect(row.packed == [5, 3, 0xAC, 2, 0x7F, 0, 0, 1, 0x80, 1])
    }

    @Test(arguments: [
        [5], [5, 3], [5, 0x80], [5, 3, 0xAC], [0x45, 3, 3], [0x45, 3, 3, 1],  // cut short
        [0x85, 3, 3],  // a bit that means nothing yet
        [6, 1, 1, 5, 1, 1], [5, 1, 1, 5, 1, 1],  // not ascending
        [5, 1] + [UInt8](repeating: 0xFF, count: 9) + [2],  // 2^64
        [5, 1] + [UInt8](repeating: 0x80, count: 10) + [0],
    ])
    func bytesThatNobodyWroteAreRefused(_ bytes: [UInt8]) {
        #expect(throws: UnreadableRow.self) { try PointRow(packed: bytes) }
    }

    @Test func anyBytesAreARowOrRefused() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            guard let row = try? PointRow(packed: bytes) else { continue }
            #expect((try? PointRow(packed: row.packed)) == row)
        }
    }

    @Test func sumsStayAtTheTop() {
        var row = PointRow()
        row.add(PointRow.Counts(accepted: 1, hashes: .max - 1), to: 0)
        row.add(PointRow.Counts(accepted: 1, hashes: 2), to: 0)
        #expect(row.counts[0] == PointRow.Counts(accepted: 2, hashes: .max))
    }

    @Test func everySeriesHasAPlaceOfItsOwn() throws {
        #expect(SeriesPlace(.total)?.page == 0 && SeriesPlace(.total)?.slot == 0)
        #expect(SeriesPlace(.shard(0))?.slot == 1)
        #expect(SeriesPlace(.shard(1_022))?.page == 15 && SeriesPlace(.shard(1_023)) == nil)
        #expect(SeriesPlace(.worker(0))?.page == 16 && SeriesPlace(.worker(0))?.slot == 0)
        #expect(SeriesPlace(.worker(.max))?.page == (1_024 + Int64(UInt32.max)) / 64)
    }
}
