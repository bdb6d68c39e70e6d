internal import StratumProtocol

// What connections make the shard hold: unfinished lines, what was read of paused miners, and what miners said of themselves when
// they logged in. Each has its limit for one connection; this is the limit for all of them. Beyond it those connections are
// closed that hold the most. The sum is kept by difference wherever bytes are held or let go, so that a share costs no search.

extension Shard {
    /// Holds bytes of a connection that are not to be cut into lines yet.
    mutating func hold(_ bytes: Span<UInt8>, ofRow row: Int) {
        connectionStates[row].framer.hold(bytes)
        heldBytes += bytes.count
    }

    /// Takes out what is held of a connection's line, or of a paused connection.
    mutating func takeHeldBytes(ofRow row: Int) -> [UInt8] {
        let held = connectionStates[row].framer.takePartial()
        heldBytes -= held.count
        return held
    }

    /// Replaces or changes what is known of a connection.
    mutating func changeConnectionState(ofRow row: Int, _ change: (inout MinerConnectionState, inout AgentTable) -> Void) {
        heldBytes -= connectionStates[row].heldBytes
        change(&connectionStates[row], &agents)
        heldBytes += connectionStates[row].heldBytes
    }

    /// Closes the connections that hold the most, until all together hold `Limits.keptBytes`.
    mutating func closeLargest(at now: Instant) {
        // The most bytes first, and of equal ones the first row: both in one number.
        var order: [UInt64] = []
        order.reserveCapacity(connections)
        for row in miners.indices where miners[row].phase != .vacant {
            order.append(UInt64(connectionStates[row].heldBytes) << 32 | UInt64(UInt32.max - UInt32(row)))
        }
        order.sort(by: >)
        for entry in order {
            guard heldBytes > Limits.keptBytes else { return }
            let row = Int(UInt32.max - UInt32(truncatingIfNeeded: entry))
            let id = MinerID(index: UInt32(row), generation: miners[row].generation)
            close(id, .memory(held: Int(entry >> 32)), at: now)
        }
    }
}
