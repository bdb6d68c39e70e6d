internal import Telemetry

/// The counts of the 64 series of a page in one interval.
///
/// Encoded as one entry for each series with activity, ordered by slot: a byte with the slot in its lower six bits and
/// bit 6 set when the two counts of refusals follow; then accepted, hashes, rejected and invalid as varints (seven bits
/// per byte, the lowest first, bit 7 set when more follow). A worker with a few shares takes 5 to 7 bytes.
struct PointRow: Equatable {
    static let slotCount = 64
    private static let refusalsFollow: UInt8 = 0b0100_0000

    struct Counts: Equatable {
        var accepted: UInt64 = 0
        var rejected: UInt64 = 0
        var invalid: UInt64 = 0
        var hashes: UInt64 = 0

        var isZero: Bool { self == Counts() }

        mutating func add(_ other: Counts) {
            accepted.add(saturating: other.accepted)
            rejected.add(saturating: other.rejected)
            invalid.add(saturating: other.invalid)
            hashes.add(saturating: other.hashes)
        }
    }

    private(set) var counts = [Counts](repeating: Counts(), count: PointRow.slotCount)

    init() {}

    mutating func add(_ more: Counts, to slot: Int) {
        counts[slot].add(more)
    }

    mutating func add(_ other: PointRow) {
        for slot in counts.indices { counts[slot].add(other.counts[slot]) }
    }

    // MARK: - Coding

    var packed: [UInt8] {
        var bytes: [UInt8] = []
        for (slot, count) in counts.enumerated() where !count.isZero {
            let hasRefusals = count.rejected > 0 || count.invalid > 0
            bytes.append(UInt8(slot) | (hasRefusals ? PointRow.refusalsFollow : 0))
            bytes.append(varint: count.accepted)
            bytes.append(varint: count.hashes)
            if hasRefusals {
                bytes.append(varint: count.rejected)
                bytes.append(varint: count.invalid)
            }
        }
        return bytes
    }

    init(packed bytes: some Sequence<UInt8>) throws(UnreadableRow) {
        var rest = bytes.makeIterator()
        var slotsBefore = 0
        while let head = rest.next() {
            let slot = Int(head & 0b0011_1111)
            guard head & 0b1000_0000 == 0, slot >= slotsBefore else { throw UnreadableRow("a row of the history") }
            slotsBefore = slot + 1
            counts[slot].accepted = try PointRow.varint(&rest)
            counts[slot].hashes = try PointRow.varint(&rest)
            guard head & PointRow.refusalsFollow != 0 else { continue }
            counts[slot].rejected = try PointRow.varint(&rest)
            counts[slot].invalid = try PointRow.varint(&rest)
        }
    }

    private static func varint(_ bytes: inout some IteratorProtocol<UInt8>) throws(UnreadableRow) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 64, by: 7) {
            guard let byte = bytes.next() else { break }
            // The tenth byte has one significant bit.
            guard shift < 63 || byte <= 1 else { break }
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
        }
        throw UnreadableRow("a number in a row of the history")
    }
}

/// The location of a series. A row holds a page of 64 series, so a minute of ten thousand workers is 157 rows instead
/// of ten thousand.
struct SeriesPlace: Equatable {
    let page: Int64
    let slot: Int

    /// Numbers below this are the total and the shards, more shards than a service can have.
    private static let firstWorker: UInt64 = 1_024

    /// - Returns: nil for a shard number that no service has.
    init?(_ series: HistorySeries) {
        let number: UInt64
        switch series {
        case .total: number = 0
        case .shard(let shard):
            number = 1 + UInt64(shard)
            guard number < SeriesPlace.firstWorker else { return nil }
        case .worker(let id): number = SeriesPlace.firstWorker + UInt64(id)
        }
        page = Int64(number / UInt64(PointRow.slotCount))
        slot = Int(number % UInt64(PointRow.slotCount))
    }
}

extension [UInt8] {
    mutating func append(varint value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(rest))
    }
}

extension UInt64 {
    /// A pool can send any difficulty: a sum that would overflow saturates.
    mutating func add(saturating other: UInt64) {
        let (sum, overflow) = addingReportingOverflow(other)
        self = overflow ? .max : sum
    }
}
