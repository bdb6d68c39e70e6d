/// What a pool sends (behaviour.md §9).
public enum PoolMessage: Sendable {
    case job(Job)
    /// The login was accepted.
    case loggedIn(PoolLogin)
    /// A request was granted: a share accepted, a keepalive answered.
    case accepted(id: Int64)
    /// A request was refused, in the pool's words.
    case refused(id: Int64, text: String)
    /// Something that we do not know, and need not.
    case other
}

/// The pool's answer to our login.
public struct PoolLogin: Sendable {
    /// Names the session in every later request.
    public var session: PoolSessionID
    public var job: Job?
    /// The pool wants `algo` in each share.
    public var hasAlgo: Bool
    /// The pool reserves the first nonce byte for itself.
    public var hasNicehash: Bool
    public var hasKeepalive: Bool
}

/// A pool's name for our session.
public typealias PoolSessionID = OpaqueID

extension JSONParser {
    /// Reads one line of a pool.
    /// - Parameters:
    ///   - loginID: the request id of our login while it is unanswered, else nil.
    ///   - assumed: the algorithm of a job that names none.
    public func poolMessage(
        _ line: Span<UInt8>, loginID: Int64?, assumed: AlgorithmName
    ) throws(PeerFault) -> PoolMessage {
        let message = try parse(line) { root throws(PeerFault) in
            try PoolMessage(root, loginID: loginID, assumed: assumed)
        }
        guard let message else { throw .invalidJSON }
        return message
    }
}

extension PoolMessage {
    /// Longest text of a pool's refusal that is relayed.
    public static let refusalBytesMax = 256

    fileprivate init(_ root: JSONValue, loginID: Int64?, assumed: AlgorithmName) throws(PeerFault) {
        guard root.isObject else { throw .notARequest }
        if root["method"].exists, !root["method"].isNull {
            self = root["method"].equals("job") ? .job(try Job(root["params"], assumed: assumed)) : .other
            return
        }
        let refusal = PoolMessage.refusal(root["error"])
        guard let id = root["id"].int64 else {
            // A pool that turns an address away need not have read our request, nor know its id.
            if let loginID, let refusal { self = .refused(id: loginID, text: refusal) } else { self = .other }
            return
        }
        if let refusal {
            self = .refused(id: id, text: refusal)
        } else if id == loginID {
            self = .loggedIn(try PoolLogin(root["result"], assumed: assumed))
        } else if PoolMessage.grants(root["result"]) {
            self = .accepted(id: id)
        } else {
            // Neither yes nor no. A miner must not be told more than the pool has said.
            self = .refused(id: id, text: PoolMessage.unknownError)
        }
    }

    private static let unknownError = "Unknown error"

    private static func grants(_ result: JSONValue) -> Bool {
        result.exists && !result.isNull && result.bool != false
    }

    /// The words of an `error` member; nil when there is no error.
    private static func refusal(_ error: JSONValue) -> String? {
        guard error.exists, !error.isNull else { return nil }
        let text = error["message"].string ?? error.string ?? ""
        guard !text.isEmpty else { return unknownError }
        guard text.utf8.count > refusalBytesMax else { return text }
        let limit = text.utf8.index(text.startIndex, offsetBy: refusalBytesMax)
        return String(text.unicodeScalars[..<limit])
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

    /// There are five; a list that goes on is not read to its end.
    private static let extensionsMax = 16
}
