/// Shares that the proxy refused, summed until they are told once a second: one event for each miner and reason.
///
/// A miner can have hundreds of shares refused in a second, and costs the proxy little by it. One event for each would push the
/// accepted shares of all others out of the ring (`EventLog`). No reader needs the moment of a single refusal: they are counted
/// by miner, reason and minute. The first one of a second is not told ahead of the others: that would double the events of a
/// crowd, and a second is what the statistics lag behind anyway.
///
/// The sums follow from the events appended before, and are part of the log's encoded state, so that a successor tells the same
/// events under the same numbers.
struct RefusalSums: Sendable {
    /// Sums in one second; one more, and all are told at once. A miner has one or two, so that it takes a shard of tens of thousands
    /// of miners that are all refused. They take 5 MB then.
    static let sumsMax = 65_536

    /// In the order in which they were begun. A sum of which all is told stays, with the count 0, until `removeAll`.
    private(set) var sums: [ShareSettled] = []
    /// The positions of the sums plus 1, by miner: open addressing, 0 is empty, at most half of it is used.
    private var places: [UInt32] = []

    private static let placesMin = 256

    init() {}

    var isEmpty: Bool { sums.isEmpty }
    var isFull: Bool { sums.count >= RefusalSums.sumsMax }

    /// Adds a refused share. Allocates only while the table grows to its largest second.
    /// - Returns: a sum that has reached `ShareSettled.countMax`, which is to be told now.
    mutating func add(_ share: ShareSettled) -> ShareSettled? {
        if sums.count * 2 >= places.count { grow() }
        var place = home(of: share.miner)
        while places[place] != 0 {
            let index = Int(places[place]) - 1
            if sums[index].isLike(share) {
                let count = sums[index].count + share.count
                sums[index] = share
                sums[index].count = count < ShareSettled.countMax ? count : 0
                guard count >= ShareSettled.countMax else { return nil }
                var full = share
                full.count = count
                return full
            }
            place = (place + 1) & (places.count - 1)
        }
        sums.append(share)
        places[place] = UInt32(sums.count)
        return nil
    }

    /// Takes out a sum of one miner; nil when all of its sums are told.
    mutating func takeNext(of miner: MinerKey) -> ShareSettled? {
        guard !sums.isEmpty else { return nil }
        var place = home(of: miner)
        while places[place] != 0 {
            let index = Int(places[place]) - 1
            if sums[index].miner == miner, sums[index].count > 0 {
                defer { sums[index].count = 0 }
                return sums[index]
            }
            place = (place + 1) & (places.count - 1)
        }
        return nil
    }

    /// Keeps the memory.
    mutating func removeAll() {
        sums.removeAll(keepingCapacity: true)
        for place in places.indices { places[place] = 0 }
    }

    /// The sums of one miner are neighbours. Miner keys are consecutive numbers, which the multiplication spreads.
    private func home(of miner: MinerKey) -> Int {
        Int(truncatingIfNeeded: (miner &* 0x9E37_79B9_7F4A_7C15) >> 32) & (places.count - 1)
    }

    private mutating func grow() {
        places = [UInt32](repeating: 0, count: max(places.count * 2, RefusalSums.placesMin))
        for index in sums.indices {
            var place = home(of: sums[index].miner)
            while places[place] != 0 { place = (place + 1) & (places.count - 1) }
            places[place] = UInt32(index + 1)
        }
    }
}

extension ShareSettled {
    /// Whether both are counted in one sum.
    fileprivate func isLike(_ other: ShareSettled) -> Bool {
        miner == other.miner && reason == other.reason && isExpired == other.isExpired
    }
}

// MARK: - Coding

extension RefusalSums {
    /// A count, and the record of a share.
    private static let writtenBytes = 4 + RecordLayout.shareBytes

    var snapshotBytes: Int { sums.isEmpty ? 0 : 4 + sums.count * RefusalSums.writtenBytes }

    func encode(to writer: inout ByteWriter) {
        guard !sums.isEmpty else { return }
        writer.integer(UInt32(sums.count))
        for sum in sums {
            writer.integer(sum.count)
            writer.append(byteCount: RecordLayout.shareBytes) { buffer in
                var record = RecordWriter(buffer)
                sum.encode(to: &record)
            }
        }
    }

    init(from reader: inout ByteReader) throws(DecodingFailure) {
        let count = Int(try reader.integer(UInt32.self))
        guard count > 0 else { throw .invalidField }
        guard count <= RefusalSums.sumsMax, count <= reader.remaining / RefusalSums.writtenBytes else { throw .tooLong }
        for index in 0..<count {
            let shares = try reader.integer(UInt32.self)
            guard shares < ShareSettled.countMax, case .share(var share) = try ShardEvent(from: &reader),
                share.outcome == .invalid
            else { throw .invalidField }
            share.count = shares
            // Each sum is there once.
            guard add(share) == nil, sums.count == index + 1 else { throw .invalidField }
        }
    }
}
