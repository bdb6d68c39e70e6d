internal import Glibc

/// Reports the state of the service to systemd, or another service manager that sets NOTIFY_SOCKET: the protocol of
/// sd_notify(3).
public struct ServiceManager: Sendable {
    /// A path, or '@' and an abstract name.
    private let address: String
    /// The watchdog interval in milliseconds; nil without a watchdog. Call `sayAlive` twice in this time.
    public private(set) var watchdogMillis: UInt64?

    /// nil when `address` is nil or cannot be the name of a socket.
    /// - Parameter address: the value of NOTIFY_SOCKET.
    public init?(address: String?) {
        guard let address, let first = address.utf8.first, first == UInt8(ascii: "/") || first == UInt8(ascii: "@"),
            address.utf8.count < ServiceManager.pathBytesMax
        else { return nil }
        self.address = address
    }

    /// Removes the address from the environment, so that children do not use it.
    public static func inherited() -> ServiceManager? {
        guard let value = getenv("NOTIFY_SOCKET") else { return nil }
        let address = String(cString: value)
        unsetenv("NOTIFY_SOCKET")
        var manager = ServiceManager(address: address)
        manager?.watchdogMillis = inheritedWatchdog()
        return manager
    }

    /// The variables that `inherited` removed, for a program that this process executes to continue the service.
    public var environment: [String] {
        ["NOTIFY_SOCKET=\(address)"] + (watchdogMillis.map { ["WATCHDOG_USEC=\($0 * 1_000)"] } ?? [])
    }

    /// As sd_watchdog_enabled(3): the watchdog is for this process only if WATCHDOG_PID is its id, or is not set.
    private static func inheritedWatchdog() -> UInt64? {
        defer {
            unsetenv("WATCHDOG_USEC")
            unsetenv("WATCHDOG_PID")
        }
        if let process = getenv("WATCHDOG_PID"), String(cString: process) != String(getpid()) { return nil }
        guard let value = getenv("WATCHDOG_USEC"), let microseconds = UInt64(String(cString: value)) else { return nil }
        return microseconds >= 1_000 ? microseconds / 1_000 : nil
    }

    /// The service is ready.
    public func sayReady(status: String) { send("READY=1\nSTATUS=\(status)\nMAINPID=\(getpid())\n") }

    /// The configuration is being reloaded; `sayReady` ends this state. `Type=notify-reload` needs the time.
    public func sayReloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        send("RELOADING=1\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1_000)\nSTATUS=reloading\n")
    }

    /// Resets the watchdog.
    public func sayAlive() { send("WATCHDOG=1\n") }

    /// The service is stopping as requested.
    public func sayStopping() { send("STOPPING=1\nSTATUS=stopping\n") }

    /// One line for `systemctl status`.
    public func say(status: String) { send("STATUS=\(status)\n") }

    // MARK: - Datagrams

    /// The size of sun_path in sockaddr_un, with the terminating zero.
    private static let pathBytesMax = 108

    private func send(_ text: String) {
        // Never blocks: a manager that does not read must not delay the service.
        let descriptor = socket(
            AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { return }
        defer { close(descriptor) }
        var target = sockaddr_un()
        target.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &target.sun_path) { path in
            path.copyBytes(from: address.utf8)
            if path[0] == UInt8(ascii: "@") { path[0] = 0 }
        }
        // The length marks the end of an abstract name; the zero after a path is not counted.
        let size = socklen_t(MemoryLayout<sa_family_t>.size + address.utf8.count)
        let bytes = Array(text.utf8)
        withUnsafePointer(to: &target) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { target in
                _ = bytes.withUnsafeBytes {
                    sendto(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL), target, size)
                }
            }
        }
    }
}
