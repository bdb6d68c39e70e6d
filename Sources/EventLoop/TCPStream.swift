internal import CLibuv
internal import Glibc

/// Why a stream ended by itself.
public enum StreamEnd: Equatable {
    /// The peer closed its side.
    case endOfStream
    case failure(SystemFailure)
}

/// What became of bytes that were sent.
public enum SendOutcome: Equatable {
    /// The kernel took all of them.
    case sent
    /// The rest waits and leaves as the peer reads.
    case queued
    /// More would wait than the stream's limit allows: nothing of this message will be sent. Close the stream, by
    /// `reset`: half a line of an earlier message may be in the kernel, and must not arrive as if it were whole.
    case overflow
    /// The stream is closed or broken; its `didEnd` says why, or has.
    case closed
}

/// One TCP connection. Subclass it: a subclass is the connection's one object, reached from libuv without a lookup.
///
/// The life of a stream: `connect` or being accepted → `didConnect` → `startReading` → `didReceive`… → `didEnd` (at
/// most once, never after `close`). Every stream must be closed by `close` or `reset`, also after `didEnd`.
open class TCPStream {
    /// `queueBytesMax` of a stream that does not say otherwise. One longest line of ours is 16 KiB; a peer that is sixteen of
    /// them behind does not read.
    public static let queueBytesMax = 256 * 1024

    let raw: UnsafeMutablePointer<uv_tcp_t>
    /// The blocks that libuv has queued, oldest first; see `enqueue`. Nearly always empty.
    private var queue: [UnsafeMutableRawBufferPointer] = []
    // A proxy has one of these objects for each miner: small fields stand last, so that those of a subclass follow them.
    public private(set) var isClosed = false
    private var hasEnded = false

    public init(on loop: Loop) {
        raw = makeHandle(uv_tcp_t.self)
        uv_tcp_init(loop.raw, raw)
        adopt(raw, self)
    }

    /// Not to be asked of a closed stream.
    public var loop: Loop { Loop.of(raw) }

    /// Most bytes that may wait behind a peer that does not read.
    open var queueBytesMax: Int { TCPStream.queueBytesMax }

    // MARK: - What a subclass hears

    /// The connection stands (`failure` nil), or could not be made; then `close` it.
    open func didConnect(_ failure: SystemFailure?) {}

    /// A chunk has arrived. It lies in the loop's read buffer: use it or copy it before returning. At least
    /// `Loop.readPadding` bytes behind it may be read, with any content.
    open func didReceive(_ chunk: UnsafeRawBufferPointer) {}

