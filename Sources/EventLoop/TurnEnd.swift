internal import CLibuv
internal import Glibc

/// Calls back at the end of every turn of the loop, when all input has been handled. Bytes gathered for a connection
/// during the turn are sent here in one write.
///
/// A turn runs timers, sleeps until there is input, and handles the input. The callback comes after the input, and
/// again before the sleep, so that bytes gathered by a timer are not delayed until the next input.
public final class TurnEnd {
    private let afterInput: UnsafeMutablePointer<uv_check_t>
    private let beforeSleep: UnsafeMutablePointer<uv_prepare_t>
    private let ended: () -> Void
    private var isClosed = false

    public init(on loop: Loop, ended: @escaping () -> Void) {
        afterInput = makeHandle(uv_check_t.self)
        beforeSleep = makeHandle(uv_prepare_t.self)
        self.ended = ended
        uv_check_init(loop.raw, afterInput)
        uv_prepare_init(loop.raw, beforeSleep)
        adopt(afterInput, self)
        adopt(beforeSleep, self)
        uv_check_start(afterInput) { raw in
            guard let raw else { return }
            owner(of: raw, as: TurnEnd.self).ended()
        }
        uv_prepare_start(beforeSleep) { raw in
            guard let raw else { return }
            owner(of: raw, as: TurnEnd.self).ended()
        }
        uv_unref(handle(afterInput))
        uv_unref(handle(beforeSleep))
    }

    public func close() {
        guard !isClosed else { return }
        isClosed = true
        closeHandle(afterInput)
        closeHandle(beforeSleep)
    }
}
