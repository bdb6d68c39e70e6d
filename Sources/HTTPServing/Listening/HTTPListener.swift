internal import CMicrohttpd
internal import Glibc

/// The listening TCP socket of the server.
package enum HTTPListener {
    /// Opens a socket, binds it and listens.
    ///
    /// - Parameters:
    ///   - host: a numeric address. "::" accepts IPv4 clients too, as xmrig-proxy does.
    ///   - port: 0 lets the system choose; `port(of:)` returns its choice.
    ///   - backlog: connections that the kernel holds before they are accepted.
    /// - Returns: the descriptor, non-blocking and closed on exec.
    package static func open(host: String, port: UInt16, backlog: Int32) throws(ListeningFailure) -> Int32 {
        guard let address = Address(host: host, port: port) else {
            throw ListeningFailure(step: .address, code: EINVAL)
        }
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let descriptor = socket(address.family, type, 0)
        guard descriptor >= 0 else { throw ListeningFailure(step: .socket, code: errno) }
        set(SO_REUSEADDR, at: SOL_SOCKET, to: 1, on: descriptor)  // earlier connections may be in TIME_WAIT
        if address.family == AF_INET6 { set(IPV6_V6ONLY, at: Int32(IPPROTO_IPV6), to: 0, on: descriptor) }
        do throws(ListeningFailure) {
            guard address.withSockaddr({ bind(descriptor, $0, $1) }) == 0 else {
                throw ListeningFailure(step: .bind, code: errno)
            }
            guard listen(descriptor, backlog) == 0 else { throw ListeningFailure(step: .listen, code: errno) }
            return descriptor
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// The port that a socket is bound to; 0 if the system does not tell it.
    package static func port(of descriptor: Int32) -> UInt16 {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) {
            let raw = UnsafeMutableRawPointer($0)
            guard getsockname(descriptor, raw.assumingMemoryBound(to: sockaddr.self), &size) == 0 else { return 0 }
            // Both families have the port at the same offset.
            return UInt16(bigEndian: raw.assumingMemoryBound(to: sockaddr_in.self).pointee.sin_port)
        }
    }

    /// The URL for an operator, such as "http://127.0.0.1:8080/". A wildcard address becomes the loopback address.
    package static func url(host: String, port: UInt16) -> String {
        switch host {
        case "0.0.0.0": "http://127.0.0.1:\(port)/"
        case "::": "http://[::1]:\(port)/"
        case let host where host.contains(":"): "http://[\(host)]:\(port)/"
        default: "http://\(host):\(port)/"
        }
    }

    private static func set(_ option: Int32, at level: Int32, to value: Int32, on descriptor: Int32) {
        var value = value
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }
}

/// A numeric IPv4 or IPv6 address with its port.
private struct Address {
    private var storage = sockaddr_storage()
    private let size: Int

    init?(host: String, port: UInt16) {
        var v4 = sockaddr_in()
        var v6 = sockaddr_in6()
        if inet_pton(AF_INET, host, &v4.sin_addr) == 1 {
            v4.sin_family = sa_family_t(AF_INET)
            v4.sin_port = port.bigEndian
            size = MemoryLayout<sockaddr_in>.size
            withUnsafeMutableBytes(of: &storage) { target in withUnsafeBytes(of: v4) { target.copyMemory(from: $0) } }
        } else if inet_pton(AF_INET6, host, &v6.sin6_addr) == 1 {
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = port.bigEndian
            size = MemoryLayout<sockaddr_in6>.size
            withUnsafeMutableBytes(of: &storage) { target in withUnsafeBytes(of: v6) { target.copyMemory(from: $0) } }
        } else {
            return nil
        }
    }

    var family: Int32 { Int32(storage.ss_family) }

    func withSockaddr(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        withUnsafePointer(to: storage) {
            body(UnsafeRawPointer($0).assumingMemoryBound(to: sockaddr.self), socklen_t(size))
        }
    }
}
