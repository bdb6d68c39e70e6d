internal import CLibuv
internal import Glibc

/// Sockets that one process opens and another may accept on.
public enum ListeningSocket {
    /// A whole farm that comes back sends its SYNs in one instant; the kernel cuts this to net.core.somaxconn.
    public static let backlog: Int32 = 4_096

    /// Some 60 jobs; the kernel doubles it for its own needs.
    static let sendBufferBytes: Int32 = 32 * 1024
    /// For a peer to acknowledge what it was sent: beyond it the connection is dead, whatever its owner thinks.
    static let unacknowledgedMilliseconds: Int32 = 60_000

    /// Opens, binds and listens.
    ///
    /// With `sharedPort` several sockets may bind one address (SO_REUSEPORT); the kernel spreads new connections over
    /// them. The descriptor is close-on-exec; hand it to a child explicitly. IPv6 sockets take no IPv4 connections.
    /// - Parameter listens: false when a `TCPListener` shall be the first to do so: until then the address is only reserved, and
    ///   the kernel gives the socket none of the connections.
    /// - Parameter awaitsFirstBytes: for a protocol in which the client speaks first: a connection is not seen before its first
    ///   bytes are there (TCP_DEFER_ACCEPT), or a second has passed. That is one awakening less for each.
    public static func open(
        _ address: SocketAddress, sharedPort: Bool, listens: Bool = true, awaitsFirstBytes: Bool = false
    ) throws(SystemFailure) -> Int32 {
        let family = address.isIPv6 ? AF_INET6 : AF_INET
        let descriptor = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw SystemFailure(code: -errno) }
        do throws(SystemFailure) {
            try enable(SO_REUSEADDR, SOL_SOCKET, descriptor)
            if sharedPort { try enable(SO_REUSEPORT, SOL_SOCKET, descriptor) }
            // Inherited by every connection from its first moment, also by one that a shard is killed over.
            try enable(TCP_NODELAY, Int32(IPPROTO_TCP), descriptor)
            // What the kernel holds for a peer that does not read, and for how long it tries: else megabytes, for a quarter of an
            // hour.
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

    /// The address a socket is bound to: tells which port the system chose for port 0.
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
