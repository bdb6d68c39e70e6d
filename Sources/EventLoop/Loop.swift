internal import CLibuv
internal import Glibc

/// A libuv loop. All work of a process is done in its callbacks, on one thread.
///
/// A handle (`Timer`, `TCPStream`, …) belongs to the loop from its creation until its `close`, and the loop keeps it
/// alive. A loop must not be freed while handles are open: close them, then let `run` return.
public final class Loop {
    /// The most bytes of one read: the lines of many miners, and still few enough for the processor's cache.
    public static let readBytesMax = 64 * 1024
    /// Readable bytes after every chunk that a stream delivers, so that a vectorised parser may read past its end.
    public static let readPadding = 64

    let raw: UnsafeMutablePointer<uv_loop_t>
    /// The read buffer of all streams of the loop: a chunk is consumed before the next read begins.
    let readBuffer: UnsafeMutablePointer<UInt8>

    /// - Parameter letsSignalsIn: false for a program that was executed with signals blocked, until it has its
    ///   `SignalSource`s; it then calls `letSignalsIn`.
    public init(letsSignalsIn: Bool = true) throws(SystemFailure) {
        let memory = UnsafeMutablePointer<uv_loop_t>.allocate(capacity: 1)
        let initialised = uv_loop_init(memory)
        guard initialised == 0 else {
            memory.deallocate()
            throw SystemFailure(code: initialised)
        }
        raw = memory
        readBuffer = .allocate(capacity: Loop.readBytesMax + Loop.readPadding)
        readBuffer.initialize(repeating: 0, count: Loop.readBytesMax + Loop.readPadding)
        uv_loop_set_data(raw, Unmanaged.passUnretained(self).toOpaque())
        if letsSignalsIn { letSignalsIn() }
        // Writing to a closed connection must be an error of write(2), not end the process.
        signal(SIGPIPE, SIG_IGN)
    }

    /// The loop of an open handle.
    static func of<H>(_ open: UnsafeMutablePointer<H>) -> Loop {
        Unmanaged<Loop>.fromOpaque(uv_loop_get_data(uv_handle_get_loop(handle(open)))).takeUnretainedValue()
    }

    /// Unblocks all signals. Some parents leave SIGTERM or SIGCHLD blocked in their children; a process could then
    /// neither be stopped, nor notice the exit of a child.
    public func letSignalsIn() {
        var none = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, nil)
    }

    deinit {
        if uv_loop_close(raw) == 0 { raw.deallocate() }
        readBuffer.deallocate()
    }

    /// Runs until no active handle is left, or `stop` is called.
    public func run() {
        uv_run(raw, UV_RUN_DEFAULT)
    }

    /// One turn: waits for the next event, at most until the next timer, and handles all that are due.
    public func runOnce() {
        uv_run(raw, UV_RUN_ONCE)
    }

    /// Makes `run` return after the current turn.
    public func stop() {
        uv_stop(raw)
    }

    /// Monotonic time in nanoseconds, read from the clock (not the cached time of the turn).
    public var nanoseconds: UInt64 { uv_hrtime() }

    /// The start of this turn: the loop's cached time, in milliseconds of the same clock.
    public var turnMilliseconds: UInt64 { uv_now(raw) }

    /// The version of libuv in use, such as "1.44.2".
    public static var libuvVersion: String { String(cString: uv_version_string()) }
}

/// Casts a handle of any type to its base type.
func handle<T>(_ pointer: UnsafeMutablePointer<T>) -> UnsafeMutablePointer<uv_handle_t> {
    UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: uv_handle_t.self)
}

func stream<T>(_ pointer: UnsafeMutablePointer<T>) -> UnsafeMutablePointer<uv_stream_t> {
    UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: uv_stream_t.self)
}

/// The Swift object that `adopt` attached to the handle.
func owner<T: AnyObject, H>(of pointer: UnsafeMutablePointer<H>, as type: T.Type) -> T {
    Unmanaged<T>.fromOpaque(uv_handle_get_data(handle(pointer))).takeUnretainedValue()
}

/// Attaches `object` to the handle: the loop holds a reference to it until `closeHandle`.
func adopt<H>(_ pointer: UnsafeMutablePointer<H>, _ object: AnyObject) {
    uv_handle_set_data(handle(pointer), Unmanaged.passRetained(object).toOpaque())
}

/// Closes the handle, frees its memory, and drops the loop's reference to its object. Call it once.
func closeHandle<H>(_ pointer: UnsafeMutablePointer<H>) {
    uv_close(handle(pointer)) { closed in
        guard let closed else { return }
        let object = Unmanaged<AnyObject>.fromOpaque(uv_handle_get_data(closed))
        free(closed)
        object.release()
    }
}

/// Allocates a handle with the C allocator, so that `closeHandle` can free it without knowing its type.
func makeHandle<H>(_ type: H.Type) -> UnsafeMutablePointer<H> {
    guard let memory = calloc(1, MemoryLayout<H>.size) else { fatalError("out of memory") }
    return memory.bindMemory(to: H.self, capacity: 1)
}
