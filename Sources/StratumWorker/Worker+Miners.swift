internal import EventLoop
internal import StratumSession

// The connections of miners, by their names.
extension Worker {
    func enter(_ connection: MinerConnection, as id: MinerID) {
        connection.id = id
        let row = Int(id.index)
        while miners.count <= row { miners.append(nil) }
        miners[row] = connection
    }

    func miner(_ id: MinerID) -> MinerConnection? {
        let row = Int(id.index)
        guard row < miners.count, let connection = miners[row], connection.id == id else { return nil }
        return connection
    }

    /// The connection is broken or hopeless.
    func drop(_ connection: MinerConnection) {
        take(.minerClosed(connection.id))
        forget(connection)
        connection.close()
    }

    func forget(_ connection: MinerConnection) {
        let row = Int(connection.id.index)
        if row < miners.count, miners[row] === connection { miners[row] = nil }
    }
}
