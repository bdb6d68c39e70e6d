public import Algorithms

/// A request of a miner, with each field checked (docs/PROTOCOL.md, "Miner → Millrace").
public enum MinerRequest {
    case login(LoginRequest)
    case submit(SubmitRequest)
    case keepalived(id: RequestID)
    /// An unknown method.
    case other(id: RequestID)
    /// A JSON object that is not a request. It has an id (perhaps null), so it can be answered.
    case malformed(id: RequestID, PeerFault)
}

/// A miner's login. A field that is missing or of another type is nil.
///
/// A field may be as long as the line: a password is compared as a whole, and a difficulty is at the end of a login.
public struct LoginRequest: Equatable, Sendable {
    /// How much of a field is kept for names. Wallet addresses have up to 106 characters, and `+difficulty` may follow.
    public static let fieldBytesMax = 256

    public var id: RequestID
    /// Empty when not given.
    public var login: String
    public var password: String?
    public var agent: String?
    public var rigID: String?

    public init(id: RequestID, login: String, password: String? = nil, agent: String? = nil, rigID: String? = nil) {
        self.id = id
        self.login = login
        self.password = password
        self.agent = agent
        self.rigID = rigID
    }
}

/// A pool's id of a job.
public typealias JobID = OpaqueID

/// A share. It holds no references, so it costs no allocation.
public struct SubmitRequest: Sendable {
    public var id: RequestID
    /// The miner's session id; nil when malformed.
    public var session: UInt64?
    /// nil when missing or not a string.
    public var jobID: JobID.Fingerprint?
    /// nil when malformed.
    public var nonce: UInt32?
    /// The 32 bytes of the hash; nil when malformed.
    public var hash: InlineArray<32, UInt8>?
    /// nil when not given or unknown; then it is not checked.
    public var algorithm: Algorithm?
    /// The signature and the commitment of newer algorithms, forwarded unchanged.
    public var signature: InlineArray<64, UInt8>?
    public var commitment: InlineArray<32, UInt8>?

    public init(id: RequestID) { self.id = id }
}

extension JSONParser {
    /// The length in bytes of the shortest line that can be a request (docs/PROTOCOL.md, "Framing and limits").
    public static let minerLineBytesMin = 32

    /// Decodes one line of a miner.
    public func minerRequest(_ line: Span<UInt8>) throws(PeerFault) -> MinerRequest {
        guard line.count >= JSONParser.minerLineBytesMin, line[0] == 0x7b else { throw .notARequest }
        if let request = parse(line, { MinerRequest($0) }) { return request }
        // Only a line that the parser refuses is checked for text to repair.
        guard let repaired = JSONParser.repaired(line), let request = parse(repaired.span, { MinerRequest($0) }) else {
            throw .invalidJSON
        }
        return request
    }
}

extension MinerRequest {
    fileprivate init(_ root: JSONValue) {
        guard let id = RequestID(root["id"]) else {
            self = .malformed(id: .null, .badRequestID)
            return
        }
        let method = root["method"]
        let params = root["params"]
        if !method.isString {
            self = .malformed(id: id, .badMethod)
        } else if !params.isObject {
            self = .malformed(id: id, .badParams)
        } else if method.equals("submit") {
            self = .submit(SubmitRequest(id: id, params))
        } else if method.equals("keepalived") {
            self = .keepalived(id: id)
        } else if method.equals("login") {
            self = .login(LoginRequest(id: id, params))
        } else {
            self = .other(id: id)
        }
    }
}

extension LoginRequest {
    fileprivate init(id: RequestID, _ params: JSONValue) {
        self.init(
            id: id, login: params["login"].string ?? "", password: params["pass"].string,
            agent: params["agent"].string, rigID: params["rigid"].string)
    }
}

extension SubmitRequest {
    fileprivate init(id: RequestID, _ params: JSONValue) {
        self.id = id
        session =
            params["id"].withBytes { text -> UInt64? in
                guard let bytes: InlineArray<8, UInt8> = Hex.decode(text) else { return nil }
                var number: UInt64 = 0
                for position in 0..<8 { number = number << 8 | UInt64(bytes[position]) }
                return number
            } ?? nil
        jobID = params["job_id"].withBytes { JobID.Fingerprint($0) }
        nonce =
            params["nonce"].withBytes { text -> UInt32? in
                guard let bytes: InlineArray<4, UInt8> = Hex.decode(text) else { return nil }
                return UInt32(bytes[0]) | UInt32(bytes[1]) << 8 | UInt32(bytes[2]) << 16 | UInt32(bytes[3]) << 24
            } ?? nil
        hash = params["result"].withBytes { Hex.decode($0) } ?? nil
        algorithm = params["algo"].withBytes { Algorithm(named: $0) } ?? nil
        signature = params["sig"].withBytes { Hex.decode($0) } ?? nil
        commitment = params["commitment"].withBytes { Hex.decode($0) } ?? nil
    }
}
