internal import EventLoop
internal import TLSHandshake
internal import Telemetry

/// The TLS handshakes of the shard's miners. Their number is limited, and so is their time in each turn of the loop:
/// they cost a hundred times as much as a share, and those of a crowd must not delay the miners that are connected.
final class Handshakes {
    /// More than a crowd of miners has at once in one shard: at 300 µs each they take a third of a second. Each holds
    /// some 40 KB.
    static let unfinishedMax = 1_024
    /// In each turn of the loop.
    private static let nanosecondsEachTurn: UInt64 = 4_000_000

    /// Until the next ones are done. Not 0: libuv would call a timer that starts itself with 0 again in the same turn,
    /// without end.
    private static let pauseMilliseconds: UInt64 = 1

    private(set) var unfinished = 0
    /// Handshakes by their results, for the metrics.
    private(set) var counts = HandshakeCounts()
    private var spent: UInt64 = 0
    /// Connections whose next step waits for another turn, oldest first.
    private var waiting: [MinerConnection] = []
    private var wakeUp: Timer?

    /// - Parameter resume: called in the next turn while a handshake waits.
    func start(on loop: Loop, resume: @escaping () -> Void) {
        wakeUp = Timer(on: loop, fired: resume)
    }

    func close() { wakeUp?.close() }

    /// Whether one more may begin.
    var hasRoom: Bool { unfinished < Handshakes.unfinishedMax }

    func begin(_ connection: MinerConnection, _ handshake: PendingHandshake) {
        connection.protection = .handshake(handshake)
        unfinished += 1
    }

    /// Ends the handshake of a connection, if there is one.
    func forget(_ connection: MinerConnection) {
        guard case .handshake = connection.protection else { return }
        connection.protection = .none
        unfinished -= 1
    }

    func count(_ result: HandshakeCounts.Result) { counts.count(result) }

    // MARK: - Time

    /// Whether a step may be done now.
    var hasTime: Bool { spent < Handshakes.nanosecondsEachTurn && waiting.isEmpty }

    func spend(_ nanoseconds: UInt64) {
        spent += nanoseconds
        counts.nanoseconds += nanoseconds
    }

    func turnEnded() { spent = 0 }

    /// The next step of this handshake waits for another turn.
    func wait(_ connection: MinerConnection) {
        waiting.append(connection)
        if waiting.count == 1 { wakeUp?.start(after: Handshakes.pauseMilliseconds) }
    }

    /// Does the steps that wait, as many as this turn has time for.
    func resume(_ step: (MinerConnection) -> Void) {
        let connections = waiting
        waiting = []
        var done = 0
        while done < connections.count, spent < Handshakes.nanosecondsEachTurn {
            step(connections[done])
            done += 1
        }
        waiting = connections[done...] + waiting
        if !waiting.isEmpty { wakeUp?.start(after: Handshakes.pauseMilliseconds) }
    }
}