    /// Where the next chunk shall be received: at least one byte, with `Loop.readPadding` readable bytes behind it. The
    /// loop's own buffer, unless a subclass wants it elsewhere.
    open func memoryForReading() -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: loop.readBuffer, count: Loop.readBytesMax)
    }

    /// The peer or the network ended the connection. Nothing arrives after this; `close` it.
    open func didEnd(_ end: StreamEnd) {}

    // MARK: - What it may do

    /// Begins to connect; `didConnect` tells the outcome. Throws when not even a socket could be had.
    public func connect(to address: SocketAddress) throws(SystemFailure) {
        let request = makeHandle(uv_connect_t.self)
        let result = address.withSockaddr { sockaddr, _ in
            uv_tcp_connect(request, raw, sockaddr) { request, status in
                guard let request else { return }
                let object = request.pointee.handle.map { owner(of: $0, as: TCPStream.self) }
                free(request)
                // After close() libuv still reports ECANCELED here: old news.
                guard let object, !object.isClosed else { return }
                object.connected(status)
            }
        }
        guard result == 0 else {
            free(request)
            throw SystemFailure(code: result)
        }
    }

    /// Goes on with a connection that stands already: one that a stream of another process has made, whose options it
    /// keeps. The stream owns the descriptor from here on; `didConnect` is not called.
    public func open(descriptor: Int32) throws(SystemFailure) {
        try SystemFailure.check(uv_tcp_open(raw, descriptor))
    }

    /// The descriptor of the connection; -1 when it has none. It stays the stream's.
    public var descriptor: Int32 {
        var descriptor: Int32 = -1
        guard !isClosed, uv_fileno(handle(raw), &descriptor) == 0 else { return -1 }
        return descriptor
    }

    /// Binds the local end before `connect`: lets one machine look like many (127.0.0.x), and hold more connections
    /// than one address has ports.
    /// - Parameter address: with port 0 the system chooses one when it connects.
    public func bind(to address: SocketAddress) throws(SystemFailure) {
        let family = address.isIPv6 ? AF_INET6 : AF_INET
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemFailure(code: -errno) }
        // To choose it now would mean one that nobody else has, to whatever target: the search takes the kernel up to a
        // millisecond when thousands are taken.
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, &on, socklen_t(MemoryLayout<Int32>.size))
        let bound = address.withSockaddr { Glibc.bind(descriptor, $0, $1) }
        let result = bound == 0 ? uv_tcp_open(raw, descriptor) : -errno
        guard result == 0 else {
            Glibc.close(descriptor)
            throw SystemFailure(code: result)
        }
    }

    /// Makes the kernel probe a connection that has been silent for so long, to notice a peer that vanished.
    public func keepAlive(afterSeconds seconds: UInt32) {
        guard !isClosed else { return }
        uv_tcp_keepalive(raw, 1, seconds)
    }

    /// Begins or goes on to deliver what arrives.
    public func startReading() {
        guard !isClosed, !hasEnded else { return }
        let result = uv_read_start(
            stream(raw),
            { handle, _, buffer in
                guard let handle, let buffer else { return }
                let memory = owner(of: handle, as: TCPStream.self).memoryForReading()
                let base = memory.baseAddress?.assumingMemoryBound(to: CChar.self)
                buffer.pointee = uv_buf_init(base, UInt32(memory.count))
            },
            { handle, count, buffer in
                guard let handle else { return }
                owner(of: handle, as: TCPStream.self).read(count, buffer?.pointee.base)
            })
        if result < 0, result != UV_EALREADY.rawValue { end(.failure(SystemFailure(code: result))) }
    }

    /// Leaves what arrives in the kernel until `startReading`.
    public func stopReading() {
        guard !isClosed else { return }
        uv_read_stop(stream(raw))
    }

    /// Sends bytes, in order, whole or not at all.
    public func send(_ bytes: UnsafeRawBufferPointer) -> SendOutcome {
        guard !isClosed, !hasEnded, uv_is_writable(stream(raw)) != 0 else { return .closed }
        guard bytes.count > 0 else { return .sent }
        guard bytes.count <= queueBytesMax else { return .overflow }
        var rest = bytes
        if uv_stream_get_write_queue_size(stream(raw)) == 0 {
            // What uv_try_write does with write(2), which costs the kernel a tenth more for the same bytes.
            let written = Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            if written == bytes.count { return .sent }
            if written > 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            } else if errno != EAGAIN, errno != EINTR {
                // The same bytes in the queue meet the same error, and that one reaches `didEnd` from the loop.
                _ = enqueue(rest)
                return .closed
            }
        } else if uv_stream_get_write_queue_size(stream(raw)) + bytes.count > queueBytesMax {
            return .overflow
        }
        return enqueue(rest) ? .queued : .closed
    }

    /// Bytes that wait for the peer to read.
    public var queuedBytes: Int { uv_stream_get_write_queue_size(stream(raw)) }

    /// The bytes that wait for the peer to read, in order: what the kernel has not taken.
    public var unsentBytes: [UInt8] {
        let all = queue.reduce(into: [UInt8]()) { $0 += $1 }
        return Array(all.suffix(queuedBytes))
    }

    /// Says that nothing more will be sent: what is queued leaves first. What the peer sends still arrives, until its
    /// end; a reply sent before `finish` reaches it, where `close` with unread input would overtake it with a reset.
    /// Close the stream some time later.
    public func finish() {
        guard !isClosed, !hasEnded, uv_is_writable(stream(raw)) != 0 else { return }
        let request = makeHandle(uv_shutdown_t.self)
        // A failure shows on the reading side too, or the stream is closed when it has lingered long enough.
        if uv_shutdown(request, stream(raw), { request, _ in free(request) }) != 0 { free(request) }
    }

    /// Closes: what the kernel has taken still arrives, unless the peer has sent something that was not read; what is
    /// queued here is dropped.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        closeHandle(raw)
    }

    /// Closes with a TCP reset, so that the peer knows at once.
    public func reset() {
        guard !isClosed else { return }
        isClosed = true
        guard uv_tcp_close_reset(raw, { TCPStream.freed($0) }) != 0 else { return }
        closeHandle(raw)
    }

    /// The peer's address; nil once the connection is gone.
    public var peer: SocketAddress? { name(uv_tcp_getpeername) }
    public var local: SocketAddress? { name(uv_tcp_getsockname) }

    // MARK: - From libuv

    func accepted() {
        // It has TCP_NODELAY from the listening socket.
        didConnect(nil)
    }

    private func connected(_ status: Int32) {
        if status == 0 { uv_tcp_nodelay(raw, 1) }
        didConnect(status == 0 ? nil : SystemFailure(code: status))
    }

    private func read(_ count: Int, _ base: UnsafeMutablePointer<CChar>?) {
        guard !isClosed else { return }
        if count > 0 {
            didReceive(UnsafeRawBufferPointer(start: base, count: count))
        } else if count < 0 {
            end(count == Int(UV_EOF.rawValue) ? .endOfStream : .failure(SystemFailure(code: Int32(count))))
        }
    }

    /// A broken connection is noticed by reading and by each waiting write; the subclass hears of it once.
    private func end(_ end: StreamEnd) {
        guard !isClosed, !hasEnded else { return }
        hasEnded = true
        uv_read_stop(stream(raw))
        didEnd(end)
    }

    private func enqueue(_ bytes: UnsafeRawBufferPointer) -> Bool {
        // One block: the request, then its bytes, freed together when the kernel has them.
        let offset = MemoryLayout<uv_write_t>.size
        guard let block = malloc(offset + bytes.count) else { return false }
        let payload = UnsafeMutableRawBufferPointer(start: block + offset, count: bytes.count)
        payload.copyMemory(from: bytes)
        var buffer = TCPStream.buffer(UnsafeRawBufferPointer(payload))
        let request = block.bindMemory(to: uv_write_t.self, capacity: 1)
        let result = uv_write(request, stream(raw), &buffer, 1) { request, status in
            guard let request else { return }
            let object = request.pointee.handle.map { owner(of: $0, as: TCPStream.self) }
            // libuv writes, and so reports, in the order of the queue.
            if let object, !object.queue.isEmpty { object.queue.removeFirst() }
            free(request)
            guard status < 0, let object else { return }
            object.end(.failure(SystemFailure(code: status)))
        }
        if result < 0 { free(block) } else { queue.append(payload) }
        return result == 0
    }

    private func name(
        _ ask: (UnsafePointer<uv_tcp_t>?, UnsafeMutablePointer<sockaddr>?, UnsafeMutablePointer<Int32>?) -> Int32
    ) -> SocketAddress? {
        guard !isClosed else { return nil }
        var storage = sockaddr_storage()
        var size = Int32(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            ask(raw, UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), &size)
        }
        return result == 0 ? SocketAddress(storage) : nil
    }

    private static func buffer(_ bytes: UnsafeRawBufferPointer) -> uv_buf_t {
        let base = UnsafeMutableRawPointer(mutating: bytes.baseAddress)?.assumingMemoryBound(to: CChar.self)
        return uv_buf_init(base, UInt32(bytes.count))
    }

    private static func freed(_ handle: UnsafeMutablePointer<uv_handle_t>?) {
        guard let handle else { return }
        let object = Unmanaged<AnyObject>.fromOpaque(uv_handle_get_data(handle))
        free(handle)
        object.release()
    }
}
