public import StratumProtocol

// MARK: - Written form

extension RecordState {
    /// Suite 2 · role 1 · read closed, write closed, owes a KeyUpdate: flags · empty records in a row 1 · message that
    /// has begun: bytes of its head 1, type 1, length or bytes that are missing 4 · mark 8 · for reading, then for
    /// sealing: number 8, secret (32 or 48 bytes, by the suite), key (16 or 32), IV 12.
    public func encode(into form: inout BinaryWriter) {
        form.integer(suite.rawValue)
        form.integer(role.rawValue)
        form.flag(isReadClosed)
        form.flag(isWriteClosed)
        form.flag(owesKeyUpdate)
        form.integer(emptyRecords)
        handshake.encode(into: &form)
        form.integer(mark)
        reading.encode(suite, into: &form)
        writing.encode(suite, into: &form)
    }

    public init(decoding form: inout BinaryReader) throws(DecodingFault) {
        guard let suite = CipherSuite(rawValue: try form.integer()) else { throw .badField("records.suite") }
        guard let role = Role(rawValue: try form.integer()) else { throw .badField("records.role") }
        self.suite = suite
        self.role = role
        isReadClosed = try form.flag()
        isWriteClosed = try form.flag()
        owesKeyUpdate = try form.flag()
        emptyRecords = try form.integer(in: 0...UInt8(RecordState.emptyRecordsMax), "records.empty")
        handshake = try HandshakeReader(decoding: &form, as: role)
        mark = try form.integer()
        reading = try TrafficKeys(suite, decoding: &form)
        writing = try TrafficKeys(suite, decoding: &form)
    }
}
