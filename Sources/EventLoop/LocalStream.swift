internal import CLibuv
internal import Glibc

/// A connection over a Unix socket. Subclass it, like `TCPStream`: `didReceive`, …, `didEnd` (at most once, never after
/// `close`). Every stream must be closed.
open class LocalStream {
    public let loop: Loop
    private let raw: UnsafeMutablePointer<uv_pipe_t>
    public private(set) var isClosed = false
    private var hasEnded = false

    /// - Parameter descriptor: a connected socket; the stream owns it, also when this throws.
    public init(on loop: Loop, descriptor: Int32) throws(SystemFailure) {
        self.loop = loop
        raw = makeHandle(uv_pipe_t.self)
        uv_pipe_init(loop.raw, raw, 0)
        adopt(raw, self)
        let result = uv_pipe_open(raw, descriptor)
        guard result == 0 else {
            Glibc.close(descriptor)
            close()
            throw SystemFailure(code: result)
        }
    }

    /// A chunk has arrived, in the loop's read buffer. Use it or copy it before returning.
    open func didReceive(_ chunk: UnsafeRawBufferPointer) {}

    /// The peer closed its side, or the connection failed; `close` the stream.
    open func didEnd(_ end: StreamEnd) {}

    /// The kernel has accepted everything that was sent.
    open func didSend() {}

    public func startReading() {
        guard !isClosed, !hasEnded else { return }
        let result = uv_read_start(
            stream(raw),
            { handle, _, buffer in
                guard let handle, let buffer else { return }
                let loop = owner(of: handle, as: LocalStream.self).loop
                let memory = UnsafeMutableRawPointer(loop.readBuffer).assumingMemoryBound(to: CChar.self)
                buffer.pointee = uv_buf_init(memory, UInt32(Loop.readBytesMax))
            },
            { handle, count, _ in
                guard let handle else { return }
                owner(of: handle, as: LocalStream.self).read(count)
            })
        if result < 0, result != UV_EALREADY.rawValue { end(.failure(SystemFailure(code: result))) }
    }

    public func stopReading() {
        guard !isClosed else { return }
        uv_read_stop(stream(raw))
    }

    /// Queues bytes for the peer; `didSend` is called when the kernel has them. There is no limit here: the caller
    /// limits them.
    public func send(_ bytes: [UInt8]) {
        guard !isClosed, !hasEnded, !bytes.isEmpty else { return }
        // One block with the request and its bytes, freed when the kernel has them.
        let offset = MemoryLayout<uv_write_t>.size
        guard let block = malloc(offset + bytes.count) else { return end(.failure(SystemFailure(code: -ENOMEM))) }
        let payload = UnsafeMutableRawBufferPointer(start: block + offset, count: bytes.count)
        payload.copyBytes(from: bytes)
        let base = payload.baseAddress?.assumingMemoryBound(to: CChar.self)
        var buffer = uv_buf_init(base, UInt32(bytes.count))
        let request = block.bindMemory(to: uv_write_t.self, capacity: 1)
        let result = uv_write(request, stream(raw), &buffer, 1) { request, status in
            guard let request else { return }
            let object = request.pointee.handle.map { owner(of: $0, as: LocalStream.self) }
            free(request)
            guard let object, !object.isClosed else { return }
            status < 0 ? object.end(.failure(SystemFailure(code: status))) : object.didSend()
        }
        if result < 0 {
            free(block)
            end(.failure(SystemFailure(code: result)))
        }
    }

    public func close() {
        guard !isClosed else { return }
        isClosed = true
        closeHandle(raw)
    }

    private func read(_ count: Int) {
        guard !isClosed else { return }
        if count > 0 {
            didReceive(UnsafeRawBufferPointer(start: loop.readBuffer, count: count))
        } else if count < 0 {
            end(count == Int(UV_EOF.rawValue) ? .endOfStream : .failure(SystemFailure(code: Int32(count))))
        }
    }

    private func end(_ end: StreamEnd) {
        guard !isClosed, !hasEnded else { return }
        hasEnded = true
        uv_read_stop(stream(raw))
        didEnd(end)
    }
}
