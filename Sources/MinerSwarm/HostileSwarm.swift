internal import EventLoop
internal import HostileInput
internal import PracticeTLS
internal import StratumProtocol

/// The counts of a hostile run. The peer's answers are not judged: it can send or close anything, as long as it runs
/// and accepts connections.
struct HostileReport: Codable, Sendable {
    var pid: Int32 = 0
    var seconds: Double = 0
    /// Malformed messages sent.
    var inputs = 0
    var connectionsMade = 0
    /// Failed attempts by error text: more than a few mean that the peer is down.
    var connectionsFailed: [String: Int] = [:]
    var closedByPeer = 0
    var closedByUs = 0
    var bytesReceived = 0

    var line: String {
        "inputs \(inputs), connections \(connectionsMade), failed \(connectionsFailed.values.reduce(0, +))"
            + ", closed by the other end \(closedByPeer), by the swarm \(closedByUs)"
    }
}

/// The protocol that the malformed messages resemble.
enum HostileSample: String, CaseIterable, Sendable {
    case miner, http

    /// Valid messages in the order in which a client sends them.
    var messages: [[UInt8]] {
        switch self {
        case .miner:
            var login: [UInt8] = []
            LoginPattern().append(miner: 1, to: &login)
            let zeros = String(repeating: "0", count: 64)
            return [
                login,
                Array(
                    """
                    {"id":16,"jsonrpc":"2.0","method":"submit","params":{"id":"0011223344556677","job_id":"0000000100000001",\
                    "nonce":"00000001","result":"\(zeros)","algo":"rx/0"}}\n
                    """.utf8),
                Array(
                    #"{"id":2,"jsonrpc":"2.0","method":"keepalived","params":{"id":"0011223344556677"}}"#.utf8) + [
                        0x0a
                    ],
            ]
        case .http:
            return [
                "GET / HTTP/1.1\r\nHost: localhost:80\r\nAuthorization: Bearer x\r\n\r\n",
                "GET /1/workers?a=b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                "POST /json_rpc HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18\r\n\r\n{\"id\":1,\"method\":2}",
                "OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n",
            ].map { (text: String) in Array(text.utf8) }
        }
    }
}

/// Keeps a number of misbehaving connections open until enough input was sent.
final class HostileSwarm {
    private let loop: Loop
    private let target: SocketAddress
    private let sample: HostileSample
    private let input: HostileInput
    private let inputsMax: Int
    private var generator: SplitMix
    private var live: [HostileConnection] = []
    private let liveMax: Int
    private let startedNanos: UInt64
    private(set) var counts = HostileReport()

    /// Consecutive failed attempts, one per millisecond, after which the peer counts as down.
    private static let failuresMax = 3_000

    private var failuresInARow = 0

    init(
        on loop: Loop, target: SocketAddress, sample: HostileSample, kinds: [HostileKind], connections: Int,
        inputs: Int,
        seed: UInt64
    ) {
        self.loop = loop
        self.target = target
        self.sample = sample
        input = HostileInput(kinds: kinds)
        liveMax = connections
        inputsMax = inputs
        generator = SplitMix(seed: seed)
        startedNanos = loop.nanoseconds
    }

    /// True when the peer no longer accepts connections.
    var isHopeless: Bool { failuresInARow >= Self.failuresMax }

    var isDone: Bool { inputsMax > 0 && counts.inputs >= inputsMax }

    func report() -> HostileReport {
        var report = counts
        report.seconds = Double(loop.nanoseconds - startedNanos) / 1e9
        return report
    }

    /// Closes expired connections and opens missing ones.
    func tick() {
        let now = loop.nanoseconds / 1_000_000
        for connection in live where connection.endMillis <= now {
            counts.closedByUs += 1
            remove(connection)
        }
        while live.count < liveMax, !isDone {
            guard open(now: now) else { break }
        }
    }

    func close() {
        for connection in live { connection.close() }
        live.removeAll()
    }

