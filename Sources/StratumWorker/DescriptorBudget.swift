/// How many connections there may be before descriptors run out.
///
/// At the limit itself nothing works any more: a lost pool could not be dialled, no name looked up, and libzmq (4.3.4)
/// ends the process when it cannot accept a restarted collector. So new miners are sent away while there is still
/// something left.
struct DescriptorBudget {
    /// For what is no connection of a miner or a pool: the standard streams, lifeline, log, bus and resolver take some
    /// thirty; as many are for pools that are dialled meanwhile.
    static let reserved = 64

    private let connectionsMax: Int

    /// - Parameters:
    ///   - limit: descriptors of this process.
    ///   - listening: those of them that are listening sockets.
    init(limit: UInt, listening: Int) {
        let limit = Int(clamping: limit)
        // Under an absurdly low limit few miners are better than none.
        connectionsMax = max(limit - DescriptorBudget.reserved - listening, limit / 4)
    }

    /// - Parameters:
    ///   - miners: connections of miners, those included that are being closed.
    ///   - pools: connections to pools, those included that are being made.
    func hasRoom(miners: Int, pools: Int) -> Bool {
        // Each upstream may have a pool and its backup; more may be needed for miners that are just logging in.
        let upstreams = (miners + 255) / 256 + 4
        return miners + max(pools, min(2 * upstreams, connectionsMax / 4)) < connectionsMax
    }
}
