public import StratumProtocol

// MARK: - Written form

extension RecordState {
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
