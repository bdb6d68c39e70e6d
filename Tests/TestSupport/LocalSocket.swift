public import Glibc

/// Sockets of the local domain. The caller closes them.
public enum LocalSocket {
    /// A new socket with that name; '@…' is an abstract one. Streams listen.
    public static func bound(
        to name: String, _ type: __socket_type = SOCK_STREAM, backlog: Int32 = 8
    ) throws -> Int32 {
        let descriptor = try make(name, type, "bind", bind)
        if type == SOCK_STREAM { listen(descriptor, backlog) }
        return descriptor
    }

    /// Leaves a socket file without a listener.
    public static func leaveFile(at path: String) throws {
        close(try make(path, SOCK_STREAM, "bind", bind))
    }

    public static func connected(to name: String) throws -> Int32 {
        try make(name, SOCK_STREAM, "connect", connect)
    }

    private static func make(
        _ name: String, _ type: __socket_type, _ action: String,
        _ call: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws -> Int32 {
        let descriptor = socket(AF_UNIX, Int32(type.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            path.copyBytes(from: name.utf8)
            if path[0] == UInt8(ascii: "@") { path[0] = 0 }
        }
        // An abstract name ends where the address does.
        let size = socklen_t(MemoryLayout<sa_family_t>.size + name.utf8.count)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { call(descriptor, $0, size) }
        }
        guard result == 0 else {
            let failure = TestFailure.system("\(action) a socket to \(name)")
            close(descriptor)
            throw failure
        }
        return descriptor
    }
}

/// The end of sd_notify(3) that a service manager holds.
public final class NotifySocket {
    public let path: String
    private let descriptor: Int32

    public init(at path: String) throws {
        self.path = path
        descriptor = try LocalSocket.bound(to: path, SOCK_DGRAM)
    }

    deinit { close(descriptor) }

    /// What has arrived since.
    public func messages() -> [String] {
        var messages: [String] = []
        var buffer = [UInt8](repeating: 0, count: 512)
        while case let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)), count > 0 {
            messages.append(String(decoding: buffer.prefix(count), as: UTF8.self))
        }
        return messages
    }
}
