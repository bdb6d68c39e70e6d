internal import EventLoop
internal import StratumSession

/// A miner's TCP connection: hands what arrives to the worker.
///
/// A TLS layer belongs between `didReceive` and the worker, and between the worker and `send`.
final class MinerConnection: TCPStream {
    /// It has been sent away: nothing that it says counts any more.
    private var hasDeparted = false
    private unowned let worker: Worker
    var id = MinerID(index: .max, generation: 0)

    init(on loop: Loop, worker: Worker) {
        self.worker = worker
        super.init(on: loop)
    }

    override func didConnect(_ failure: SystemFailure?) {
        failure == nil ? worker.accepted(self) : close()
    }

    override func memoryForReading() -> UnsafeMutableRawBufferPointer {
        guard !hasDeparted, let room = worker.room(for: .minerBytes(id)) else { return super.memoryForReading() }
        return room
    }

    override func didReceive(_ chunk: UnsafeRawBufferPointer) {
        guard !hasDeparted else { return }
        worker.received(chunk, as: .minerBytes(id))
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
