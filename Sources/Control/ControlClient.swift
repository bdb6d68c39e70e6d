internal import Glibc

/// Sends requests to the supervisor of a service over the socket in its run directory, one connection per request.
///
/// Blocks the calling thread, at most for the given time. Can be used by several threads at once.
public struct ControlClient: Sendable {
    private let path: String

    /// - Parameter runDirectory: `Settings.runDirectory` of the service.
    public init(runDirectory: String) {
        path = runDirectory + "/" + ControlLine.socketName
    }

    /// Sends a request and returns the supervisor's reply.
    /// - Parameter timeoutMilliseconds: for connection, request and reply together.
    public func ask(
        _ request: ControlRequest, timeoutMilliseconds: Int
    ) throws(ControlFailure) -> ControlReply {
        guard let line = ControlLine.encode(request) else { throw .requestTooLong }
        let wait = Wait(milliseconds: timeoutMilliseconds)
        let descriptor = try connect(wait)
        defer { close(descriptor) }
        try send(line, to: descriptor, wait)
        let answer = try receiveLine(from: descriptor, wait)
        guard let reply = ControlLine.reply(answer) else { throw .unreadable }
        return reply
    }

    // MARK: - Steps

    /// Pause before connecting again when the supervisor's connection queue is full.
    private static let retryMicroseconds: UInt32 = 10_000

    private func connect(_ wait: Wait) throws(ControlFailure) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let room = MemoryLayout.size(ofValue: address.sun_path)
        guard path.utf8.count < room else { throw noService(ENAMETOOLONG) }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let kind = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        let descriptor = socket(AF_UNIX, Int32(kind), 0)
        guard descriptor >= 0 else { throw noService(errno) }
        while true {
            let result = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
            if result == 0 { return descriptor }
            let code = errno
            guard code == EAGAIN || code == EINTR, wait.leftMilliseconds > 0 else {
                close(descriptor)
                throw code == EAGAIN ? wait.failure : noService(code)
            }
            usleep(ControlClient.retryMicroseconds)
        }
    }

    private func send(_ line: [UInt8], to descriptor: Int32, _ wait: Wait) throws(ControlFailure) {
        var sent = 0
        while sent < line.count {
            let count = line.withUnsafeBytes { bytes in
                Glibc.send(descriptor, bytes.baseAddress.map { $0 + sent }, line.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                sent += count
            } else if count < 0, errno == EAGAIN {
                try wait.untilReady(descriptor, POLLOUT)
            } else if count == 0 || errno != EINTR {
                // The supervisor may have refused the line early and sent its reason: read it.
                return
            }
        }
    }

    private func receiveLine(from descriptor: Int32, _ wait: Wait) throws(ControlFailure) -> ArraySlice<UInt8> {
        var line: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, 0)
            if count > 0 {
                let piece = chunk.prefix(count)
                if let end = piece.firstIndex(of: 0x0a) { return line + piece[..<end] }
                line += piece
                if line.count > ControlLine.bytesMax { throw .unreadable }
            } else if count < 0, errno == EAGAIN {
                try wait.untilReady(descriptor, POLLIN)
            } else if count == 0 || errno != EINTR {
                throw .cutOff
            }
        }
    }

    private func noService(_ code: Int32) -> ControlFailure {
        .noService(path: path, reason: String(cString: strerror(code)))
    }
}

/// The time limit of one request.
private struct Wait {
    private let milliseconds: Int
    private let end: Int

    init(milliseconds: Int) {
        self.milliseconds = max(milliseconds, 0)
        end = Wait.now + self.milliseconds
    }

    var leftMilliseconds: Int { max(end - Wait.now, 0) }
    var failure: ControlFailure { .noAnswer(afterMilliseconds: milliseconds) }

    /// Returns when the descriptor is ready or broken; throws after the timeout.
    func untilReady(_ descriptor: Int32, _ events: Int32) throws(ControlFailure) {
        while true {
            let left = leftMilliseconds
            guard left > 0 else { throw failure }
            var question = pollfd(fd: descriptor, events: Int16(events), revents: 0)
            if poll(&question, 1, Int32(clamping: left)) > 0 { return }
        }
    }

    private static var now: Int {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec * 1_000 + now.tv_nsec / 1_000_000
    }
}
