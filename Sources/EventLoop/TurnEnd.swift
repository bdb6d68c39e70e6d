internal import CLibuv
internal import Glibc

/// Calls back at the end of every turn of the loop, when all its input has been handled: the place to write in one
/// piece what the turn has gathered for a connection.
public final class TurnEnd {
    private let raw: UnsafeMutablePointer<uv_check_t>
    private let ended: () -> Void
    private var isClosed = false

    public init(on loop: Loop, ended: @escaping () -> Void) {
        raw = makeHandle(uv_check_t.self)
        self.ended = ended
        uv_check_init(loop.raw, raw)
        adopt(raw, self)
        uv_check_start(raw) { raw in
            guard let raw else { return }
            owner(of: raw, as: TurnEnd.self).ended()
        }
        uv_unref(handle(raw))
    }

    public func close() {
        guard !isClosed else { return }
        isClosed = true
        closeHandle(raw)
    }
}
