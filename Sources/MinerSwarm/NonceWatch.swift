/// Checks that no two miners search the same nonces, the essential guarantee of a proxy.
///
/// Two blobs that differ only in the nonce byte are parts of the same work. The miner that gets a part is remembered
/// while the work can still be in progress. A second miner with the same part is either a conflict (the first still
/// works on it) or a reuse (the first has left, but its nonces are searched again).
struct NonceWatch {
    /// A part of a job: the fingerprint of the blob with its lowest byte replaced by the nonce byte.
    struct Part: Hashable {
        fileprivate let key: UInt64

        init(work: UInt64, nonceByte: UInt8) {
            key = work & ~0xff | UInt64(nonceByte)
        }
    }

    private(set) var conflicts = 0
    private(set) var reuses = 0
    /// The current or last holder of each part, in two generations, so that old work is dropped.
    private var young: [Part: ConnectionID] = [:]
    private var old: [Part: ConnectionID] = [:]
    private let partsMax: Int

    /// - Parameter miners: the number of miners; two generations of four jobs per miner are remembered.
    init(miners: Int) {
        partsMax = max(1_024, miners * 4)
        young.reserveCapacity(partsMax)
    }

    /// Records that a connection got a part.
    /// - Parameter isWorking: whether an earlier holder still works on the part.
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
