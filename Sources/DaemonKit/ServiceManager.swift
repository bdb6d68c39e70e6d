internal import Glibc

/// Tells the service manager above us (systemd, or whoever sets NOTIFY_SOCKET) how we are: the protocol of sd_notify(3).
public struct ServiceManager: Sendable {
    /// A path, or '@' and an abstract name.
    private let address: String
    /// It wants a sign of life this often, in milliseconds; nil when it does not. Give it twice as often.
    public private(set) var watchdogMillis: UInt64?

    /// nil when `address` is nil or cannot be a socket's name.
    /// - Parameter address: the value of NOTIFY_SOCKET.
    public init?(address: String?) {
        guard let address, let first = address.utf8.first, first == UInt8(ascii: "/") || first == UInt8(ascii: "@"),
            address.utf8.count < ServiceManager.pathBytesMax
        else { return nil }
        self.address = address
    }

    /// Takes the address out of the environment, so that no child believes it were meant.
    public static func inherited() -> ServiceManager? {
        guard let value = getenv("NOTIFY_SOCKET") else { return nil }
        let address = String(cString: value)
        unsetenv("NOTIFY_SOCKET")
        var manager = ServiceManager(address: address)
        manager?.watchdogMillis = inheritedWatchdog()
        return manager
    }

    /// What `inherited` has taken out, for a program that this process executes to go on as itself.
    public var environment: [String] {
        ["NOTIFY_SOCKET=\(address)"] + (watchdogMillis.map { ["WATCHDOG_USEC=\($0 * 1_000)"] } ?? [])
    }

    /// sd_watchdog_enabled(3): meant for us only when WATCHDOG_PID says so, or is not there.
    private static func inheritedWatchdog() -> UInt64? {
        defer {
            unsetenv("WATCHDOG_USEC")
            unsetenv("WATCHDOG_PID")
        }
        if let process = getenv("WATCHDOG_PID"), String(cString: process) != String(getpid()) { return nil }
        guard let value = getenv("WATCHDOG_USEC"), let microseconds = UInt64(String(cString: value)) else { return nil }
        return microseconds >= 1_000 ? microseconds / 1_000 : nil
    }

    /// The service serves.
    public func sayReady(status: String) { send("READY=1\nSTATUS=\(status)\nMAINPID=\(getpid())\n") }

    /// The configuration is being taken in; `sayReady` ends it. The time is what `Type=notify-reload` asks for.
    public func sayReloading() {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        send("RELOADING=1\nMONOTONIC_USEC=\(now.tv_sec * 1_000_000 + now.tv_nsec / 1_000)\nSTATUS=reloading\n")
    }

    /// A sign of life.
    public func sayAlive() { send("WATCHDOG=1\n") }

    /// The service is going down, by will.
    public func sayStopping() { send("STOPPING=1\nSTATUS=stopping\n") }

    /// One line for `systemctl status`.
    public func say(status: String) { send("STATUS=\(status)\n") }

    // MARK: - The datagram

    /// Room in sockaddr_un, the closing zero included.
    private static let pathBytesMax = 108

    private func send(_ text: String) {
        // Never waits: a manager that does not listen must not hold us up.
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
        // The length says where an abstract name ends; the zero behind a path is not part of it.
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
