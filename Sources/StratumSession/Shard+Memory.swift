internal import StratumProtocol

// The memory that connections make the shard hold: unfinished lines, chunks of paused miners, and login data. Each has
// a limit for one connection; this is the limit for all of them. Beyond it the connections that hold the most are
// closed. The sum is updated wherever bytes are held or released, so that a share costs no search.

extension Shard {
    /// Holds bytes of a connection that are not to be split into lines yet.
    mutating func hold(_ bytes: Span<UInt8>, ofRow row: Int) {
        connectionStates[row].framer.hold(bytes)
        heldBytes += bytes.count
    }

    /// Removes and returns the unfinished line of a connection, or the held bytes of a paused one.
    mutating func takeHeldBytes(ofRow row: Int) -> [UInt8] {
        let held = connectionStates[row].framer.takePartial()
        heldBytes -= held.count
        return held
    }

    /// Changes the state of a connection, and updates the sum.
    mutating func changeConnectionState(
        ofRow row: Int, _ change: (inout MinerConnectionState, inout AgentTable) -> Void
    ) {
        heldBytes -= connectionStates[row].heldBytes
        change(&connectionStates[row], &agents)
        heldBytes += connectionStates[row].heldBytes
    }

    /// Closes the connections that hold the most, until all together hold `Limits.keptBytes`.
    mutating func closeLargest(at now: Instant) {
        // The most bytes first, then the lowest row: both in one number.
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