    private func open(now: UInt64) -> Bool {
        let manner = HostileConnection.Manner.allCases.randomElement(using: &generator) ?? .hasty
        let life = UInt64.random(in: manner.lifeMillis, using: &generator)
        let connection = HostileConnection(on: loop, manner: manner, endMillis: now + life, swarm: self)
        connection.place = live.count
        live.append(connection)
        do throws(SystemFailure) {
            try connection.connect(to: target)
            return true
        } catch {
            couldNotConnect(connection, error)
            return false
        }
    }

    func couldNotConnect(_ connection: HostileConnection, _ failure: SystemFailure) {
        counts.connectionsFailed.count(failure.description)
        failuresInARow += 1
        remove(connection)
    }

    func connected(_ connection: HostileConnection) {
        counts.connectionsMade += 1
        failuresInARow = 0
        let good = sample.messages
        if connection.manner.beginsWell, !say(good[0], on: connection) { return }
        let amount = connection.manner == .deaf ? 64 : Int.random(in: 1...4, using: &generator)
        for _ in 0..<amount {
            let message = good[Int.random(in: 0..<good.count, using: &generator)]
            switch connection.manner {
            case .mute: return
            case .deaf:
                guard say(message, on: connection) else { return }
            case .patient, .hasty, .loggedIn:
                counts.inputs += 1
                guard say(input.next(like: message, using: &generator), on: connection) else { return }
            case .half:
                counts.inputs += 1
                _ = say(Array(message.prefix(message.count / 2)), on: connection)
                return
            }
        }
    }

    func received(_ count: Int) {
        counts.bytesReceived += count
    }

    func ended(_ connection: HostileConnection) {
        counts.closedByPeer += 1
        remove(connection)
    }

    private func say(_ bytes: [UInt8], on connection: HostileConnection) -> Bool {
        switch bytes.withUnsafeBytes({ connection.send($0) }) {
        case .sent, .queued: return true
        // `didEnd` follows. Most of an overflowing message has been sent, and the connection stays open.
        case .closed, .overflow: return false
        }
    }

    private func remove(_ connection: HostileConnection) {
        guard connection.place < live.count, live[connection.place] === connection else { return }
        if Bool.random(using: &generator) { connection.reset() } else { connection.close() }
        live.swapAt(connection.place, live.count - 1)
        live.removeLast()
        if connection.place < live.count { live[connection.place].place = connection.place }
    }
}

/// A misbehaving connection.
final class HostileConnection: TCPStream {
    enum Manner: CaseIterable {
        /// Sends malformed messages and waits.
        case patient
        /// Sends malformed messages and disconnects.
        case hasty
        /// Logs in first, then sends malformed messages.
        case loggedIn
        /// Sends half a message and waits.
        case half
        /// Sends nothing.
        case mute
        /// Sends many requests and never reads.
        case deaf

        /// How long it stays connected if the peer does not close it.
        var lifeMillis: ClosedRange<UInt64> {
            switch self {
            case .hasty: 1...5
            case .patient, .loggedIn: 5...100
            // Long enough for many at a time, short enough not to occupy all connections.
            case .half, .mute, .deaf: 50...500
            }
        }

        var beginsWell: Bool { self == .loggedIn || self == .deaf }
    }

    let manner: Manner
    let endMillis: UInt64
    /// Its index in `HostileSwarm.live`.
    var place = 0
    private unowned let swarm: HostileSwarm

    init(on loop: Loop, manner: Manner, endMillis: UInt64, swarm: HostileSwarm) {
        self.manner = manner
        self.endMillis = endMillis
        self.swarm = swarm
        super.init(on: loop)
    }

    override func didConnect(_ failure: SystemFailure?) {
        if let failure { return swarm.couldNotConnect(self, failure) }
        if manner != .deaf { startReading() }
        swarm.connected(self)
    }

    override func didReceive(_ chunk: UnsafeRawBufferPointer) {
        swarm.received(chunk.count)
    }

    override func didEnd(_ end: StreamEnd) {
        swarm.ended(self)
    }
}
