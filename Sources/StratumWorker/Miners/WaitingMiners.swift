internal import StratumSession

/// Connections without login, oldest first. The oldest are closed when there is no room, because an honest miner logs
/// in at once.
struct WaitingMiners {
    /// For one shard. Each connection may have sent 16 KiB of an incomplete line.
    static let countMax = 4_096
    /// Younger connections are kept: a reconnecting farm needs a moment for its logins.
    static let patience = Milliseconds(1_000)

    private var ids: [MinerID] = []
    private var head = 0

    /// The number of connections, including some that have logged in meanwhile.
    var count: Int { ids.count - head }

    mutating func append(_ id: MinerID) { ids.append(id) }

    /// Removes the connection that has waited longest. Those in a TLS handshake have limits of their own and are passed
    /// over: they go to the end of the list, because their login has not been waited for.
    /// - Parameter waitingSince: nil when the connection has logged in or ended.
    /// - Returns: nil when all other connections are younger than `patience`.
    mutating func takeOldest(
        at now: Instant, waitingSince: (MinerID) -> Instant?, isInHandshake: (MinerID) -> Bool = { _ in false }
    ) -> MinerID? {
        var passed = 0
        while head < ids.count {
            let id = ids[head]
            guard let since = waitingSince(id) else {
                head += 1
                continue
            }
            if isInHandshake(id) {
                guard passed < WaitingMiners.passedMax else { break }
                passed += 1
                head += 1
                ids.append(id)
                continue
            }
            guard now >= since + WaitingMiners.patience else { break }
            head += 1
            return id
        }
        compact()
        return nil
    }

    /// Handshakes that one call passes over.
    private static let passedMax = 256

    /// Removes connections that no longer wait, up to the first one that does.
    mutating func prune(
        waitingSince: (MinerID) -> Instant?, isInHandshake: (MinerID) -> Bool = { _ in false }
    ) {
        for _ in 0..<count {
            let id = ids[head]
            if waitingSince(id) != nil {
                guard isInHandshake(id) else { break }
                ids.append(id)
            }
            head += 1
        }
        compact()
    }

    private mutating func compact() {
        guard head > 256, head > ids.count / 2 else { return }
        ids.removeFirst(head)
        head = 0
    }
}
