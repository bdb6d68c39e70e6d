internal import StratumSession

/// Connections that have not logged in, oldest first: they are the ones that have to go when there is no room, because an
/// honest miner logs in at once.
struct WaitingMiners {
    /// Of one shard. Each may have sent 16 KiB of a line that does not end.
    static let countMax = 4_096
    /// Younger ones stay: a farm that comes back needs a moment for its logins.
    static let patience = Milliseconds(1_000)

    private var ids: [MinerID] = []
    private var head = 0

    /// How many there are, some of whom may have logged in meanwhile.
    var count: Int { ids.count - head }

    mutating func append(_ id: MinerID) { ids.append(id) }

    /// Takes out the connection that has waited longest.
    /// - Parameter waitingSince: nil = it has logged in, or is gone.
    /// - Returns: nil when all that wait have come within `patience`.
    mutating func takeOldest(at now: Instant, waitingSince: (MinerID) -> Instant?) -> MinerID? {
        while head < ids.count {
            let id = ids[head]
            guard let since = waitingSince(id) else {
                head += 1
                continue
            }
            guard now >= since + WaitingMiners.patience else { break }
            head += 1
            return id
        }
        compact()
        return nil
    }

    /// Forgets those at the front that wait no more.
    mutating func prune(waitingSince: (MinerID) -> Instant?) {
        while head < ids.count, waitingSince(ids[head]) == nil { head += 1 }
        compact()
    }

    private mutating func compact() {
        guard head > 256, head > ids.count / 2 else { return }
        ids.removeFirst(head)
        head = 0
    }
}
