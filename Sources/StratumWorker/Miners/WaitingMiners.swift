internal import StratumSession

/// Connections without login, oldest first. The oldest are closed when there is no room, because an honest miner logs
/// in at once.
struct WaitingMiners {
    /// For one shard. Each connection may have sent 16 KiB of an incomplete line.
    static let countMax = 4_096
    /// Younger connections are kept: a reconnecting farm needs a moment for its logins.
    static let patience = Milliseconds(1_000)

    /// What a connection without a login does.
    enum State {
        /// A TLS handshake, which has limits of its own (`Handshakes`).
        case handshake
        case login(since: Instant)
    }

    private var ids: [MinerID] = []
    private var head = 0

    /// The number of connections, including some that have logged in meanwhile.
    var count: Int { ids.count - head }

    mutating func append(_ id: MinerID) { ids.append(id) }

    /// Removes the connection that has waited longest for its login.
    /// - Parameter state: nil when the connection has logged in or ended.
    /// - Returns: nil when all such connections are younger than `patience`.
    mutating func takeOldest(at now: Instant, state: (MinerID) -> State?) -> MinerID? {
        guard let oldest = first(passing: WaitingMiners.passedMax, state), now >= oldest.since + WaitingMiners.patience
        else {
            compact()
            return nil
        }
        head += 1
        return oldest.id
    }

    /// Handshakes that one call passes over.
    private static let passedMax = 256

    /// Removes connections that no longer wait, up to the first one that waits for its login.
    mutating func prune(state: (MinerID) -> State?) {
        _ = first(passing: .max, state)
        compact()
    }

    /// The first connection that waits for its login. Those before it that do not wait are removed; those in a handshake
    /// go to the end, because their login has not been waited for.
    /// - Returns: nil when there is none, or more handshakes than `passedMax` are before it.
    private mutating func first(passing passedMax: Int, _ state: (MinerID) -> State?) -> (id: MinerID, since: Instant)?
    {
        var (passed, firstPassed) = (0, MinerID?.none)
        while head < ids.count {
            let id = ids[head]
            switch state(id) {
            case nil: break
            case .handshake:
                guard passed < passedMax, id != firstPassed else { return nil }
                passed += 1
                firstPassed = firstPassed ?? id
                ids.append(id)
            case .login(let since): return (id, since)
            }
            head += 1
        }
        return nil
    }

    private mutating func compact() {
        guard head > 256, head > ids.count / 2 else { return }
        ids.removeFirst(head)
        head = 0
    }
}
