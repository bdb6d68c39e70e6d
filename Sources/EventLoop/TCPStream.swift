internal import CLibuv
internal import Glibc

/// Why a stream ended without being closed here.
public enum StreamEnd: Equatable {
    /// The peer closed its side.
    case endOfStream
    case failure(SystemFailure)
}

/// The result of a `send`.
public enum SendOutcome: Equatable {
    /// The kernel accepted all bytes.
    case sent
    /// Some bytes are queued, and sent as the peer reads.
    case queued
    /// The queue would exceed the stream's limit; nothing of this message is sent. Close the stream by `reset`: the
    /// kernel may hold part of an earlier line, which must not arrive as a complete one.
    case overflow
    /// The stream is closed or has failed; `didEnd` reports the reason, or has done so.
    case closed
}

/// A TCP connection. Subclass it; the subclass is the only object of a connection, and is reached from libuv without a
/// lookup.
///
/// The life of a stream: `connect`, or being accepted; `didConnect`; `startReading`; `didReceive`, …; `didEnd` (at most
/// once, never after `close`). Every stream must be closed by `close` or `reset`, also after `didEnd`.
open class TCPStream {
    /// The default of the property `queueBytesMax`. The longest line of Millrace has 16 KiB; a peer that is sixteen of
    /// them behind does not read.
    public static let queueBytesMax = 256 * 1024

    let raw: UnsafeMutablePointer<uv_tcp_t>
    /// The blocks that libuv has queued, oldest first (see `enqueue`). Almost always empty.
    private var queue: [UnsafeMutableRawBufferPointer] = []
    // There is one object for each miner. Small fields are last, so that those of a subclass are placed after them.
    public private(set) var isClosed = false
    private var hasEnded = false

    public init(on loop: Loop) {
        raw = makeHandle(uv_tcp_t.self)
        uv_tcp_init(loop.raw, raw)
        adopt(raw, self)
    }

    /// Must not be used on a closed stream.
    public var loop: Loop { Loop.of(raw) }

    /// The most bytes that may be queued for a peer that does not read.
    open var queueBytesMax: Int { TCPStream.queueBytesMax }

    // MARK: - Events

    /// The connection is established (`failure` is nil) or has failed; then `close` it.
    open func didConnect(_ failure: SystemFailure?) {}

    /// A chunk has arrived, in the loop's read buffer. Use it or copy it before returning. At least `Loop.readPadding`
    /// bytes after it are readable, with any content.
    open func didReceive(_ chunk: UnsafeRawBufferPointer) {}

