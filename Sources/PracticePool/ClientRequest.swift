internal import StratumProtocol

/// A client's request, parsed as strictly as by a pool.
enum ClientRequest {
    /// - Parameter user: nil when it is missing or empty.
    case login(id: Int64, user: String?)
    case submit(id: Int64, ShareClaim)
    /// `session`: the id in the request; nil when it is missing or malformed.
    case keepalived(id: Int64, session: UInt64?)
    case other(id: Int64)
}

/// A share as submitted. Missing or malformed fields are nil.
struct ShareClaim: Sendable {
    var session: UInt64?
    var job: JobName?
    /// Little-endian: its highest byte is the one that proxies assign.
    var nonce: UInt32?
    var hash: InlineArray<32, UInt8>?
    var algorithm: Algorithm

    enum Algorithm: Sendable { case notGiven, asAsked, different }
}

/// A protocol violation of a client, which closes its connection.
enum ClientFault: String, Error, Codable, CaseIterable {
    case lineTooLong = "line_too_long"
    case notJSON = "not_json"
    case badRequest = "bad_request"
    case requestBeforeLogin = "request_before_login"
    case secondLogin = "second_login"
    case unknownMethod = "unknown_method"
    case foreignKeepalive = "foreign_keepalive"
}

extension ClientRequest {
    /// - Parameter algorithm: the algorithm of the pool's jobs, for comparison.
    init(_ root: JSONValue, algorithm: String) throws(ClientFault) {
        guard let id = root["id"].int64, root["method"].isString, root["params"].isObject else { throw .badRequest }
        let method = root["method"]
        let params = root["params"]
        if method.equals("submit") {
            self = .submit(id: id, ShareClaim(params, algorithm: algorithm))
        } else if method.equals("login") {
            self = .login(id: id, user: params["login"].string.flatMap { $0.isEmpty ? nil : $0 })
        } else if method.equals("keepalived") {
            self = .keepalived(id: id, session: ShareClaim.session(params["id"]))
        } else {
            self = .other(id: id)
        }
    }
}

extension ShareClaim {
    fileprivate init(_ params: JSONValue, algorithm expected: String) {
        session = ShareClaim.session(params["id"])
        job = params["job_id"].withBytes { JobName($0) } ?? nil
        nonce = params["nonce"].withBytes(ShareClaim.nonce) ?? nil
        hash = params["result"].withBytes { Hex.decode($0) } ?? nil
        let given = params["algo"]
        algorithm = .notGiven
        if given.exists {
            let isSame = given.withBytes { bytes in
                bytes.count == expected.utf8.count
                    && zip(0..., expected.utf8).allSatisfy { bytes[$0.0] == $0.1 }
            }
            algorithm = isSame == true ? .asAsked : .different
        }
    }

    fileprivate static func session(_ value: JSONValue) -> UInt64? {
        value.withBytes { text -> UInt64? in
            guard let bytes: InlineArray<8, UInt8> = Hex.decode(text) else { return nil }
            var number: UInt64 = 0
            for index in 0..<8 { number = number << 8 | UInt64(bytes[index]) }
            return number
        } ?? nil
    }

    private static func nonce(_ text: Span<UInt8>) -> UInt32? {
        guard let bytes: InlineArray<4, UInt8> = Hex.decode(text) else { return nil }
        return UInt32(bytes[0]) | UInt32(bytes[1]) << 8 | UInt32(bytes[2]) << 16 | UInt32(bytes[3]) << 24
    }
}
