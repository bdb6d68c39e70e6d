internal import CLibuv
internal import Glibc

/// Listening sockets that one process opens and another one may accept on.
public enum ListeningSocket {
    /// A reconnecting farm sends its SYNs all at once. The kernel limits this to net.core.somaxconn.
    public static let backlog: Int32 = 4_096

    /// About 60 jobs; the kernel doubles it for its own bookkeeping.
    static let sendBufferBytes: Int32 = 32 * 1024
    /// Time for a peer to acknowledge sent bytes; then the kernel ends the connection.
    static let unacknowledgedMilliseconds: Int32 = 60_000

    /// Opens and binds a socket, and listens.
    ///
    /// With `sharedPort` several sockets may bind one address (SO_REUSEPORT); the kernel spreads new connections over
    /// them. The descriptor is close-on-exec; pass it to a child explicitly. IPv6 sockets accept no IPv4 connections.
    /// - Parameter listens: false when a `TCPListener` is the first to listen. Until then the address is only reserved,
    ///   and the kernel assigns no connections to the socket.
    /// - Parameter awaitsFirstBytes: for a protocol in which the client speaks first: a connection is accepted once its
    ///   first bytes have arrived (TCP_DEFER_ACCEPT), or after a second. That saves a wakeup for each connection.
    public static func open(
        _ address: SocketAddress, sharedPort: Bool, listens: Bool = true, awaitsFirstBytes: Bool = false
    ) throws(SystemFailure) -> Int32 {
        let family = address.isIPv6 ? AF_INET6 : AF_INET
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemFailure(code: -errno) }
        do throws(SystemFailure) {
            try enable(SO_REUSEADDR, SOL_SOCKET, descriptor)
            if sharedPort { try enable(SO_REUSEPORT, SOL_SOCKET, descriptor) }
            // Every accepted connection inherits it from its first moment, also when the shard is killed right after it
            // accepted it.
            try enable(TCP_NODELAY, Int32(IPPROTO_TCP), descriptor)
            // Limits the bytes that the kernel holds for a peer that does not read, and the time it retries. The
            // defaults are megabytes and a quarter of an hour.
            try set(SO_SNDBUF, SOL_SOCKET, descriptor, to: sendBufferBytes)
            try set(TCP_USER_TIMEOUT, Int32(IPPROTO_TCP), descriptor, to: unacknowledgedMilliseconds)
            if awaitsFirstBytes { try enable(TCP_DEFER_ACCEPT, Int32(IPPROTO_TCP), descriptor) }  // 1 = a second
            if address.isIPv6 { try enable(IPV6_V6ONLY, Int32(IPPROTO_IPV6), descriptor) }
            let bound = address.withSockaddr { bind(descriptor, $0, $1) }
            guard bound == 0 else { throw SystemFailure(code: -errno) }
            guard !listens || listen(descriptor, backlog) == 0 else { throw SystemFailure(code: -errno) }
            return descriptor
        } catch {
            Glibc.close(descriptor)
            throw error
        }
    }

    /// The address a socket is bound to, with the port that the system chose for port 0.
    public static func address(of descriptor: Int32) throws(SystemFailure) -> SocketAddress {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            getsockname(descriptor, UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), &size)
        }
        guard result == 0 else { throw SystemFailure(code: -errno) }
        return SocketAddress(storage)
    }

    private static func enable(_ option: Int32, _ level: Int32, _ descriptor: Int32) throws(SystemFailure) {
        try set(option, level, descriptor, to: 1)
    }

    private static func set(
        _ option: Int32, _ level: Int32, _ descriptor: Int32, to value: Int32
    ) throws(SystemFailure) {
        var value = value
        guard setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size)) == 0 else {
            throw SystemFailure(code: -errno)
        }
    }
}
