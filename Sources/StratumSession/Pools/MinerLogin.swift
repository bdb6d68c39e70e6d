internal import StratumProtocol

/// The login of a miner that pools get instead of the operator's (`ShardPolicy.passesLogins`). What the miner did not
/// give is the operator's.
struct MinerLogin: Equatable {
    var user: String?
    var password: String?
    var rigID: String?

    /// - Parameter passesPassword: false when the password is for this proxy (`ShardPolicy.accessPassword`).
    /// - Returns: nil when the miner gave nothing.
    init?(_ login: LoginRequest, passesPassword: Bool) {
        user = login.login.isEmpty ? nil : login.login
        password = passesPassword ? login.password : nil
        rigID = login.rigID
        guard user != nil || password != nil || rigID != nil else { return nil }
    }

    /// A field would have to be cut.
    var isTooLong: Bool {
        [user, password, rigID].contains { ($0?.utf8.count ?? 0) > LoginRequest.fieldBytesMax }
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
