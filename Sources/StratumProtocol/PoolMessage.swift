/// A message of a pool (docs/PROTOCOL.md, "Pool → Millrace").
public enum PoolMessage: Sendable {
    case job(Job)
    /// The login was accepted.
    case loggedIn(PoolLogin)
    /// A request succeeded: a share was accepted, or a keepalive answered.
    case accepted(id: Int64)
    /// A request was refused, with the pool's text. `id` is nil when the refusal names no request.
    case refused(id: Int64?, text: String)
    /// `client.reconnect`: the pool asks to connect elsewhere.
    case reconnect(PoolRedirect)
    /// An unknown message, which is ignored.
    case other
}

/// The pool's reply to the login.
public struct PoolLogin: Sendable {
    /// The session id, sent in every later request.
    public var session: PoolSessionID
    public var job: Job?
    /// The pool wants `algo` in each share.
    public var hasAlgo: Bool
    /// The pool reserves the first nonce byte for itself.
    public var hasNicehash: Bool
    public var hasKeepalive: Bool
}

/// A pool's id of a session.
public typealias PoolSessionID = OpaqueID

extension JSONParser {
    /// Decodes one line of a pool.
    /// - Parameters:
    ///   - loginID: the request id of the login while it is unanswered, else nil.
    ///   - assumed: the algorithm of a job that names none.
    public func poolMessage(
        _ line: Span<UInt8>, loginID: Int64?, assumed: AlgorithmName
    ) throws(PeerFault) -> PoolMessage {
        let read = { (root: JSONValue) throws(PeerFault) in
            try PoolMessage(root, loginID: loginID, assumed: assumed)
        }
        if let message = try parse(line, read) { return message }
        // Only a line that the parser refuses is checked for text to repair: a refusal in Latin-1 still answers its
        // share.
        guard let repaired = JSONParser.repaired(line), let message = try parse(repaired.span, read) else {
            throw .invalidJSON
        }
        return message
    }
}

extension PoolMessage {
    /// The longest refusal that is relayed, in bytes.
    public static let refusalBytesMax = 256

    fileprivate init(_ root: JSONValue, loginID: Int64?, assumed: AlgorithmName) throws(PeerFault) {
        guard root.isObject else { throw .notARequest }
        let method = root["method"]
        if method.exists, !method.isNull {
            if method.equals("job") {
                self = .job(try Job(root["params"], assumed: assumed))
            } else if method.equals("client.reconnect"), let redirect = PoolRedirect(root["params"]) {
                self = .reconnect(redirect)
            } else {
                self = .other
            }
            return
        }
        let refusal = PoolMessage.refusal(root["error"])
        guard let id = PoolMessage.requestID(root["id"]) else {
            // A pool that refuses an address may not have read the request, and then does not know its id.
            self = refusal.map { .refused(id: loginID, text: $0) } ?? .other
            return
        }
        if let refusal {
            self = .refused(id: id, text: refusal)
        } else if id == loginID {
            self = .loggedIn(try PoolLogin(root["result"], assumed: assumed))
        } else if PoolMessage.grants(root["result"]) {
            self = .accepted(id: id)
        } else {
            // Neither success nor an error. A miner must not be told more than the pool has said.
            self = .refused(id: id, text: PoolMessage.unknownError)
        }
    }

    private static let unknownError = "Unknown error"

    private static func grants(_ result: JSONValue) -> Bool {
        result.exists && !result.isNull && result.bool != false
    }

    /// The id of a request. Some pools return the number as a string.
    private static func requestID(_ value: JSONValue) -> Int64? {
        if let id = value.int64 { return id }
        return value.withBytes { digits -> Int64? in
            guard (1...18).contains(digits.count) else { return nil }
            var number: Int64 = 0
            for position in digits.indices {
                guard (0x30...0x39).contains(digits[position]) else { return nil }
                number = number * 10 + Int64(digits[position] - 0x30)
            }
            return number
        } ?? nil
    }

    /// The text of an `error` member: an object with a message, a string, or Bitcoin's list `[code, text, data]`.
    /// - Returns: nil when there is no error. For that some pools write `false`, `0`, `""` or `[]`.
    private static func refusal(_ error: JSONValue) -> String? {
        guard error.exists, !error.isNull, error.bool != false, error.int64 != 0 else { return nil }
        if error.isArray {
            guard error[0].exists else { return nil }
            return refusalText((0..<listElementsMax).lazy.compactMap { error[$0].string }.first { !$0.isEmpty })
        }
        if let text = error.string { return text.isEmpty ? nil : refusalText(text) }
        return refusalText(error["message"].string)
    }

    /// An error list has three elements.
    private static let listElementsMax = 4

    private static func refusalText(_ text: String?) -> String {
        guard let text, !text.isEmpty else { return unknownError }
        guard text.utf8.count > refusalBytesMax else { return text }
        let limit = text.utf8.index(text.startIndex, offsetBy: refusalBytesMax)
        return String(text.unicodeScalars[..<limit])
    }
}

/// The target of a `client.reconnect`.
public struct PoolRedirect: Equatable, Sendable {
    /// The longest host name in DNS.
    public static let hostBytesMax = 253

    /// A name or an address, without brackets; nil = the present host.
    public var host: String?
    /// nil = the present port.
    public var port: UInt16?

    public init(host: String?, port: UInt16?) {
        self.host = host
        self.port = port
    }

    /// Decodes `[host, port]`, both optional; the port may be a number or a string.
    /// - Returns: nil when an element is invalid.
    fileprivate init?(_ params: JSONValue) {
        self.init(host: nil, port: nil)
        let (host, port) = (params[0], params[1])
        if host.exists, !host.isNull {
            guard let text = host.string, text.utf8.count <= PoolRedirect.hostBytesMax else { return nil }
            guard text.utf8.allSatisfy(PoolRedirect.isHostByte) else { return nil }
            if !text.isEmpty { self.host = text }
        }
        if port.exists, !port.isNull {
            let number = port.uint64.flatMap { UInt16(exactly: $0) } ?? port.string.flatMap { UInt16($0) }
            guard let number, number > 0 else { return nil }
            self.port = number
        }
    }

    /// Letters, digits, `.`, `-`, `_`, and `:` of an IPv6 address.
    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x3a, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f: true
        default: false
        }
    }
}

extension PoolLogin {
    fileprivate init(_ result: JSONValue, assumed: AlgorithmName) throws(PeerFault) {
        guard let session = PoolSessionID(result["id"]) else { throw .badField("result.id") }
        self.session = session
        job = result["job"].exists && !result["job"].isNull ? try Job(result["job"], assumed: assumed) : nil
        hasAlgo = false
        hasNicehash = false
        hasKeepalive = false
        var position = 0
        while position < PoolLogin.extensionsMax, result["extensions"][position].exists {
            let name = result["extensions"][position]
            if name.equals("algo") { hasAlgo = true }
            if name.equals("nicehash") { hasNicehash = true }
            if name.equals("keepalive") { hasKeepalive = true }
            position += 1
        }
    }

    /// There are five extensions; the rest of a longer list is ignored.
    private static let extensionsMax = 16
}
