internal import CZeroMQ

/// One ZeroMQ context: an I/O thread that moves the messages of all sockets made from it. One per process is enough; it
/// belongs to the thread that made it, as its sockets do.
public final class BusContext {
    let raw: UnsafeMutableRawPointer
    var socketCount = 0
    private var isFinished = false

    public init() throws(BusFailure) {
        guard let raw = zmq_ctx_new() else { throw BusFailure(attempt: "new context") }
        self.raw = raw
    }

    deinit {
        finish()
    }

    /// Waits until what closed sockets still have to send is sent, at most a quarter of a second: the last thing before
    /// `exit`, which knows nothing of messages on their way. Does nothing while a socket is open.
    public func finish() {
        // zmq_ctx_term would wait for an open socket for ever.
        guard socketCount == 0, !isFinished else { return }
        isFinished = true
        zmq_ctx_term(raw)
    }

    /// "4.3.4"
    public static var zeroMQVersion: String {
        var parts: (Int32, Int32, Int32) = (0, 0, 0)
        zmq_version(&parts.0, &parts.1, &parts.2)
        return "\(parts.0).\(parts.1).\(parts.2)"
    }
}
