internal import EventLoop
internal import StratumSession
internal import Telemetry

/// The connections of miners, by their rows in the shard, and the lists of those that need attention.
final class MinerConnections {
    /// By `MinerID.index`.
    private var rows: [MinerConnection?] = []
    /// Disconnected, and given time to read the reply.
    var lingering = LingeringConnections()
    /// Without a login.
    var waiting = WaitingMiners()
    /// Whose login is read later, or which are watched until they log in.
    var arrivals = Arrivals()
    /// Connections closed by this process, by reason.
    var closed = ClosedConnections()
    /// Connections in rows with TLS 1.3, which outlives the process, and with an older one. They are counted when they
    /// change, because the figures are told each second: looking at 100,000 connections takes milliseconds.
    var tls: (kept: UInt32, notKept: UInt32) = (0, 0)
    /// With more input than is read in one turn.
    private var yielded: [MinerConnection] = []
    /// Whether a miner has not accepted all bytes sent to it.
    private var hasUnsentBytes = false

    /// The number of rows, with and without a connection.
    var rowCount: Int { rows.count }

    /// The connection of a row; nil when it has none.
    func connection(inRow row: Int) -> MinerConnection? { rows[row] }

    /// nil when the row belongs to another miner now.
    subscript(id: MinerID) -> MinerConnection? {
        let row = Int(id.index)
        guard row < rows.count, let connection = rows[row], connection.id == id else { return nil }
        return connection
    }

    /// In the order of their rows.
    var all: some Sequence<MinerConnection> { rows.lazy.compactMap(\.self) }

    func enter(_ connection: MinerConnection, as id: MinerID) {
        connection.id = id
        let row = Int(id.index)
        while rows.count <= row { rows.append(nil) }
        rows[row] = connection
    }

    /// Does not close the connection.
    func remove(_ connection: MinerConnection) {
        let row = Int(connection.id.index)
        guard row < rows.count, rows[row] === connection else { return }
        rows[row] = nil
        if connection.hasMark {
            tls.kept -= 1
        } else if case .stream = connection.protection {
            tls.notKept -= 1
        }
    }

    /// Closes all connections. The shard is not told.
    func closeAll() {
        for connection in rows { connection?.close() }
        rows.removeAll()
        lingering.closeAll()
    }

    // MARK: - Reading

    /// Leaves the connection's further bytes in the kernel until the next turn.
    func yield(_ connection: MinerConnection) { yielded.append(connection) }

    /// Called at the end of each turn.
    func readOn() {
        guard !yielded.isEmpty else { return }
        for connection in yielded { connection.readOn() }
        yielded.removeAll(keepingCapacity: true)
    }

    // MARK: - Unsent bytes

    /// A miner has not accepted all bytes that were sent to it.
    func noteUnsentBytes() { hasUnsentBytes = true }

    /// The connections with unsent bytes. nil when there was none last time and there is none now.
    func behind() -> [(connection: MinerConnection, bytes: Int)]? {
        guard hasUnsentBytes else { return nil }
        let behind = rows.compactMap { connection in
            connection.flatMap { $0.queuedBytes > 0 ? (connection: $0, bytes: $0.queuedBytes) : nil }
        }
        hasUnsentBytes = !behind.isEmpty
        return behind
    }
}
