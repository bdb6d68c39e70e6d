/// A share that a pool owes us the verdict on. Plain data: it can be written down and taken up by another process.
struct ShareInFlight {
    var requestID: Int64
    var miner: MinerID
    var minerKey: UInt64
    /// The id of the miner's own request.
    var minerRequestID: Int64
    var sentAt: Instant
    var difficulty: UInt64
    var creditedDifficulty: UInt64
    var actualDifficulty: UInt64
    var isExpired: Bool
}

/// The shares that a pool has not answered yet, found by request id. Pools answer nearly in order, so this is a ring:
/// request ids grow by one, and an id's place is its remainder.
struct SharesInFlight {
    private static let capacityMin = 16

    private var ring: [ShareInFlight?] = []
    /// Request ids in `oldest..<next` may be in flight.
    private var oldest: Int64 = 0
    private var next: Int64 = 0
    private(set) var count = 0

    /// When the share was sent that has waited longest; nil when none waits.
    var oldestSentAt: Instant? {
        count > 0 ? ring[place(of: oldest)]?.sentAt : nil
    }

    /// Whether another share may be sent.
    var hasRoom: Bool { next - oldest < Int64(Limits.sharesInFlightMax) }

    /// - Precondition: `hasRoom`, and request ids grow.
    mutating func insert(_ share: ShareInFlight) {
        if count == 0 { oldest = share.requestID }
        precondition(share.requestID >= next || count == 0, "request ids must grow")
        next = share.requestID + 1
        while next - oldest > Int64(ring.count) { grow() }
        ring[place(of: share.requestID)] = share
        count += 1
    }

    /// Takes out the share behind an answer; nil when no such request waits.
    mutating func remove(requestID: Int64) -> ShareInFlight? {
        guard count > 0, requestID >= oldest, requestID < next else { return nil }
        guard let share = ring[place(of: requestID)] else { return nil }
        ring[place(of: requestID)] = nil
        count -= 1
        while oldest < next, ring[place(of: oldest)] == nil { oldest += 1 }
        return share
    }

    /// Takes out all, oldest first: no answer will come any more.
    mutating func removeAll() -> [ShareInFlight] {
        guard count > 0 else { return [] }
        let all = (oldest..<next).compactMap { ring[place(of: $0)] }
        self = SharesInFlight()
        return all
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
