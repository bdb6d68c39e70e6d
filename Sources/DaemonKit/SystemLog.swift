internal import Glibc
internal import Logging
internal import Synchronization

/// The system's log (`syslog`): one datagram to its socket for each line, in the form of syslog(3).
///
/// syslog(3) itself waits for a daemon that does not read. Here such a line is dropped, and the next one that can be sent
/// is preceded by the number of dropped lines. A daemon that was restarted is found again.
final class SystemLog: Sendable {
    /// Where the daemon listens (`_PATH_LOG`).
    static let standardPath = "/dev/log"
    /// The facility LOG_USER, as in xmrig-proxy.
    private static let facility = 1

    private struct State {
        var descriptor: Int32 = -1
        var dropped = 0
    }

    let path: String
    private let state = Mutex(State())

    init(path: String = SystemLog.standardPath) { self.path = path }

    deinit {
        state.withLock { state in
            if state.descriptor >= 0 { close(state.descriptor) }
        }
    }

    /// Connects to the daemon.
    /// - Returns: the reason if that fails. It is tried again with each line.
    func connect() -> String? {
        state.withLock { state in
            connect(&state) ? nil : String(cString: strerror(errno))
        }
    }

    /// - Parameters:
    ///   - time: in seconds since 1970.
    ///   - text: without control characters.
    func write(_ text: String, level: Logger.Level, process: Int32, time: time_t) {
        state.withLock { state in
            let head = SystemLog.head(level, process, time)
            guard state.descriptor >= 0 || connect(&state) else {
                state.dropped += 1
                return
            }
            if state.dropped > 0 {
                let notice = "\(counted(state.dropped, "log line")) dropped: the system log was too slow"
                guard send(SystemLog.head(.warning, process, time) + notice, &state) else {
                    state.dropped += 1
                    return
                }
                state.dropped = 0
            }
            if !send(head + text, &state) { state.dropped += 1 }
        }
    }

    /// - Returns: false when the daemon does not read, or is gone.
    private func send(_ line: String, _ state: inout State) -> Bool {
        if put(line, state.descriptor) { return true }
        guard errno != EAGAIN, errno != ENOBUFS else { return false }
        // Another daemon may listen at the path now.
        return connect(&state) && put(line, state.descriptor)
    }

    private func put(_ line: String, _ descriptor: Int32) -> Bool {
        var line = line
        return line.withUTF8 {
            Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT | MSG_NOSIGNAL)) >= 0
        }
    }

    private func connect(_ state: inout State) -> Bool {
        if state.descriptor >= 0 { close(state.descriptor) }
        state.descriptor = -1
        let kind = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_UNIX, kind, 0)
        guard descriptor >= 0 else { return false }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            close(descriptor)
            errno = ENAMETOOLONG
            return false
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard result == 0 else {
            let failure = errno
            close(descriptor)
            errno = failure
            return false
        }
        state.descriptor = descriptor
        return true
    }

    /// "<14>Nov 29 23:40:12 millrace[1234]: "
    private static func head(_ level: Logger.Level, _ process: Int32, _ time: time_t) -> String {
        var (seconds, parts) = (time, tm())
        localtime_r(&seconds, &parts)
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let day = parts.tm_mday < 10 ? " \(parts.tm_mday)" : "\(parts.tm_mday)"
        let clock = [parts.tm_hour, parts.tm_min, parts.tm_sec].map { $0 < 10 ? "0\($0)" : "\($0)" }
        let date = "\(months[Int(parts.tm_mon) % 12]) \(day) \(clock.joined(separator: ":"))"
        return "<\(facility * 8 + severity(of: level))>\(date) millrace[\(process)]: "
    }

    /// RFC 5424, section 6.2.1.
    private static func severity(of level: Logger.Level) -> Int {
        switch level {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
