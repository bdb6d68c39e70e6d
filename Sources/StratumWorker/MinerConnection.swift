internal import EventLoop
internal import StratumSession

/// A miner's TCP connection: hands what arrives to the worker.
///
/// A TLS layer belongs between `didReceive` and the worker, and between the worker and `send`.
final class MinerConnection: TCPStream {
    /// It has been sent away: nothing that it says counts any more.
    private var hasDeparted = false
    private var isPaused = false
    private unowned let worker: Worker
    var id = MinerID(index: .max, generation: 0)
    /// Its address in the machine's table; nil when that is not known yet, or not tracked.
    var source: PeerGate.Source?
    /// Until its login is read: its address has had too many.
    var delay = Milliseconds(0)
    /// A balancer's, whose header has not been read: whose connection it is says the header.
    var awaitsHeader = false

    init(on loop: Loop, worker: Worker) {
        self.worker = worker
        super.init(on: loop)
    }

    override func didConnect(_ failure: SystemFailure?) {
        failure == nil ? worker.accepted(self) : close()
    }

    /// What is read of one miner in a turn of the loop: some 16 shares. A miner that sends more waits for the others.
    private static let readBytesMax = 4 * 1024
    /// What may wait for a miner that is slow to read, beside what the kernel holds for it: two of our longest lines. A job
    /// has 500 bytes.
    override var queueBytesMax: Int { 32 * 1024 }

    override func memoryForReading() -> UnsafeMutableRawBufferPointer {
        let room = (hasDeparted ? nil : worker.room(for: .minerBytes(id))) ?? super.memoryForReading()
        return UnsafeMutableRawBufferPointer(rebasing: room.prefix(MinerConnection.readBytesMax))
    }

    override func didReceive(_ chunk: UnsafeRawBufferPointer) {
        if chunk.count == MinerConnection.readBytesMax {
            stopReading()
            worker.yield(self)
        }
        guard !hasDeparted else { return }
        worker.received(chunk, from: self)
    }

    /// The next turn: reads what `didReceive` has left.
    func readOn() {
        if !isPaused { startReading() }
    }

    /// Leaves what the miner sends in the kernel, whose window then stops the miner.
    func pause() {
        isPaused = true
        stopReading()
    }

    func resume() {
        isPaused = false
        startReading()
    }

    override func didEnd(_ end: StreamEnd) {
        worker.ended(self)
    }

    /// Ends our side of the connection behind what was sent.
    func depart() {
        hasDeparted = true
        finish()
    }
}
