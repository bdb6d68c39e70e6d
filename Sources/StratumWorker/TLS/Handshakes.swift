internal import Addresses
internal import EventLoop
internal import StratumSession
internal import TLSHandshake
internal import Telemetry

/// The TLS handshakes of the shard's miners. They cost a hundred times as much as a share, so their time in each turn of
/// the loop is limited, and those of a crowd wait in a line: the miners that are connected must not be delayed.
final class Handshakes {
    /// Handshakes that have begun and wait for their client; each holds some 40 KB. With clients that answer after 0.2 s
    /// it allows 2,500 a second, more than a core can do.
    static let begunMax = 512
    /// For the client of a handshake that has begun, before another one may take its place. 512 clients on one busy
    /// machine need a second.
    static let patience = Milliseconds.seconds(5)
    /// In each turn of the loop.
    private static let nanosecondsEachTurn: UInt64 = 4_000_000
    /// Until the next ones are done. Not 0: libuv would call a timer that starts itself with 0 again in the same turn,
    /// without end.
    private static let pauseMilliseconds: UInt64 = 1
    /// The same when all that wait need a place.
    private static let pauseWhenFullMilliseconds: UInt64 = 5

    /// Connections whose handshake is not complete.
    private(set) var count = 0
    /// Handshakes by their results, for the metrics.
    private(set) var counts = HandshakeCounts()
    private var spent: UInt64 = 0
    /// Addresses that are not tracked are one address here.
    private var line = HandshakeLine<Network?, MinerConnection>(begunMax: begunMax, patience: patience)
    private var wakeUp: Timer?

    /// - Parameter resume: called in a later turn while a handshake waits.
    func start(on loop: Loop, resume: @escaping () -> Void) {
        wakeUp = Timer(on: loop, fired: resume)
    }

    func close() { wakeUp?.close() }

    func count(_ result: HandshakeCounts.Result) { counts.count(result) }

    /// A connection has sent a hello.
    /// - Parameter traffic: before the handshake, including the bytes that are its beginning.
    func expect(_ connection: MinerConnection, traffic: Traffic) {
        connection.protection = .handshake(PendingHandshake(of: connection.source?.network, traffic: traffic))
        count += 1
    }

    /// Ends the handshake of a connection, if there is one.
    func forget(_ connection: MinerConnection) {
        guard case .handshake(let pending) = connection.protection else { return }
        connection.protection = .none
        count -= 1
        line.ends(connection, of: pending.address)
    }

    // MARK: - Time

    func spend(_ nanoseconds: UInt64) {
        spent += nanoseconds
        counts.nanoseconds += nanoseconds
    }

    func turnEnded() { spent = 0 }

    private var hasTime: Bool { spent < Handshakes.nanosecondsEachTurn }

    // MARK: - Order

    /// Whether the next step of a connection is done now. Otherwise it waits in the line.
    func mayContinue(_ connection: MinerConnection, _ pending: PendingHandshake, at now: Instant) -> Bool {
        if pending.hasBegun {
            guard !hasTime || line.hasSteps else { return true }
            line.append(step: connection)
        } else {
            guard !hasTime || !line.isEmpty || !line.hasPlace else {
                line.begins(connection, of: pending.address, at: now)
                return true
            }
            line.append(hello: connection, of: pending.address, at: now)
        }
        wakeUp?.startIfIdle(after: Handshakes.pauseMilliseconds)
        return false
    }

    /// The process has no room for a connection.
    /// - Parameter address: of the new connection; nil when it is not tracked.
    /// - Returns: a connection to close for it, that waits for its handshake to begin.
    func giveWay(to address: Network?, at now: Instant) -> MinerConnection? {
        line.giveWay(to: address, at: now) { $0.isInHandshake }
    }

    /// Does the steps that wait, as many as this turn has time for.
    /// - Parameters:
    ///   - step: continues or begins a handshake.
    ///   - end: ends a handshake that has begun, for another one.
    func resume(at now: Instant, step: (MinerConnection) -> Void, end: (MinerConnection) -> Void) {
        var isStuck = false
        while hasTime, !isStuck {
            switch line.next(at: now, isThere: { $0.isInHandshake }) {
            case .step(let connection): step(connection)
            case .hello(let connection, let other):
                if let other { end(other) }
                step(connection)
            case nil: isStuck = true
            }
        }
        guard !line.isEmpty else { return }
        wakeUp?.start(after: isStuck ? Handshakes.pauseWhenFullMilliseconds : Handshakes.pauseMilliseconds)
    }
}
