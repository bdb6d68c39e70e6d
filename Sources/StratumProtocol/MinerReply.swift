/// Messages to miners. Each function appends one complete line, with its newline, to a buffer.
public enum MinerReply {
    /// The reasons of refusals, all with code −1 (docs/PROTOCOL.md, "Answers"; docs/COMPATIBILITY.md, "Refusals").
    public enum Refusal: Sendable, CaseIterable {
        case badGateway
        case invalidMethod
        case invalidNonce
        case lowDifficulty
        case unauthenticated
        case wrongAlgorithm
        case permissionDenied
        /// Not "Invalid job id": XMRig drops its connection at that text (docs/decisions/0003).
        case staleShare
        case duplicateShare
        /// The job has received more shares than Millrace can remember.
        case tooManyShares
        /// The pool has rejected too many shares of this miner, or of new miners at its address: no share is forwarded
        /// for a while.
        case quarantined
        /// The pool has rejected many shares lately and might ban this proxy: only miners with an accepted share are
        /// forwarded.
        case poolGuarded
        /// The miner was quarantined repeatedly, and is banned for a while.
        case banned
        case invalidParams
        /// The request's id is too long to be repeated, so the answer has none.
        case idTooLong

        public var text: StaticString {
            switch self {
            case .badGateway: "Bad gateway"
            case .invalidMethod: "Invalid method"
            case .invalidNonce: "Invalid nonce; is miner not compatible with NiceHash?"
            case .lowDifficulty: "Low difficulty share"
            case .unauthenticated: "Unauthenticated"
            case .wrongAlgorithm: "Incorrect algorithm"
            case .permissionDenied: "Permission denied"
            case .staleShare: "Stale share"
            case .duplicateShare: "Duplicate share"
            case .tooManyShares: "Too many shares"
            case .quarantined: "Too many rejected shares, not forwarded for a while"
            case .poolGuarded: "Not forwarded: the pool rejects too many shares of new miners"
            case .banned: "Banned for a while: the pool rejected too many shares of this miner"
            case .invalidParams: "Invalid params"
            case .idTooLong: "Request id too long"
            }
        }
    }

    /// The share was accepted.
    public static func ok(id: RequestID, to buffer: inout [UInt8]) {
        status("OK", id: id, to: &buffer)
    }

    public static func keepalived(id: RequestID, to buffer: inout [UInt8]) {
        status("KEEPALIVED", id: id, to: &buffer)
    }

    public static func refusal(_ refusal: Refusal, id: RequestID, to buffer: inout [UInt8]) {
        openRefusal(id: id, to: &buffer)
        buffer.append(refusal.text)
        buffer.append("\"}}\n")
    }

    /// Relays a pool's text.
    public static func refusal(text: String, id: RequestID, to buffer: inout [UInt8]) {
        openRefusal(id: id, to: &buffer)
        buffer.append(jsonEscaped: text)
        buffer.append("\"}}\n")
    }

    /// The extensions in a login reply.
    public struct Extensions: Sendable {
        public var algo: Bool
        public var nicehash: Bool

        public init(algo: Bool, nicehash: Bool) {
            self.algo = algo
            self.nicehash = nicehash
        }
    }

    /// Accepts the login, with the first job.
    public static func login(
        id: RequestID, session: UInt64, job: JobLine, for share: JobShare, extensions: Extensions,
        to buffer: inout [UInt8]
    ) {
        buffer.append("{\"jsonrpc\":\"2.0\",\"id\":")
        id.append(to: &buffer)
        buffer.append(",\"error\":null,\"result\":{\"id\":\"")
        buffer.append(hex64: session)
        buffer.append("\",\"job\":")
        job.append(to: &buffer, for: share)
        buffer.append(",\"extensions\":[")
        if extensions.algo { buffer.append("\"algo\",") }
        if extensions.nicehash { buffer.append("\"nicehash\",") }
        buffer.append("\"keepalive\"],\"status\":\"OK\"}}\n")
    }

    /// A new job.
    public static func job(_ job: JobLine, for share: JobShare, to buffer: inout [UInt8]) {
        buffer.append("{\"jsonrpc\":\"2.0\",\"method\":\"job\",\"params\":")
        job.append(to: &buffer, for: share)
        buffer.append("}\n")
    }

    private static func status(_ status: StaticString, id: RequestID, to buffer: inout [UInt8]) {
        buffer.append("{\"id\":")
        id.append(to: &buffer)
        buffer.append(",\"jsonrpc\":\"2.0\",\"error\":null,\"result\":{\"status\":\"")
        buffer.append(status)
        buffer.append("\"}}\n")
    }

    private static func openRefusal(id: RequestID, to buffer: inout [UInt8]) {
        buffer.append("{\"id\":")
        id.append(to: &buffer)
        buffer.append(",\"jsonrpc\":\"2.0\",\"error\":{\"code\":-1,\"message\":\"")
    }
}
