internal import CLibuv
internal import Glibc

/// Calls back on the loop when a Unix signal arrives. It does not keep `Loop.run` from returning.
public final class SignalSource {
    private let raw: UnsafeMutablePointer<uv_signal_t>
    private let received: () -> Void
    private var isClosed = false

    public init(on loop: Loop, signal number: Int32, received: @escaping () -> Void) throws(SystemFailure) {
        raw = makeHandle(uv_signal_t.self)
        self.received = received
        uv_signal_init(loop.raw, raw)
        adopt(raw, self)
        let result = uv_signal_start(
            raw,
            { raw, _ in
                guard let raw else { return }
                owner(of: raw, as: SignalSource.self).received()
            }, number)
        uv_unref(handle(raw))
        if result < 0 {
            close()
            throw SystemFailure(code: result)
        }
    }

    public func close() {
        guard !isClosed else { return }
        isClosed = true
        closeHandle(raw)
    }
}