    /// The memory for the next chunk: at least one byte, followed by `Loop.readPadding` readable bytes. By default the
    /// loop's read buffer.
    open func memoryForReading() -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(start: loop.readBuffer, count: Loop.readBytesMax)
    }

    /// The peer closed the connection, or it failed. Nothing arrives after this; `close` the stream.
    open func didEnd(_ end: StreamEnd) {}

    // MARK: - Operations

    /// Starts to connect; `didConnect` reports the result. Throws when no attempt could be started.
    public func connect(to address: SocketAddress) throws(SystemFailure) {
        let request = makeHandle(uv_connect_t.self)
        let result = address.withSockaddr { sockaddr, _ in
            uv_tcp_connect(request, raw, sockaddr) { request, status in
                guard let request else { return }
                let object = request.pointee.handle.map { owner(of: $0, as: TCPStream.self) }
                free(request)
                // libuv reports ECANCELED here after close().
                guard let object, !object.isClosed else { return }
                object.connected(status)
            }
        }
        guard result == 0 else {
            free(request)
            throw SystemFailure(code: result)
        }
    }

    /// Continues an established connection of another process, with the options set there. The stream owns the
    /// descriptor from here on; `didConnect` is not called.
    public func open(descriptor: Int32) throws(SystemFailure) {
        try SystemFailure.check(uv_tcp_open(raw, descriptor))
    }

    /// The descriptor of the connection, which the stream owns; -1 when there is none.
    public var descriptor: Int32 {
        var descriptor: Int32 = -1
        guard !isClosed, uv_fileno(handle(raw), &descriptor) == 0 else { return -1 }
        return descriptor
    }

    /// Binds the local address before `connect`. With it one machine can act as many (127.0.0.x), and open more
    /// connections than one address has ports.
    /// - Parameter address: with port 0 the system chooses the port when it connects.
    public func bind(to address: SocketAddress) throws(SystemFailure) {
        let family = address.isIPv6 ? AF_INET6 : AF_INET
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemFailure(code: -errno) }
        // Otherwise bind(2) would choose a port that no other socket uses, for any destination. With thousands of ports
        // in use, this search takes up to a millisecond.
        var on: Int32 = 1
        setsockopt(descriptor, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, &on, socklen_t(MemoryLayout<Int32>.size))
        let bound = address.withSockaddr { Glibc.bind(descriptor, $0, $1) }
        let result = bound == 0 ? uv_tcp_open(raw, descriptor) : -errno
        guard result == 0 else {
            Glibc.close(descriptor)
            throw SystemFailure(code: result)
        }
    }

    /// Makes the kernel probe a connection that was silent for this time, to detect a peer that has vanished.
    public func keepAlive(afterSeconds seconds: UInt32) {
        guard !isClosed else { return }
        uv_tcp_keepalive(raw, 1, seconds)
    }

    /// Starts or resumes the delivery of received bytes.
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

    /// Leaves received bytes in the kernel until `startReading`.
    public func stopReading() {
        guard !isClosed else { return }
        uv_read_stop(stream(raw))
    }

    /// Sends bytes in order, completely or not at all.
    public func send(_ bytes: UnsafeRawBufferPointer) -> SendOutcome {
        guard !isClosed, !hasEnded, uv_is_writable(stream(raw)) != 0 else { return .closed }
        guard bytes.count > 0 else { return .sent }
        guard bytes.count <= queueBytesMax else { return .overflow }
        var rest = bytes
        if uv_stream_get_write_queue_size(stream(raw)) == 0 {
            // As uv_try_write does, which uses write(2): that costs the kernel a tenth more for the same bytes.
            let written = Glibc.send(descriptor, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
            if written == bytes.count { return .sent }
            if written > 0 {
                rest = UnsafeRawBufferPointer(rebasing: rest[written...])
            } else if errno != EAGAIN, errno != EINTR {
                // Queued, the same bytes cause the same error, which the loop then reports to `didEnd`.
                _ = enqueue(rest)
                return .closed
            }
        } else if uv_stream_get_write_queue_size(stream(raw)) + bytes.count > queueBytesMax {
            return .overflow
        }
        return enqueue(rest) ? .queued : .closed
    }

    /// The number of bytes that the kernel has not accepted.
    public var queuedBytes: Int { uv_stream_get_write_queue_size(stream(raw)) }

    /// The bytes that the kernel has not accepted, in order.
    public var unsentBytes: [UInt8] {
        let all = queue.reduce(into: [UInt8]()) { $0 += $1 }
        return Array(all.suffix(queuedBytes))
    }

    /// Shuts down the sending side after the queued bytes. Bytes of the peer still arrive, until it closes its side. A
    /// reply sent before `finish` reaches the peer; `close` with unread input would send a reset, which can discard it.
    /// Close the stream some time later.
    public func finish() {
        guard !isClosed, !hasEnded, uv_is_writable(stream(raw)) != 0 else { return }
        let request = makeHandle(uv_shutdown_t.self)
        // A failure also shows on the reading side. Otherwise the owner closes the stream when its time is up.
        if uv_shutdown(request, stream(raw), { request, _ in free(request) }) != 0 { free(request) }
    }

    /// Closes the stream. Bytes that the kernel has accepted still arrive, unless the peer has sent bytes that were not
    /// read. Bytes queued here are dropped.
    public func close() {
        guard !isClosed else { return }
        isClosed = true
        closeHandle(raw)
    }

    /// Closes the stream with a TCP reset, so that the peer notices at once.
    public func reset() {
        guard !isClosed else { return }
        isClosed = true
        guard uv_tcp_close_reset(raw, { TCPStream.freed($0) }) != 0 else { return }
        closeHandle(raw)
    }

    /// The peer's address; nil when the connection has ended.
    public var peer: SocketAddress? { name(uv_tcp_getpeername) }
    public var local: SocketAddress? { name(uv_tcp_getsockname) }

    // MARK: - Callbacks

    func accepted() {
        // TCP_NODELAY is inherited from the listening socket.
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

    /// A failed connection is noticed by reading and by each queued write; the subclass gets one event.
    private func end(_ end: StreamEnd) {
        guard !isClosed, !hasEnded else { return }
        hasEnded = true
        uv_read_stop(stream(raw))
        didEnd(end)
    }

    private func enqueue(_ bytes: UnsafeRawBufferPointer) -> Bool {
        // One block with the request and its bytes, freed when the kernel has them.
        let offset = MemoryLayout<uv_write_t>.size
        guard let block = malloc(offset + bytes.count) else { return false }
        let payload = UnsafeMutableRawBufferPointer(start: block + offset, count: bytes.count)
        payload.copyMemory(from: bytes)
        var buffer = TCPStream.buffer(UnsafeRawBufferPointer(payload))
        let request = block.bindMemory(to: uv_write_t.self, capacity: 1)
        let result = uv_write(request, stream(raw), &buffer, 1) { request, status in
            guard let request else { return }
            let object = request.pointee.handle.map { owner(of: $0, as: TCPStream.self) }
            // libuv writes and reports in the order of the queue.
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
