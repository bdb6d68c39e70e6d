internal import Configuration
internal import EventLoop
internal import StratumProtocol
internal import StratumSession
internal import Telemetry

/// A miner's TCP connection: cuts what arrives into lines and hands them to the worker.
///
/// A TLS layer belongs between `didReceive` and `read`, and between the worker and `send`.
final class MinerConnection: TCPStream {
    private unowned let worker: Worker
    var id = MinerID(index: .max, generation: 0)
    private var framer = LineFramer(lineBytesMax: LineFramer.minerLineBytesMax)
    /// Who it says it is; nil before its login.
    var identity: MinerIdentity?
    /// As the collector knows it; nil before it has its first job.
    var joined: MinerJoined?
    private(set) var sentBytes: UInt64 = 0
    private(set) var receivedBytes: UInt64 = 0
    /// It has been sent away: nothing that it says counts any more.
    private var hasDeparted = false

    init(on loop: Loop, worker: Worker) {
        self.worker = worker
        super.init(on: loop)
    }

    override func didConnect(_ failure: SystemFailure?) {
        failure == nil ? worker.accepted(self) : close()
    }

    override func didReceive(_ chunk: UnsafeRawBufferPointer) {
        receivedBytes &+= UInt64(chunk.count)
        chunk.withMemoryRebound(to: UInt8.self) { read($0.span) }
    }

    override func didEnd(_ end: StreamEnd) {
        worker.ended(self)
    }

    /// Sends whole lines, and counts them.
    func write(_ bytes: UnsafeRawBufferPointer) -> SendOutcome {
        let outcome = send(bytes)
        switch outcome {
        case .sent, .queued: sentBytes &+= UInt64(bytes.count)
        case .overflow, .closed: break
        }
        return outcome
    }

    /// Ends our side of the connection behind what was sent.
    func depart() {
        hasDeparted = true
        finish()
    }

    private func read(_ chunk: Span<UInt8>) {
        guard !hasDeparted else { return }
        let now = worker.now
        do throws(PeerFault) {
            try framer.feed(chunk) { line in
                worker.received(line, from: self, at: now)
                return !isClosed
            }
        } catch {
            worker.faulted(self, error)
        }
        worker.perform()
    }
}

/// What a miner said of itself when it logged in, as far as it is remembered.
struct MinerIdentity {
    /// Its row in the workers table; nil when there is none.
    let worker: String?
    let ip: String
    let agent: String
    let user: String
    let rigID: String

    /// The naming rules of behaviour.md §13.
    init(_ login: LoginRequest, ip: String, naming: Settings.WorkerNaming) {
        self.ip = ip
        agent = login.agent ?? ""
        user = login.login
        rigID = login.rigID ?? ""
        worker =
            switch naming {
            case .none: nil
            case .rigID: login.rigID.flatMap { $0.isEmpty ? nil : $0 } ?? login.login
            case .user: login.login
            case .password: login.password ?? "unknown"
            case .agent: login.agent ?? "unknown"
            case .ip: ip
            }
    }
}
