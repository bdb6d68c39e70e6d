/// What a record has brought.
public enum Opened {
    /// Application data, at least one byte. It lies in the cipher's memory until its next record is opened.
    case data(UnsafeBufferPointer<UInt8>)
    /// Nothing for the application.
    case nothing
    /// The peer sends nothing more: `.closeNotify` ends the stream, any other alert says what it objects to.
    case ended(Alert)
}

extension RecordState {
    /// Opens the next record of the peer.
    ///
    /// An answer that a KeyUpdate requests is not sealed here but with the next application data, so that any number of
    /// requests costs one answer.
    /// - Parameter record: a whole one, as `RecordFramer` cuts them. It is not changed.
    /// - Throws: how the peer broke the protocol. Seal its `alert` and close the connection; nothing more is opened.
    public mutating func open(_ record: Span<UInt8>, with cipher: RecordCipher) throws(RecordFault) -> Opened {
        guard !isReadClosed else { return .nothing }
        do {
            return try read(record, with: cipher)
        } catch {
            isReadClosed = true
            throw error
        }
    }

    private mutating func read(_ record: Span<UInt8>, with cipher: RecordCipher) throws(RecordFault) -> Opened {
        let body = record.count - RecordSize.headBytes
        guard body >= RecordSize.tagBytes else { throw .recordTooShort(body) }
        guard !reading.isExhausted else { throw .sequenceExhausted }
        guard let inner = cipher.open(record, suite, reading) else { throw .badTag }
        reading.advance()
        guard inner.count <= RecordSize.innerBytesMax else { throw .contentTooLong(inner.count) }
        guard let end = inner.lastIndex(where: { $0 != 0 }) else { throw .missingContentType }
        let content = UnsafeBufferPointer(rebasing: inner[0..<end])
        switch ContentType(rawValue: inner[end]) {
        case .applicationData: return try readData(content)
        case .handshake:
            try readHandshake(content.span)
            return .nothing
        case .alert:
            guard content.count == 2 else { throw .badAlert(length: content.count) }
            isReadClosed = true
            // The level before it says nothing in TLS 1.3.
            return .ended(Alert(rawValue: content[1]))
        case nil: throw .unexpectedContent(type: inner[end])
        }
    }

    private mutating func readData(_ content: UnsafeBufferPointer<UInt8>) throws(RecordFault) -> Opened {
        guard !handshake.isInMessage else { throw .interruptedHandshake }
        guard content.isEmpty else {
            emptyRecords = 0
            return .data(content)
        }
        try countEmptyRecord()
        return .nothing
    }

    private mutating func readHandshake(_ content: Span<UInt8>) throws(RecordFault) {
        guard let isAnswerRequested = try handshake.read(content, as: role) else { return }
        try countEmptyRecord()
        reading.update(suite)
        if isAnswerRequested { owesKeyUpdate = true }
    }

    private mutating func countEmptyRecord() throws(RecordFault) {
        guard emptyRecords < RecordState.emptyRecordsMax else { throw .tooManyEmptyRecords }
        emptyRecords += 1
    }
}
