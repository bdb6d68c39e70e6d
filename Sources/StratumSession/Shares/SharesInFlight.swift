internal import StratumProtocol

/// A share that waits for a pool's verdict. It is plain data that can be encoded.
struct ShareInFlight {
    var requestID: Int64
    var miner: MinerID
    var minerKey: UInt64
    /// The id of the miner's own request.
    var minerRequestID: RequestID
    var sentAt: Instant
    var difficulty: UInt64
    var creditedDifficulty: UInt64
    var actualDifficulty: UInt64
    var isExpired: Bool
}

/// The shares that a pool has not answered yet, by request id. Pools answer nearly in order, so this is a ring: request
/// ids grow by one, and an id's position is its remainder.
struct SharesInFlight {
    private static let capacityMin = 16

    private var ring: [ShareInFlight?] = []
    /// Request ids in `oldest..<next` may be in flight.
    private var oldest: Int64 = 0
    private var next: Int64 = 0
    private(set) var count = 0

    /// When the oldest share in flight was sent; nil when there is none.
    var oldestSentAt: Instant? {
        count > 0 ? ring[place(of: oldest)]?.sentAt : nil
    }

    /// All shares have a lower id.
    var requestIDBound: Int64 { next }

    /// The number of ring entries, including vacant ones.
    var ringCount: Int { ring.count }

    /// Whether another share may be sent.
    var hasRoom: Bool { next - oldest < Int64(Limits.sharesInFlightMax) }

    /// The share of a request; nil when it is not in flight.
    func share(of requestID: Int64) -> ShareInFlight? {
        guard count > 0, requestID >= oldest, requestID < next else { return nil }
        return ring[place(of: requestID)]
    }

    func hasShare(of miner: MinerID) -> Bool {
        count > 0 && (oldest..<next).contains { ring[place(of: $0)]?.miner == miner }
    }

    /// - Precondition: `hasRoom`, and a larger request id than all before.
    mutating func insert(_ share: ShareInFlight) {
        if count == 0 { oldest = share.requestID }
        precondition(share.requestID >= next || count == 0, "request ids must grow")
        next = share.requestID + 1
        while next - oldest > Int64(ring.count) { grow() }
        ring[place(of: share.requestID)] = share
        count += 1
    }

    /// Removes and returns the share of an answered request; nil when it is not in flight.
    mutating func remove(requestID: Int64) -> ShareInFlight? {
        guard let share = share(of: requestID) else { return nil }
        ring[place(of: requestID)] = nil
        count -= 1
        while oldest < next, ring[place(of: oldest)] == nil { oldest += 1 }
        return share
    }

    /// Removes and returns all shares, oldest first.
    mutating func removeAll() -> [ShareInFlight] {
        guard count > 0 else { return [] }
        let all = (oldest..<next).compactMap { ring[place(of: $0)] }
        self = SharesInFlight()
        return all
    }

    /// Unordered.
    var all: some Sequence<ShareInFlight> { ring.lazy.compactMap { $0 } }

    /// Applies `change`, which sets new ids of miners, to each share.
    mutating func rename(_ change: (inout ShareInFlight) -> Void) {
        for place in ring.indices {
            guard var share = ring[place] else { continue }
            change(&share)
            ring[place] = share
        }
    }

    private mutating func grow() {
        var larger = [ShareInFlight?](repeating: nil, count: max(SharesInFlight.capacityMin, ring.count * 2))
        for share in ring {
            guard let share else { continue }
            larger[Int(share.requestID) & (larger.count - 1)] = share
        }
        ring = larger
    }

    private func place(of requestID: Int64) -> Int {
        Int(requestID) & (ring.count - 1)
    }
}

// MARK: - Coding

extension SharesInFlight {
    /// The length of a row, and of a row from a program that supported only integers as miners' request ids.
    static let rowBytes = 131
    private static let rowBytesMin = 65

    func encode(to writer: inout BinaryWriter) {
        writer.integer(oldest)
        writer.integer(next)
        writer.integer(UInt32(count))
        writer.integer(UInt16(SharesInFlight.rowBytes))
        guard count > 0 else { return }
        for requestID in oldest..<next {
            guard let share = ring[place(of: requestID)] else { continue }
            writer.integer(share.requestID)
            writer.integer(share.miner.index)
            writer.integer(share.miner.generation)
            writer.integer(share.minerKey)
            writer.integer(share.minerRequestID.bits)
            writer.integer(share.sentAt.microseconds)
            writer.integer(share.difficulty)
            writer.integer(share.creditedDifficulty)
            writer.integer(share.actualDifficulty)
            writer.flag(share.isExpired)
            encode(share.minerRequestID, to: &writer)
        }
    }

    init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        let oldest = try reader.integer(in: 0...PoolSession.requestIDMax, "share.oldest")
        let next = try reader.integer(in: oldest...PoolSession.requestIDMax, "share.next")
        // Keepalives use ids too, so the range can be larger than the number of shares.
        guard next - oldest <= 2 * Int64(Limits.sharesInFlightMax) else { throw .badField("share.next") }
        let entries = try reader.entryCount(
            max: Limits.sharesInFlightMax, bytesMin: SharesInFlight.rowBytesMin, "shares")
        // The rows of a newer program may be longer.
        let rowBytes = Int(try reader.integer(in: UInt16(SharesInFlight.rowBytesMin)...1_024, "shares.rowBytes"))
        self.oldest = oldest
        self.next = oldest
        for _ in 0..<entries {
            var row = BinaryReader(try reader.raw(rowBytes))
            var share = ShareInFlight(
                requestID: try row.integer(in: self.next...PoolSession.requestIDMax, "share.id"),
                miner: MinerID(index: try row.integer(), generation: try row.integer()),
                minerKey: try row.integer(), minerRequestID: .integer(try row.integer()),
                sentAt: Instant(microseconds: try row.integer()), difficulty: try row.integer(),
                creditedDifficulty: try row.integer(), actualDifficulty: try row.integer(),
                isExpired: try row.flag())
            if row.remaining > 0 {
                share.minerRequestID = try SharesInFlight.requestID(&row, bits: share.minerRequestID.bits)
            }
            // The first share is the oldest one, and ids grow and are below `next`.
            guard share.requestID < next, count > 0 || share.requestID == oldest else { throw .badField("share.id") }
            insert(share)
        }
        self.next = next
        while next - oldest > Int64(ring.count), entries > 0 { grow() }
    }

    /// Encodes the parts of an id after its bits. Rows have one length, so a string takes the room of the longest.
    private func encode(_ id: RequestID, to writer: inout BinaryWriter) {
        let text = id.text ?? RequestID.Text()
        writer.integer(id.kind.rawValue)
        writer.integer(UInt8(text.count))
        for position in 0..<RequestID.textBytesMax { writer.integer(position < text.count ? text[position] : 0) }
    }

    private static func requestID(_ row: inout BinaryReader, bits: Int64) throws(DecodingFault) -> RequestID {
        let kind = RequestID.Kind(rawValue: try row.integer())
        let count = Int(try row.integer(in: 0...UInt8(RequestID.textBytesMax), "share.idLength"))
        let bytes = try row.raw(RequestID.textBytesMax)[..<count]
        let text = bytes.withMemoryRebound(to: UInt8.self) { RequestID.Text($0.span) } ?? RequestID.Text()
        guard let kind, let id = RequestID(kind, bits: bits, text: text) else { throw .badField("share.minerID") }
        return id
    }
}
