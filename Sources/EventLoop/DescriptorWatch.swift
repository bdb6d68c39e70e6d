internal import CLibuv
internal import Glibc

/// Calls back while a descriptor that other code reads (a ZeroMQ socket, a pipe) is readable or hung up. Closing the
/// watch does not close the descriptor.
public final class DescriptorWatch {
    private let raw: UnsafeMutablePointer<uv_poll_t>
    private let readable: () -> Void
    private var isClosed = false

    public init(on loop: Loop, descriptor: Int32, readable: @escaping () -> Void) throws(SystemFailure) {
        raw = makeHandle(uv_poll_t.self)
        self.readable = readable
        let initialised = uv_poll_init(loop.raw, raw, descriptor)
        guard initialised == 0 else {
            isClosed = true
            free(raw)
            throw SystemFailure(code: initialised)
        }
        adopt(raw, self)
        let events = Int32(UV_READABLE.rawValue | UV_DISCONNECT.rawValue)
        let started = uv_poll_start(raw, events) { raw, _, _ in
            guard let raw else { return }
            owner(of: raw, as: DescriptorWatch.self).readable()
        }
        if started < 0 {
            close()
            throw SystemFailure(code: started)
        }
    }

    /// Lets `Loop.run` return while the watch is open.
    public func unreference() {
        guard !isClosed else { return }
        uv_unref(handle(raw))
    }

    public func close() {
        guard !isClosed else { return }
        isClosed = true
        closeHandle(raw)
    }
}
