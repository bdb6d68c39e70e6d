internal import CLibuv
internal import Glibc

/// The IP versions a name may resolve to (`dns.ip_version` of the configuration: 0, 4, 6).
public enum AddressFamily: Sendable {
    case any, ipv4, ipv6
}

/// Looks host names up in libuv's thread pool, without blocking the loop.
public enum Resolver {
    private final class Request {
        let answered: (Result<[SocketAddress], SystemFailure>) -> Void
        init(_ answered: @escaping (Result<[SocketAddress], SystemFailure>) -> Void) { self.answered = answered }
    }

    /// Calls back on the loop, once, with at least one address (port set) or a failure; never before it returns.
    public static func resolve(
        host: String, port: UInt16, family: AddressFamily, on loop: Loop,
        answered: @escaping (Result<[SocketAddress], SystemFailure>) -> Void
    ) {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        switch family {
        case .any: hints.ai_family = AF_UNSPEC
        case .ipv4: hints.ai_family = AF_INET
        case .ipv6: hints.ai_family = AF_INET6
        }
        let raw = makeHandle(uv_getaddrinfo_t.self)
        raw.pointee.data = Unmanaged.passRetained(Request(answered)).toOpaque()
        let result = uv_getaddrinfo(
            loop.raw, raw, { raw, status, list in Resolver.finish(raw, status, list) }, host, String(port), &hints)
        guard result < 0 else { return }
        let request = Unmanaged<Request>.fromOpaque(raw.pointee.data).takeRetainedValue()
        free(raw)
        var later: Timer?
        later = Timer(on: loop) {
            later?.close()
            later = nil
            request.answered(.failure(SystemFailure(code: result)))
        }
        later?.start(after: 0)
    }

    private static func finish(
        _ raw: UnsafeMutablePointer<uv_getaddrinfo_t>?, _ status: Int32, _ list: UnsafeMutablePointer<addrinfo>?
    ) {
        guard let raw else { return }
        let request = Unmanaged<Request>.fromOpaque(raw.pointee.data).takeRetainedValue()
        free(raw)
        guard status == 0 else { return request.answered(.failure(SystemFailure(code: status))) }
        var addresses: [SocketAddress] = []
        var entry = list
        while let current = entry {
            if let address = current.pointee.ai_addr { addresses.append(SocketAddress(copying: address)) }
            entry = current.pointee.ai_next
        }
        uv_freeaddrinfo(list)
        request.answered(
            addresses.isEmpty ? .failure(SystemFailure(code: UV_EAI_NONAME.rawValue)) : .success(addresses))
    }
}
