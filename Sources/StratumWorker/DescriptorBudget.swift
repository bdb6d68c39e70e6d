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

    /// - Parameter connections: of miners and pools together, now.
    func hasRoom(connections: Int) -> Bool { connections < connectionsMax }
}
