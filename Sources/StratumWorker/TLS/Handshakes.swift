internal import EventLoop
internal import TLSHandshake
internal import Telemetry

/// The TLS handshakes of the shard's miners. They cost a hundred times as much as a share, so their time in each turn of
/// the loop is limited, and those of a crowd wait in a line: the miners that are connected must not be delayed.
final class Handshakes {
    /// Handshakes that have begun and wait for their client; each holds some 40 KB. One more ends the oldest: at the
    /// rate of one core that one has had a quarter of a second, more than an honest client needs.
    static let begunMax = 1_024
    /// In each turn of the loop.
    private static let nanosecondsEachTurn: UInt64 = 4_000_000
    /// Until the next ones are done. Not 0: libuv would call a timer that starts itself with 0 again in the same turn,
    /// without end.
    private static let pauseMilliseconds: UInt64 = 1

    /// Handshakes by their results, for the metrics.
    private(set) var counts = HandshakeCounts()
    private var spent: UInt64 = 0
    /// In the order in which they began. Some have ended; `firstBegun` is the place of the oldest that may not have.
    private var begun: [MinerConnection] = []
    private var firstBegun = 0
    private var begunCount = 0
    /// Connections whose next step waits for another turn, oldest first.
    private var waiting: [MinerConnection] = []
    private var wakeUp: Timer?

    /// - Parameter resume: called in the next turn while a handshake waits.
    func start(on loop: Loop, resume: @escaping () -> Void) {
        wakeUp = Timer(on: loop, fired: resume)
    }

    func close() { wakeUp?.close() }

    func count(_ result: HandshakeCounts.Result) { counts.count(result) }

    // MARK: - Number

    /// A handshake begins.
    /// - Returns: the connection whose handshake must end for it.
    func begin(_ connection: MinerConnection) -> MinerConnection? {
        begun.append(connection)
        begunCount += 1
        defer { compact() }
        guard begunCount > Handshakes.begunMax else { return nil }
        while firstBegun < begun.count {
            let oldest = begun[firstBegun]
            firstBegun += 1
            if case .handshake = oldest.protection { return oldest }
        }
        return nil
    }

    /// Ends the handshake of a connection, if there is one.
    func forget(_ connection: MinerConnection) {
        guard case .handshake(let pending) = connection.protection else { return }
        connection.protection = .none
        if pending.hasBegun { begunCount -= 1 }
    }

    /// Removes those that have ended when they are most of the list.
    private func compact() {
        guard begun.count > 4 * Handshakes.begunMax else { return }
        begun = begun[firstBegun...].filter { if case .handshake = $0.protection { true } else { false } }
        firstBegun = 0
    }

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
