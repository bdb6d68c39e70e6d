internal import CLibuv
internal import Glibc

/// Calls back once or repeatedly. It is not started by `init`.
public final class Timer {
    private let raw: UnsafeMutablePointer<uv_timer_t>
    private let fired: () -> Void
    private var isClosed = false

    /// - Parameter fired: called on the loop each time the timer is due.
    public init(on loop: Loop, fired: @escaping () -> Void) {
        raw = makeHandle(uv_timer_t.self)
        self.fired = fired
        uv_timer_init(loop.raw, raw)
        adopt(raw, self)
    }

    /// Starts or restarts the timer: first after `milliseconds`, then every `repeating` milliseconds (0 for once).
    public func start(after milliseconds: UInt64, repeating: UInt64 = 0) {
        guard !isClosed else { return }
        uv_timer_start(raw, { Timer.fire($0) }, milliseconds, repeating)
    }

    /// Starts the timer unless it is active.
    public func startIfIdle(after milliseconds: UInt64) {
        if !isClosed, uv_is_active(handle(raw)) == 0 { start(after: milliseconds) }
    }

    public func stop() {
        guard !isClosed else { return }
        uv_timer_stop(raw)
    }

    /// Lets `Loop.run` return while the timer is active.
    public func unreference() {
        guard !isClosed else { return }
        uv_unref(handle(raw))
    }

    public func close() {
        guard !isClosed else { return }
        isClosed = true
        closeHandle(raw)
    }

    private static func fire(_ raw: UnsafeMutablePointer<uv_timer_t>?) {
        guard let raw else { return }
        owner(of: raw, as: Timer.self).fired()
    }
}
