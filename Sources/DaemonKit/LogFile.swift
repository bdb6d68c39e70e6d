internal import Glibc
internal import Synchronization

/// A log file, opened and written by a thread of its own. On a file system that hangs, open(2) and write(2) block, and
/// only this thread may wait for them.
///
/// Lines go to the thread through a SOCK_SEQPACKET socket pair. The pair is the queue and its limit: when it is full,
/// lines are dropped and counted, as for any slow reader.
///
/// Only a regular file can be a log file. Opening a FIFO or a device may have side effects, or never return. A symbolic
/// link is followed: the operator decides where the log is stored.
final class LogFile: Sendable {
    /// How long the caller waits for the file to open. A working disk takes microseconds.
    static let patienceMillis: Int32 = 100
    /// The longest wait of a process for its last lines to be written.
    static let flushMillis: Int32 = 500
    /// Limit of hanging attempts in the process; then no further attempts are made.
    private static let hangingMax = 4
    private static let hanging = Atomic<Int>(0)

    typealias Late = @Sendable (LogFile, _ failure: String?) -> Void

    /// The caller's end of the pair.
    let descriptor: Int32
    private let writer: Writer

    /// Opens the file, and waits `patienceMillis` for it.
    /// - Parameters:
    ///   - open: open(2), or a slower substitute for tests.
    ///   - late: called from the thread if the file was opened, or failed, after that time.
    /// - Returns: the file and, if it is not open, the reason. Its lines are then lost, unless it opens later.
    static func open(
        _ path: String, with open: @escaping @Sendable (String) -> Opening = LogFile.openRegular,
        late: @escaping Late
    ) -> (file: LogFile?, failure: String?) {
        guard hanging.load(ordering: .relaxed) < hangingMax else { return (nil, "earlier attempts to open it hang") }
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_SEQPACKET.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else { return (nil, String(cString: strerror(errno))) }
        let writer = Writer(descriptor: ends[1])
        let file = LogFile(descriptor: ends[0], writer: writer)
        hanging.add(1, ordering: .relaxed)
        let isStarted = startThread { [weak file] in
            let opening = open(path)
            hanging.subtract(1, ordering: .relaxed)
            let isLate = writer.opened(opening)
            if isLate, let file { late(file, opening.failure) }
            writer.run(opening)
        }
        guard isStarted else {
            hanging.subtract(1, ordering: .relaxed)
            close(ends[1])
            return (nil, "cannot start a thread")
        }
        wait(for: ends[0], Int16(POLLIN), patienceMillis)
        return (file, writer.failure)
    }

    private init(descriptor: Int32, writer: Writer) {
        self.descriptor = descriptor
        self.writer = writer
    }

    deinit { close(descriptor) }

    /// Whether it may be opened later.
    var isWaiting: Bool { writer.isWaiting }

    /// Waits until all lines are written, at most `flushMillis`.
    func flush() {
        guard writer.failure == nil, LogFile.wait(for: descriptor, Int16(POLLOUT), LogFile.flushMillis) else { return }
        // Discards the byte sent when the file was opened, which is not an answer to this request.
        var word: UInt8 = 0
        while recv(descriptor, &word, 1, Int32(MSG_DONTWAIT)) > 0 {}
        word = LogFile.flushWord
        guard send(descriptor, &word, 1, Int32(MSG_DONTWAIT | MSG_NOSIGNAL)) == 1 else { return }
        LogFile.wait(for: descriptor, Int16(POLLIN), LogFile.flushMillis)
    }

    @discardableResult
    private static func wait(for descriptor: Int32, _ events: Int16, _ millis: Int32) -> Bool {
        var question = pollfd(fd: descriptor, events: events, revents: 0)
        return poll(&question, 1, millis) == 1
    }

    /// No log line is a single zero byte.
    private static let flushWord: UInt8 = 0
    /// Larger than any line (`LogLineFormatter.messageBytesMax` with metadata, as JSON).
    private static let lineBytesMax = 64 * 1024
    /// The thread has no deep calls.
    private static let stackBytes = 256 * 1024

