internal import CLibuv
internal import Glibc

/// A numeric IPv4 or IPv6 address with a port.
public struct SocketAddress: Equatable, CustomStringConvertible {
    var storage: sockaddr_storage

    /// - Parameter host: numeric, without brackets: "0.0.0.0", "::1".
    public init(host: String, port: UInt16) throws(SystemFailure) {
        storage = sockaddr_storage()
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            let raw = UnsafeMutableRawPointer(pointer)
            return host.contains(":")
                ? uv_ip6_addr(host, Int32(port), raw.assumingMemoryBound(to: sockaddr_in6.self))
                : uv_ip4_addr(host, Int32(port), raw.assumingMemoryBound(to: sockaddr_in.self))
        }
        try SystemFailure.check(result)
    }

    /// Copies an address that C code has filled in.
    init(_ storage: sockaddr_storage) {
        self.storage = storage
    }

    init(copying pointer: UnsafePointer<sockaddr>) {
        storage = sockaddr_storage()
        let size =
            Int32(pointer.pointee.sa_family) == AF_INET6
            ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
        withUnsafeMutableBytes(of: &storage) { target in
            target.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: size))
        }
    }

    public var isIPv6: Bool { Int32(storage.ss_family) == AF_INET6 }

    public var port: UInt16 {
        withUnsafeBytes(of: storage) { bytes in
            // The port is at the same offset in both families, in network byte order.
            UInt16(bytes[2]) << 8 | UInt16(bytes[3])
        }
    }

    public func with(port: UInt16) -> SocketAddress {
        var copy = self
        withUnsafeMutableBytes(of: &copy.storage) { bytes in
            bytes[2] = UInt8(port >> 8)
            bytes[3] = UInt8(port & 0xff)
        }
        return copy
    }

    /// The address without its port. An IPv4 address mapped to IPv6 is shown as IPv4.
    public var host: String {
        var name = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN) + 1)
        _ = withSockaddr { address, _ in uv_ip_name(address, &name, name.count) }
        let text = name.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        return text.hasPrefix("::ffff:") && text.contains(".") ? String(text.dropFirst(7)) : text
    }

    /// "127.0.0.1:3333" or "[::1]:3333".
    public var description: String {
        isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }

    public static func == (left: SocketAddress, right: SocketAddress) -> Bool {
        left.description == right.description
    }

    func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        withUnsafePointer(to: storage) { pointer in
            let size = isIPv6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
            return body(UnsafeRawPointer(pointer).assumingMemoryBound(to: sockaddr.self), socklen_t(size))
        }
    }
}
