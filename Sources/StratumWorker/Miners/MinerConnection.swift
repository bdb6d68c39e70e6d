internal import EventLoop
internal import StratumSession
internal import TLSHandshake

/// A miner's TCP connection: passes received bytes to the worker.
final class MinerConnection: TCPStream {
    /// The miner was disconnected with a reply; its further input is ignored.
    private var hasDeparted = false
    private var isPaused = false
    /// The next step of its handshake waits for another turn.
    private var isHeld = false
    /// The shard seals its records: their mark is stored before they are sent.
    var hasMark = false {
        didSet { if hasMark { worker.miners.tls.kept += 1 } }
    }
    var protection = Protection.none {
        didSet { if case .stream = protection { worker.miners.tls.notKept += 1 } }
    }
    var isInHandshake: Bool { if case .handshake = protection { true } else { false } }
    private unowned let worker: Worker
    var id = MinerID(index: .max, generation: 0)
    /// The row of its address in the address table; nil when the address is not known yet, or not tracked.
    var source: PeerGate.Source?
    /// Delay before its login is read, because its address had too many logins.
    var delay = Milliseconds(0)
    /// A connection from a balancer whose PROXY header has not been read; the header has the miner's address.
    var awaitsHeader = false

    init(on loop: Loop, worker: Worker) {
        self.worker = worker
        super.init(on: loop)
    }

    override func didConnect(_ failure: SystemFailure?) {
        failure == nil ? worker.accepted(self) : close()
    }

    /// Bytes read from one miner in a turn of the loop, about 16 shares. The rest waits for the other miners.
    private static let readBytesMax = 4 * 1024
    /// Bytes that may be queued here for a miner that reads slowly: two of the longest lines. A job has 500 bytes.
    override var queueBytesMax: Int { 32 * 1024 }

    override func memoryForReading() -> UnsafeMutableRawBufferPointer {
        // Only what the shard is to read belongs in its log.
        let isLogged = if case .none = protection { !hasDeparted } else { false }
        let room = (isLogged ? worker.room(for: .minerBytes(id)) : nil) ?? super.memoryForReading()
        return UnsafeMutableRawBufferPointer(rebasing: room.prefix(MinerConnection.readBytesMax))
    }

    override func didReceive(_ chunk: UnsafeRawBufferPointer) {
        if chunk.count == MinerConnection.readBytesMax {
            stopReading()
            worker.miners.yield(self)
        }
        guard !hasDeparted else { return }
        switch protection {
        case .none: worker.received(chunk, from: self)
        case .handshake(let pending): worker.received(chunk, from: self, in: pending)
        case .stream(let stream): worker.received(chunk, from: self, in: stream)
        }
    }

    /// Sends what the shard has decided.
    func write(_ bytes: UnsafeRawBufferPointer) -> SendOutcome { send(bytes, through: protection) }

    /// Leaves further bytes in the kernel until `release`.
    func hold() {
        isHeld = true
        stopReading()
    }

    func release() {
        isHeld = false
        readOn()
    }

    /// Called in the next turn: reads what `didReceive` left.
    func readOn() {
        if !isPaused, !isHeld { startReading() }
    }

    /// Stops reading. The kernel's receive window then stops the miner.
    func pause() {
        isPaused = true
        stopReading()
    }

    func resume() {
        isPaused = false
        readOn()
    }

    override func didEnd(_ end: StreamEnd) {
        worker.ended(self)
    }

    /// Shuts down this side of the connection after the queued bytes.
    func depart() {
        hasDeparted = true
        endStream()
        finish()
    }

    /// Ignores further input. The miner is disconnected later.
    func ignore() { hasDeparted = true }

    /// Ends the TLS of this connection in good order, if the shard does not.
    func endStream() {
        if case .stream(let stream) = protection { send(record: stream.close()) }
    }
}
