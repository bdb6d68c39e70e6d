/// How a peer broke the record protocol. Its connection ends; `alert` tells it why.
public enum RecordFault: Error, Equatable, Sendable {
    /// A record of this type, which nothing may have after the handshake but application data.
    case unexpectedRecord(type: UInt8)
    /// A record longer than `RecordSize.bodyBytesMax`.
    case recordTooLong(Int)
    /// A record shorter than its tag.
    case recordTooShort(Int)
    /// The record was not made with the peer's key and the number that is due, or was changed on its way.
    case badTag
    /// Decrypted, it is longer than `RecordSize.innerBytesMax`.
    case contentTooLong(Int)
    /// Decrypted, it has padding and nothing else.
    case missingContentType
    case unexpectedContent(type: UInt8)
    /// Too many records in a row without application data (`RecordState.emptyRecordsMax`).
    case tooManyEmptyRecords
    /// An alert does not have two bytes.
    case badAlert(length: Int)
    /// A handshake record without content.
    case emptyHandshakeRecord
    /// A handshake message that has no place after the handshake, or that the other side sends.
    case unexpectedHandshake(type: UInt8)
    case badHandshakeLength(type: UInt8, length: Int)
    /// A KeyUpdate asks for something else than an update or none.
    case badKeyUpdate(UInt8)
    /// Bytes follow a KeyUpdate in its record: it is not clear with which key they were to be sealed.
    case bytesBehindKeyUpdate
    /// Application data between the pieces of a handshake message.
    case interruptedHandshake
    /// The peer's sequence number is used up, and it has not sent a KeyUpdate.
    case sequenceExhausted

    /// What to tell the peer.
    public var alert: Alert {
        switch self {
        case .unexpectedRecord, .missingContentType, .unexpectedContent, .tooManyEmptyRecords, .emptyHandshakeRecord,
            .unexpectedHandshake, .bytesBehindKeyUpdate, .interruptedHandshake:
            .unexpectedMessage
        case .recordTooShort, .badTag: .badRecordMAC
        case .recordTooLong, .contentTooLong: .recordOverflow
        case .badAlert, .badHandshakeLength: .decodeError
        case .badKeyUpdate: .illegalParameter
        case .sequenceExhausted: .internalError
        }
    }
}

/// Why nothing can be sealed.
public enum SealFault: Error, Equatable, Sendable {
    /// An alert was sealed, or the keys were wiped.
    case closed
    /// The sequence number is used up: another record would repeat a nonce. Close the connection.
    case sequenceExhausted
}
