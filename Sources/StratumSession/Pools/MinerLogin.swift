internal import StratumProtocol

/// The login of a miner that pools get instead of the operator's (`ShardPolicy.passesLogins`). What the miner did not
/// give is the operator's.
struct MinerLogin: Equatable {
    var user: String?
    var password: String?
    var rigID: String?

    /// - Parameter passesPassword: false when the password is for this proxy (`ShardPolicy.accessPassword`).
    /// - Returns: nil when a field is longer than `LoginRequest.fieldBytesMax`, and would have to be cut.
    init?(_ login: LoginRequest, passesPassword: Bool) {
        user = login.login.isEmpty ? nil : login.login
        password = passesPassword ? login.password : nil
        rigID = login.rigID
        for field in [user, password, rigID] where (field?.utf8.count ?? 0) > LoginRequest.fieldBytesMax { return nil }
    }
}

// MARK: - Coding

extension MinerLogin {
    func encode(to writer: inout BinaryWriter) {
        writer.text(ifGiven: user)
        writer.text(ifGiven: password)
        writer.text(ifGiven: rigID)
    }

    init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        let max = LoginRequest.fieldBytesMax
        user = try reader.text(ifGivenMax: max, "upstream.user")
        password = try reader.text(ifGivenMax: max, "upstream.password")
        rigID = try reader.text(ifGivenMax: max, "upstream.rigID")
    }
}
