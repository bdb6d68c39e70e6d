/// Connections of miners that a shard's process has closed or refused since it started, by reason.
public struct ClosedConnections: Equatable, Sendable {
    public enum Reason: Int, CaseIterable, Sendable {
        /// No login in time.
        case loginTimeout
        /// Neither a share nor a keepalive in ten minutes.
        case idleTimeout
        case accessPassword
        /// It sent bytes that are not a valid request.
        case malformed
        /// It sent a request that is not allowed in its state.
        case outOfTurn
        case http
        case tls
        /// A PROXY header from an untrusted sender, or none from a trusted one.
        case proxyHeader
        /// It ignored its nonce byte.
        case nonceByte
        case noPool
        /// It sent more requests than its budget allows.
        case flooding
        /// The buffers of all connections exceeded their memory limit, and this connection used the most.
        case memory
        /// It does not read what is sent to it.
        case unread
        /// No free descriptors, or too many connections without a login.
        case noRoom
        /// The pool repeatedly rejected too many shares of the miner.
        case banned

        /// The label of a metric.
        public var name: String {
            switch self {
            case .loginTimeout: "login_timeout"
            case .idleTimeout: "idle_timeout"
            case .accessPassword: "access_password"
            case .malformed: "malformed"
            case .outOfTurn: "out_of_turn"
            case .http: "http"
            case .tls: "tls"
            case .proxyHeader: "proxy_header"
            case .nonceByte: "nonce_byte"
            case .noPool: "no_pool"
            case .flooding: "flooding"
            case .memory: "memory"
            case .unread: "unread"
            case .noRoom: "no_room"
            case .banned: "banned"
            }
        }
    }

    private var counts = [UInt64](repeating: 0, count: Reason.allCases.count)

    public init() {}

    public subscript(reason: Reason) -> UInt64 { counts[reason.rawValue] }

    public var isEmpty: Bool { counts.allSatisfy { $0 == 0 } }

    public mutating func count(_ reason: Reason) { counts[reason.rawValue] &+= 1 }
}

// MARK: - Coding: one counter for each reason, in their order

extension ClosedConnections {
    static let byteCount = Reason.allCases.count * 8

    func encode(to writer: inout ByteWriter) {
        for count in counts { writer.integer(count) }
    }

    /// - Parameter reasons: the number of counters. A newer program sends more than this one knows, an older one fewer.
    init(from reader: inout ByteReader, reasons: Int = Reason.allCases.count) throws(DecodingFailure) {
        for index in 0..<reasons {
            let count = try reader.integer(UInt64.self)
            if index < counts.count { counts[index] = count }
        }
    }
}
