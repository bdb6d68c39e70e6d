/// Connections of miners that a shard's process has closed or refused, by reason, since the process began.
public struct ClosedConnections: Equatable, Sendable {
    public enum Reason: Int, CaseIterable, Sendable {
        /// It did not log in in time.
        case loginTimeout
        /// Neither a share nor a keepalive for ten minutes.
        case idleTimeout
        case accessPassword
        /// It sent something that is no request.
        case malformed
        /// It sent a request that has no place in its state.
        case outOfTurn
        case http
        case tls
        /// A PROXY header from a sender that is not trusted with one, or none from one that is.
        case proxyHeader
        /// It ignores its nonce byte.
        case nonceByte
        case noPool
        /// More requests than its budget allows.
        case flooding
        /// All connections held too much memory, and it the most.
        case memory
        /// It does not read what it is sent.
        case unread
        /// For want of descriptors, or too many had not logged in.
        case noRoom
        /// The pool rejected too many shares of the miner, again and again.
        case banned

        /// As the label of a metric.
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

// MARK: - As it travels: a counter for each reason, in their order

extension ClosedConnections {
    static let byteCount = Reason.allCases.count * 8

    func encode(to writer: inout ByteWriter) {
        for count in counts { writer.integer(count) }
    }

    /// - Parameter reasons: how many there are; a newer program knows more than we do, an older one fewer.
    init(from reader: inout ByteReader, reasons: Int = Reason.allCases.count) throws(DecodingFailure) {
        for index in 0..<reasons {
            let count = try reader.integer(UInt64.self)
            if index < counts.count { counts[index] = count }
        }
    }
}
