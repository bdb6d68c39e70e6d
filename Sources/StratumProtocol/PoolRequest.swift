/// Requests to pools (docs/PROTOCOL.md, "Millrace → pool"). Each function appends one complete line, with its newline,
/// to a buffer.
public enum PoolRequest {
    /// - Parameter rigID: omitted when nil.
    public static func login(
        id: Int64, user: String, password: String, agent: String, rigID: String?, algorithm: AlgorithmName?,
        to buffer: inout [UInt8]
    ) {
        open("login", id: id, to: &buffer)
        field("login", user, to: &buffer)
        buffer.append(",")
        field("pass", password, to: &buffer)
        buffer.append(",")
        field("agent", agent, to: &buffer)
        if let rigID {
            buffer.append(",")
            field("rigid", rigID, to: &buffer)
        }
        if let algorithm, !algorithm.isEmpty {
            buffer.append(",\"algo\":[\"")
            buffer.append(jsonEscaped: algorithm)
            buffer.append("\"]")
        }
        buffer.append("}}\n")
    }

    public static func keepalived(id: Int64, session: PoolSessionID, to buffer: inout [UInt8]) {
        open("keepalived", id: id, to: &buffer)
        buffer.append("\"id\":\"")
        buffer.append(jsonEscaped: session)
        buffer.append("\"}}\n")
    }

    /// Forwards a share.
    /// - Parameter algorithm: nil when the pool did not ask for it.
    public static func submit(
        id: Int64, session: PoolSessionID, share: ForwardedShare, algorithm: AlgorithmName?, to buffer: inout [UInt8]
    ) {
        open("submit", id: id, to: &buffer)
        buffer.append("\"id\":\"")
        buffer.append(jsonEscaped: session)
        buffer.append("\",\"job_id\":\"")
        buffer.append(jsonEscaped: share.jobID)
        buffer.append("\",\"nonce\":\"")
        buffer.append(hexLittleEndian: share.nonce)
        buffer.append("\",\"result\":\"")
        buffer.append(hex: share.hash.span)
        if let signature = share.signature {
            buffer.append("\",\"sig\":\"")
            buffer.append(hex: signature.span)
        }
        if let commitment = share.commitment {
            buffer.append("\",\"commitment\":\"")
            buffer.append(hex: commitment.span)
        }
        if let algorithm, !algorithm.isEmpty {
            buffer.append("\",\"algo\":\"")
            buffer.append(jsonEscaped: algorithm)
        }
        buffer.append("\"}}\n")
    }

    private static func open(_ method: StaticString, id: Int64, to buffer: inout [UInt8]) {
        buffer.append("{\"id\":")
        buffer.append(decimal: id)
        buffer.append(",\"jsonrpc\":\"2.0\",\"method\":\"")
        buffer.append(method)
        buffer.append("\",\"params\":{")
    }

    private static func field(_ name: StaticString, _ value: String, to buffer: inout [UInt8]) {
        buffer.append("\"")
        buffer.append(name)
        buffer.append("\":\"")
        buffer.append(jsonEscaped: value)
        buffer.append("\"")
    }
}

/// A checked share to be forwarded to the pool.
public struct ForwardedShare: Sendable {
    public var jobID: JobID
    public var nonce: UInt32
    public var hash: InlineArray<32, UInt8>
    public var signature: InlineArray<64, UInt8>?
    public var commitment: InlineArray<32, UInt8>?

    public init(jobID: JobID, nonce: UInt32, hash: InlineArray<32, UInt8>) {
        self.jobID = jobID
        self.nonce = nonce
        self.hash = hash
    }
}
