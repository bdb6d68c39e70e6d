internal import CLibuv
internal import Glibc

/// Accepts connections on a listening socket that was opened elsewhere (`ListeningSocket.open`, or inherited).
///
/// When it cannot accept (no descriptor is left), libuv would retry at once, without end. The listener then closes its
/// handle and starts again after a pause; new connections wait in the kernel's queue.
public final class TCPListener {
    /// The pause after a failed accept.
    public static let restMilliseconds: UInt64 = 500

    private let loop: Loop
    private let makeStream: (Loop) -> TCPStream?
    private let cannotAccept: (SystemFailure) -> Void
    /// A duplicate of the socket that no handle uses: after a pause there may be no descriptor left for a duplicate.
    private var spare: Int32
    private var raw: UnsafeMutablePointer<uv_tcp_t>?
    private var rest: Timer?
    /// Connections that may still be accepted in this turn of the loop. A burst of new connections must not delay
    /// existing ones.
    private var turnRest: Int
    private let eachTurnMax: Int

    /// - Parameters:
    ///   - descriptor: a listening socket; the listener owns it from here on.
    ///   - eachTurnMax: connections accepted between two calls of `turnEnded`.
    ///   - cannotAccept: called each time the listener pauses.
    ///   - makeStream: called once for each waiting connection. The listener accepts the connection into the returned
    ///     stream and calls its `didConnect`. With nil, the connection is accepted and closed.
    public init(
        on loop: Loop, descriptor: Int32, eachTurnMax: Int = .max,
        cannotAccept: @escaping (SystemFailure) -> Void = { _ in },
        makeStream: @escaping (Loop) -> TCPStream?
    ) throws(SystemFailure) {
        self.loop = loop
        self.makeStream = makeStream
        self.cannotAccept = cannotAccept
        self.eachTurnMax = eachTurnMax
        turnRest = eachTurnMax
        spare = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard spare >= 0 else { throw SystemFailure(code: -errno) }
        do throws(SystemFailure) {
            try listen(on: descriptor)
        } catch {
            close()
            throw error
        }
    }

    public func close() {
        letGo()
        rest?.close()
        rest = nil
        if spare >= 0 { Glibc.close(spare) }
        spare = -1
    }

    /// Accepts the connections waiting in the kernel's queue, then closes. Otherwise the kernel would reset them.
    public func acceptRestAndClose() {
        turnEnded()
        while spare >= 0 {
            let descriptor = Glibc.accept(spare, nil, nil)
            if descriptor < 0 {
                // A connection that was aborted while it waited is followed by others. Any other error means that the
                // queue is empty, or no descriptor is left.
                if errno == ECONNABORTED || errno == EINTR { continue }
                break
            }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            enter(descriptor)
        }
        close()
    }

    private func enter(_ descriptor: Int32) {
        guard let stream = makeStream(loop) else {
            Glibc.close(descriptor)
            return
        }
        do throws(SystemFailure) {
            try stream.open(descriptor: descriptor)
            stream.accepted()
        } catch {
            Glibc.close(descriptor)
            stream.close()
        }
    }

    private func listen(on descriptor: Int32) throws(SystemFailure) {
        let raw = makeHandle(uv_tcp_t.self)
        let initialised = uv_tcp_init(loop.raw, raw)
        guard initialised == 0 else {
            free(raw)
            throw SystemFailure(code: initialised)
        }
        adopt(raw, self)
        self.raw = raw
        try SystemFailure.check(uv_tcp_open(raw, descriptor))
        try SystemFailure.check(
            uv_listen(stream(raw), ListeningSocket.backlog) { raw, status in
                guard let raw else { return }
                let listener = owner(of: raw, as: TCPListener.self)
                status == 0 ? listener.accept() : listener.failed(SystemFailure(code: status))
            })
    }

    /// Call it at the end of a turn of the loop: the next `eachTurnMax` connections may be accepted.
    public func turnEnded() {
        let isHolding = turnRest < 0
        turnRest = eachTurnMax
        if isHolding { accept() }
    }

    private func accept() {
        guard let raw else { return }
        turnRest -= 1
        // libuv holds this connection, and accepts no other one before it is fetched.
        guard turnRest >= 0 else { return }
        let accepted = makeStream(loop)
        let target = accepted ?? TCPStream(on: loop)
        let result = uv_accept(stream(raw), stream(target.raw))
        guard result == 0, accepted != nil else {
            target.close()
            return
        }
        target.accepted()
    }

    private func failed(_ failure: SystemFailure) {
        // The waiting connection was aborted.
        guard failure.code != UV_ECONNABORTED.rawValue, raw != nil else { return }
        letGo()
        takeRest()
        cannotAccept(failure)
    }

    private func takeRest() {
        let rest = Timer(on: loop) { self.wake() }
        rest.start(after: TCPListener.restMilliseconds)
        self.rest = rest
    }

    private func wake() {
        rest?.close()
        rest = nil
        let descriptor = spare
        spare = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard spare >= 0 else {
            spare = descriptor
            return takeRest()
        }
        do throws(SystemFailure) {
            try listen(on: descriptor)
        } catch {
            letGo()
            takeRest()
        }
    }

    private func letGo() {
        turnRest = eachTurnMax
        if let raw { closeHandle(raw) }
        raw = nil
    }
}
