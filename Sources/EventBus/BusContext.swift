internal import CZeroMQ

/// One ZeroMQ context: an I/O thread that moves the messages of all sockets made from it. One per process is enough.
public final class BusContext {
    let raw: UnsafeMutableRawPointer

    public init() throws(BusFailure) {
        guard let raw = zmq_ctx_new() else { throw BusFailure(attempt: "new context") }
        self.raw = raw
    }

    /// Waits until what closed sockets still have to send is sent, at most their linger time. Every socket keeps its
    /// context, so none is open here.
    deinit {
        zmq_ctx_term(raw)
    }

    /// "4.3.4"
    public static var zeroMQVersion: String {
        var parts: (Int32, Int32, Int32) = (0, 0, 0)
        zmq_version(&parts.0, &parts.1, &parts.2)
        return "\(parts.0).\(parts.1).\(parts.2)"
    }
}
