internal import CLibuv
internal import Glibc

/// Accepts connections on a listening socket that was opened elsewhere (`ListeningSocket.open`, or inherited).
public final class TCPListener {
    private let raw: UnsafeMutablePointer<uv_tcp_t>
    private let loop: Loop
    private let makeStream: (Loop) -> TCPStream?
    private var isClosed = false

    /// - Parameters:
    ///   - descriptor: a listening socket; the listener owns it from here on.
    ///   - makeStream: called once for each connection that waits. The listener accepts into the stream that it
    ///     returns and calls its `didConnect`. With nil the connection is accepted and closed at once.
    public init(
        on loop: Loop, descriptor: Int32, makeStream: @escaping (Loop) -> TCPStream?
    ) throws(SystemFailure) {
        self.loop = loop
        self.makeStream = makeStream
        raw = makeHandle(uv_tcp_t.self)
        let initialised = uv_tcp_init(loop.raw, raw)
        guard initialised == 0 else {
            isClosed = true
            free(raw)
            throw SystemFailure(code: initialised)
        }
        adopt(raw, self)
        do throws(SystemFailure) {
            try SystemFailure.check(uv_tcp_open(raw, descriptor))
            try SystemFailure.check(
                uv_listen(stream(raw), ListeningSocket.backlog) { raw, status in
                    guard let raw, status == 0 else { return }
                    owner(of: raw, as: TCPListener.self).accept()
                })
        } catch {
            close()
            throw error
        }
    }

    public func close() {
        guard !isClosed else { return }
        isClosed = true
        closeHandle(raw)
    }

    private func accept() {
        let accepted = makeStream(loop)
        let target = accepted ?? TCPStream(on: loop)
        let result = uv_accept(stream(raw), stream(target.raw))
        guard result == 0, accepted != nil else {
            target.close()
            return
        }
        target.accepted()
    }
}
