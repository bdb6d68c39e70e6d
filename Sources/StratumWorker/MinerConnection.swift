internal import EventLoop
internal import StratumSession

/// A miner's TCP connection: passes received bytes to the worker.
///
/// A TLS layer belongs between `didReceive` and the worker, and between the worker and `send`.
final class MinerConnection: TCPStream {
    /// The miner was disconnected with a reply; its further input is ignored.
    private var hasDeparted = false
    private var isPaused = false
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
        let room = (hasDeparted ? nil : worker.room(for: .minerBytes(id))) ?? super.memoryForReading()
        return UnsafeMutableRawBufferPointer(rebasing: room.prefix(MinerConnection.readBytesMax))
    }

    override func didReceive(_ chunk: UnsafeRawBufferPointer) {
        if chunk.count == MinerConnection.readBytesMax {
            stopReading()
            worker.miners.yield(self)
        }
        guard !hasDeparted else { return }
        worker.received(chunk, from: self)
    }

    /// Called in the next turn: reads what `didReceive` left.
    func readOn() {
        if !isPaused { startReading() }
    }

    /// Stops reading. The kernel's receive window then stops the miner.
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

    /// Shuts down this side of the connection after the queued bytes.
    func depart() {
        hasDeparted = true
        finish()
    }
}
