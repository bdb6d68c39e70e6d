import Glibc
import Synchronization

/// TCP over loopback. The caller closes the sockets.
public enum Loopback {
    /// Ports that this run has given out. The kernel offers a port again as soon as it is closed: two servers of one test must
    /// not be told the same one.
    private static let givenPorts = Mutex<Set<UInt16>>([])

    /// A port of 127.0.0.1 that was free a moment ago, and that this run has not been given before.
    public static func freePort() throws -> UInt16 {
        for _ in 0..<100 {
            let (descriptor, port) = try listening(backlog: nil)
            close(descriptor)
            if givenPorts.withLock({ $0.insert(port).inserted }) { return port }
        }
        throw TestFailure("100 ports in a row were given before")
    }

    /// - Parameters:
    ///   - port: 0 = any.
    ///   - backlog: nil = the port is taken, but refuses connections.
    public static func listening(on port: UInt16 = 0, backlog: Int32? = 64) throws -> (descriptor: Int32, port: UInt16)
    {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if port != 0 {
            // A server of the test had the port before.
            var on: Int32 = 1
            setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        }
        var address = ipv4("127.0.0.1", port)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        guard isBound, backlog.map({ listen(descriptor, $0) == 0 }) ?? true else {
            let failure = TestFailure.system("listen on port \(port)")
            close(descriptor)
            throw failure
        }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }

    /// A connection, or nil when it is refused. No call on it waits longer than `seconds`.
    /// - Parameters:
    ///   - host: a numeric address.
    ///   - source: the IPv4 address to come from; nil = what the system takes.
    public static func connected(
        to port: UInt16, at host: String = "127.0.0.1", from source: String? = nil, seconds: Int = 5
    ) -> Int32? {
        let isIPv6 = host.contains(":")
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(isIPv6 ? AF_INET6 : AF_INET, type, 0)
        var limit = timeval(tv_sec: seconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var isConnected = true
        if let source { isConnected = succeeds(bind, descriptor, ipv4(source, 0)) }
        if isIPv6 {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = port.bigEndian
            inet_pton(AF_INET6, host, &address.sin6_addr)
            isConnected = isConnected && succeeds(connect, descriptor, address)
        } else {
            isConnected = isConnected && succeeds(connect, descriptor, ipv4(host, port))
        }
        if isConnected { return descriptor }
        close(descriptor)
        return nil
    }

    /// Whether a connection to the port is accepted now.
    public static func isServed(_ port: UInt16) -> Bool {
        guard let descriptor = connected(to: port) else { return false }
        close(descriptor)
        return true
    }

    /// Sends all bytes, or as many as the peer takes.
    /// - Returns: whether it took all.
    @discardableResult
    public static func send(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            if count <= 0 { return false }
            rest = rest.dropFirst(count)
        }
        return true
    }

    /// Connects and sends all bytes.
    /// - Returns: what comes back until the peer closes, or nothing has come for a while.
    @discardableResult
    public static func exchange(port: UInt16, _ bytes: [UInt8], readsReply: Bool = true) -> [UInt8] {
        guard let descriptor = connected(to: port) else { return [] }
        defer { close(descriptor) }
        send(bytes, to: descriptor)
        guard readsReply else { return [] }
        var reply: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0 { return reply }
            reply += buffer[..<count]
        }
    }

    private static func ipv4(_ host: String, _ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        return address
    }

    private static func succeeds<Address>(
        _ call: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32, _ descriptor: Int32, _ address: Address
    ) -> Bool {
        withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                call(descriptor, $0, socklen_t(MemoryLayout<Address>.size)) == 0
            }
        }
    }
}
