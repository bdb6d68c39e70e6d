private import Addresses

/// The client's side of a SOCKS5 handshake (RFC 1928), with or without user and password (RFC 1929). The proxy resolves
/// the name of the destination.
///
/// A value without side effects: bytes in, bytes out.
public struct SOCKSHandshake: Sendable {
    /// A user and password for the proxy, 1 to 255 bytes each.
    public struct Credentials: Equatable, Sendable {
        public var user: String
        public var password: String

        public init(user: String, password: String) {
            self.user = user
            self.password = password
        }

        /// The protocol has one byte for each length.
        public static let fieldBytesMax = 255
    }

    public enum State: Equatable, Sendable {
        case ongoing
        /// The proxy has connected. The bytes behind its reply are the destination's.
        case connected(unread: [UInt8])
        /// - Parameter reason: for people, such as "it refused the user or password".
        case failed(reason: String)
    }

    private enum Step { case method, authentication, reply }

    private let host: String
    private let port: UInt16
    private let credentials: Credentials?
    private var step = Step.method
    private var received: [UInt8] = []

    /// - Parameters:
    ///   - host: a name of at most 253 bytes, or a numeric address without brackets.
    ///   - credentials: nil = none; the proxy must then accept that.
    public init(host: String, port: UInt16, credentials: Credentials? = nil) {
        self.host = host
        self.port = port
        self.credentials = credentials
    }

    /// The client's first bytes: the methods of authentication that it offers.
    public var greeting: [UInt8] { credentials == nil ? [5, 1, 0] : [5, 2, 0, 2] }

    /// The proxy has sent bytes, cut anywhere.
    /// - Parameter output: gets what must be sent to it.
    public mutating func receive(_ bytes: Span<UInt8>, output: inout [UInt8]) -> State {
        for index in bytes.indices { received.append(bytes[index]) }
        while true {
            switch step {
            case .method:
                guard let reply = take(2) else { return .ongoing }
                guard reply[0] == 5 else { return .failed(reason: SOCKSHandshake.notAProxy) }
                switch (reply[1], credentials) {
                case (0, _): request(into: &output)
                case (2, let credentials?):
                    step = .authentication
                    output += [1] + SOCKSHandshake.field(credentials.user) + SOCKSHandshake.field(credentials.password)
                case (0xff, nil):
                    return .failed(reason: "it requires a user and password")
                default:
                    return .failed(reason: "it accepts no method of authentication that it was offered")
                }
            case .authentication:
                guard let reply = take(2) else { return .ongoing }
                guard reply[1] == 0 else { return .failed(reason: "it refused the user or password") }
                request(into: &output)
            case .reply:
                guard received.count >= 4 else { return .ongoing }
                guard received[0] == 5 else { return .failed(reason: SOCKSHandshake.notAProxy) }
                guard received[1] == 0 else {
                    return .failed(reason: "it could not connect: \(SOCKSHandshake.text(received[1]))")
                }
                guard let count = replyCount else {
                    return received.count > 4 ? .failed(reason: SOCKSHandshake.notAProxy) : .ongoing
                }
                guard received.count >= count else { return .ongoing }
                return .connected(unread: Array(received[count...]))
            }
        }
    }

    /// The length of the reply; nil when it cannot be known yet, or the type of the address is unknown.
    private var replyCount: Int? {
        switch received[3] {
        case 1: 4 + 4 + 2
        case 3: received.count > 4 ? 4 + 1 + Int(received[4]) + 2 : nil
        case 4: 4 + 16 + 2
        default: nil
        }
    }

    private mutating func take(_ count: Int) -> [UInt8]? {
        guard received.count >= count else { return nil }
        defer { received.removeFirst(count) }
        return Array(received.prefix(count))
    }

    /// Asks for a connection to the destination.
    private mutating func request(into output: inout [UInt8]) {
        step = .reply
        output += [5, 1, 0]
        if let address = IPAddress(host) {
            output.append(address.isIPv4 ? 1 : 4)
            for shift in address.isIPv4 ? [] : stride(from: UInt64(56), through: 0, by: -8).map(\.self) {
                output.append(UInt8(truncatingIfNeeded: address.high >> shift))
            }
            for shift in stride(from: UInt64(address.isIPv4 ? 24 : 56), through: 0, by: -8) {
                output.append(UInt8(truncatingIfNeeded: address.low >> shift))
            }
        } else {
            output += [3] + SOCKSHandshake.field(host)
        }
        output += [UInt8(port >> 8), UInt8(truncatingIfNeeded: port)]
    }

    private static func field(_ text: String) -> [UInt8] {
        let bytes = text.utf8.prefix(Credentials.fieldBytesMax)
        return [UInt8(bytes.count)] + bytes
    }

    private static let notAProxy = "it does not speak SOCKS5"

    /// RFC 1928, section 6.
    private static func text(_ reply: UInt8) -> String {
        switch reply {
        case 1: "general failure"
        case 2: "not allowed by its rules"
        case 3: "network unreachable"
        case 4: "host unreachable"
        case 5: "connection refused"
        case 6: "time to live expired"
        case 7: "command not supported"
        case 8: "address type not supported"
        default: "reply \(reply)"
        }
    }
}
