/// The number of connections allowed before descriptors run out.
///
/// At the limit of descriptors itself, a lost pool could not be dialled, no name could be looked up, and libzmq (4.3.4)
/// ends the process when it cannot accept a restarted collector. So new miners are refused before that.
struct DescriptorBudget {
    /// Descriptors that are not for connections of miners or pools: the standard streams, lifeline, log, bus and
    /// resolver use about thirty. As many again are for pools that are being dialled.
    static let reserved = 64

    private let connectionsMax: Int

    /// - Parameters:
    ///   - limit: the descriptor limit of this process.
    ///   - listening: the number of its listening sockets.
    init(limit: UInt, listening: Int) {
        let limit = Int(clamping: limit)
        // With a very low limit, a few miners are better than none.
        connectionsMax = max(limit - DescriptorBudget.reserved - listening, limit / 4)
    }

    /// - Parameters:
    ///   - miners: connections of miners, including those being closed.
    ///   - pools: connections to pools, including those being opened.
    ///   - poolsForEach: how many connections to pools each miner needs of its own; 0 = up to 256 miners share one.
    func hasRoom(miners: Int, pools: Int, poolsForEach: Int = 0) -> Bool {
        // Each upstream may have a pool and its backup. Miners that are logging in may need more upstreams.
        let upstreams = (miners + 255) / 256 + 4
        let needed = poolsForEach > 0 ? miners * poolsForEach : min(2 * upstreams, connectionsMax / 4)
        return miners + max(pools, needed) < connectionsMax
    }
}
