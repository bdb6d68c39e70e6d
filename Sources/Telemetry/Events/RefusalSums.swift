/// Sums of shares that the proxy refused, reported once a second: one event for each miner and reason.
///
/// A miner can have hundreds of shares refused per second at little cost for the proxy. One event for each share would
/// push the accepted shares of all other miners out of the ring (`EventLog`). No reader needs the time of a single
/// refusal: refusals are counted by miner, reason and minute. The first one of a second is not reported ahead of the
/// others: that would double the events of many miners, and the statistics lag by a second anyway.
///
/// The sums follow from the events appended before them and are part of the encoded state of the log, so that a
/// successor reports the same events with the same sequence numbers.
struct RefusalSums: Sendable {
    /// Sums in one second; when they are used up, all are reported at once. A miner has one or two sums, so this takes
    /// a shard with tens of thousands of miners, all of them refused. 5 MB when full.
    static let sumsMax = 65_536

    /// In the order of their first share. A sum that was reported completely stays, with the count 0, until
    /// `removeAll`.
    private(set) var sums: [ShareSettled] = []
    /// Indices into `sums` plus 1, by miner: open addressing, 0 = empty, at most half full.
    private var places: [UInt32] = []

    private static let placesMin = 256

    init() {}

    var isEmpty: Bool { sums.isEmpty }
    var isFull: Bool { sums.count >= RefusalSums.sumsMax }

    /// Adds a refused share. Allocates only while the table grows to the largest size it has needed.
    /// - Returns: a sum that has reached `ShareSettled.countMax` and must be reported now.
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

    /// Removes and returns a sum of a miner; nil when all its sums are reported.
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

    /// Removes all sums and keeps the memory.
    mutating func removeAll() {
        sums.removeAll(keepingCapacity: true)
        for place in places.indices { places[place] = 0 }
    }

    /// All sums of a miner start at the same slot. Miner keys are consecutive numbers; the multiplication spreads them.
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
    /// Whether both shares belong to the same sum.
    fileprivate func isLike(_ other: ShareSettled) -> Bool {
        miner == other.miner && reason == other.reason && isExpired == other.isExpired
    }
}

// MARK: - Coding

extension RefusalSums {
    /// One encoded sum: a count and the record of a share.
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
            // Each sum occurs once.
            guard add(share) == nil, sums.count == index + 1 else { throw .invalidField }
        }
    }
}
