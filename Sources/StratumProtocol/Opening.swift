/// The protocol of a connection to the miners' port, by its first bytes.
///
/// Health checks and browsers speak HTTP, miners with TLS enabled send a TLS hello, load balancers a PROXY protocol
/// header: each gets a better answer than garbage does. Anything else is treated as Stratum and checked line by line.
public enum Opening: Equatable, Sendable {
    /// More bytes are needed.
    case undecided
    case stratum
    case foreign(ForeignProtocol)

    /// A longer HTTP request line is checked as a line of a miner. Health checks and browsers send a path.
    public static let bytesMax = 2_048

    private static let tlsHello: StaticString = "\u{16}\u{3}"
    private static let proxyHeaders = [ProxyHeader.textStart, ProxyHeader.signature]
    private static let methods: [StaticString] = [
        "GET ", "HEAD ", "POST ", "PUT ", "DELETE ", "OPTIONS ", "PATCH ", "TRACE ", "CONNECT ", "PRI ",
    ]

    /// - Parameter bytes: everything that the connection has sent, or its first `bytesMax` bytes.
    public init(_ bytes: Span<UInt8>) {
        // Every honest miner is decided here, by its first byte.
        guard let first = bytes.isEmpty ? nil : bytes[0], first != 0x7b else {
            self = bytes.isEmpty ? .undecided : .stratum
            return
        }
        self = Opening.of(bytes)
    }

    private static func of(_ bytes: Span<UInt8>) -> Opening {
        switch bytes.match(tlsHello) {
        case .whole: return .foreign(.tls)
        case .beginning: return .undecided
        case .none: break
        }
        for header in proxyHeaders {
            switch bytes.match(header) {
            case .whole: return .foreign(.proxyHeader)
            case .beginning: return .undecided
            case .none: break
            }
        }
        for method in methods {
            switch bytes.match(method) {
            case .whole:
                if bytes.index(of: 0x0a, from: 0) != nil { return .foreign(.http(isHead: bytes[0] == 0x48)) }
                return bytes.count < bytesMax ? .undecided : .stratum
            case .beginning: return .undecided
            case .none: break
            }
        }
        return .stratum
    }
}

/// How far bytes match a text that they may begin with.
enum Match { case none, beginning, whole }

extension Span<UInt8> {
    func match(_ pattern: StaticString) -> Match {
        let length = pattern.utf8CodeUnitCount
        for position in 0..<Swift.min(count, length) where self[position] != pattern.utf8Start[position] {
            return .none
        }
        return count < length ? .beginning : .whole
    }
}

/// A protocol that is not served on the miners' port.
public enum ForeignProtocol: Equatable, Sendable {
    /// A TLS hello.
    case tls
    /// The header of the PROXY protocol, version 1 or 2, from a sender that is not trusted to send one.
    case proxyHeader
    /// An HTTP request line.
    case http(isHead: Bool)
}

extension MinerReply {
    /// The answer to an HTTP request: the port is served, and nothing else.
    public static func http(isHead: Bool, to buffer: inout [UInt8]) {
        buffer.append("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 24\r\nConnection: close\r\n\r\n")
        if !isHead { buffer.append("Millrace Stratum online\n") }
    }
}
