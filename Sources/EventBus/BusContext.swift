internal import CZeroMQ

/// A ZeroMQ context: an I/O thread that moves the messages of all its sockets. One per process is enough. It belongs to
/// the thread that created it, like its sockets.
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

    /// Waits until closed sockets have sent their messages, at most a quarter of a second. Call it last before `exit`,
    /// which would drop them. Has no effect while a socket is open.
    public func finish() {
        // zmq_ctx_term would wait forever for an open socket.
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