    // MARK: - Opening

    /// An open file, or the reason why there is none.
    enum Opening: Equatable {
        case file(Int32)
        case failed(String)

        var failure: String? { if case .failed(let reason) = self { reason } else { nil } }
    }

    /// Checks the type before opening, because opening a device may have side effects. Does not block on a FIFO or a
    /// device.
    static func openRegular(_ path: String) -> Opening {
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG { return .failed(notRegular(status.st_mode)) }
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK
        let descriptor = Glibc.open(path, flags, 0o640)
        guard descriptor >= 0 else { return .failed(String(cString: strerror(errno))) }
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            return .failed(notRegular(status.st_mode))
        }
        return .file(descriptor)
    }

    private static func notRegular(_ mode: mode_t) -> String {
        let kind =
            switch mode & S_IFMT {
            case S_IFDIR: "a directory"
            case S_IFIFO: "a FIFO"
            case S_IFSOCK: "a socket"
            case S_IFCHR, S_IFBLK: "a device"
            default: "something else"
            }
        return "expected a regular file, found \(kind)"
    }

    // MARK: - The thread

    private final class Writer: Sendable {
        private enum Phase {
            case waiting
            /// The caller has stopped waiting.
            case late
            case open
            case failed(String)
        }

        let descriptor: Int32
        private let phase = Mutex(Phase.waiting)

        init(descriptor: Int32) {
            self.descriptor = descriptor
        }

        /// Why lines are not written. Called once, when the time to open the file is over.
        var failure: String? {
            phase.withLock { phase in
                switch phase {
                case .open: return nil
                case .failed(let reason): return reason
                case .waiting, .late:
                    phase = .late
                    return "the file system does not answer"
                }
            }
        }

        var isWaiting: Bool { phase.withLock { if case .late = $0 { true } else { false } } }

        /// - Returns: whether the caller has stopped waiting.
        func opened(_ opening: Opening) -> Bool {
            let isLate = phase.withLock { phase in
                let isLate = if case .late = phase { true } else { false }
                phase = opening.failure.map { .failed($0) } ?? .open
                return isLate
            }
            answer()
            return isLate
        }

        private func answer() {
            var word: UInt8 = 1
            send(descriptor, &word, 1, Int32(MSG_NOSIGNAL | MSG_DONTWAIT))
        }

        func run(_ opening: Opening) {
            defer { close(descriptor) }
            guard case .file(let file) = opening else { return }
            defer { close(file) }
            var line = [UInt8](repeating: 0, count: LogFile.lineBytesMax)
            var lastFailure: Int32 = 0
            while true {
                let count = recv(descriptor, &line, line.count, 0)
                // ECONNRESET: the other end was closed with an unread answer. Lines sent before can still be read.
                if count < 0, errno == EINTR || errno == ECONNRESET { continue }
                guard count > 0 else { return }
                if count == 1, line[0] == LogFile.flushWord {
                    answer()
                    continue
                }
                let failure = Glibc.write(file, line, count) < 0 ? errno : 0
                guard failure != lastFailure else { continue }
                lastFailure = failure
                let text = failure == 0 ? nil : "cannot be written: \(String(cString: strerror(failure)))"
                Degradation.set("log file", text)
            }
        }
    }

    private static func startThread(_ body: @escaping @Sendable () -> Void) -> Bool {
        final class Box {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setstacksize(&attributes, stackBytes)
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let box = Unmanaged.passRetained(Box(body))
        // Signals are for the thread of the loop; in this thread they would not wake it.
        var (all, before) = (sigset_t(), sigset_t())
        sigfillset(&all)
        pthread_sigmask(SIG_SETMASK, &all, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        var thread = pthread_t()
        let result = pthread_create(
            &thread, &attributes,
            { context in
                guard let context else { return nil }
                Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body()
                return nil
            }, box.toOpaque())
        if result != 0 { box.release() }
        return result == 0
    }
}
