/// Watches that no two miners search the same nonces: the promise that a proxy lives by.
///
/// Two blobs that differ in the nonce byte alone are the same work split up. Whoever gets such a part is remembered for
/// as long as the work may be going on; a second one that gets it is either a conflict (the first still works on it) or
/// a reuse (the first has left, but what it has searched is searched again).
struct NonceWatch {
    /// A part of some work: the blob's fingerprint without its lowest byte, and the nonce byte in its place.
    struct Part: Hashable {
        fileprivate let key: UInt64

        init(work: UInt64, nonceByte: UInt8) {
            key = work & ~0xff | UInt64(nonceByte)
        }
    }

    private(set) var conflicts = 0
    private(set) var reuses = 0
    /// Who has each part, or had it last. Two generations, so that old work is forgotten.
    private var young: [Part: ConnectionID] = [:]
    private var old: [Part: ConnectionID] = [:]
    private let partsMax: Int

    /// - Parameter miners: how many there are; four jobs for each are remembered, twice.
    init(miners: Int) {
        partsMax = max(1_024, miners * 4)
        young.reserveCapacity(partsMax)
    }

    /// A connection was given a part.
    /// - Parameter isWorking: whether an earlier holder still works on that part.
    mutating func took(_ part: Part, holder: ConnectionID, isWorking: (ConnectionID) -> Bool) {
        let earlier = young[part] ?? old[part]
        if let earlier, earlier != holder {
            if isWorking(earlier) { conflicts += 1 } else { reuses += 1 }
        }
        if young.count >= partsMax {
            swap(&young, &old)
            young.removeAll(keepingCapacity: true)
        }
        young[part] = holder
    }
}
