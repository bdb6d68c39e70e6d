internal import StratumProtocol

/// Reads the handshake messages that may come after the handshake (RFC 8446, 4.6), however they are split over records.
///
/// None of them needs a buffer: a NewSessionTicket is passed over as it comes, a KeyUpdate has one byte.
struct HandshakeReader: BitwiseCopyable, Sendable {
    /// The longest NewSessionTicket. Real ones have 200 bytes, and some KiB with a client's certificate inside.
    static let ticketBytesMax = 64 * 1024
    /// Lifetime, age, and the lengths of nonce, ticket and extensions; a ticket has at least one byte.
    private static let ticketBytesMin = 14
    private static let headBytes: UInt8 = 4

    private enum MessageType {
        static let newSessionTicket: UInt8 = 4
        static let keyUpdate: UInt8 = 24
    }

    /// The bytes of a message's head that have come: its type and the three of its length.
    private var headCount: UInt8 = 0
    private var type: UInt8 = 0
    /// While the head comes: the length as far as it is known. Behind it: the bytes that are missing.
    private var length: UInt32 = 0

    /// Whether a message has begun.
    var isInMessage: Bool { headCount > 0 }

    /// Takes the content of a handshake record.
    /// - Returns: whether an answer is requested, when it ends with a KeyUpdate; else nil.
    mutating func read(_ content: Span<UInt8>, as role: RecordState.Role) throws(RecordFault) -> Bool? {
        guard !content.isEmpty else { throw .emptyHandshakeRecord }
        var position = 0
        while position < content.count {
            if headCount < HandshakeReader.headBytes {
                try readHead(content[position], as: role)
                position += 1
            } else if type == MessageType.keyUpdate {
                let request = content[position]
                guard request <= 1 else { throw .badKeyUpdate(request) }
                guard position + 1 == content.count else { throw .bytesBehindKeyUpdate }
                self = HandshakeReader()
                return request == 1
            } else {
                let skipped = min(Int(length), content.count - position)
                position += skipped
                length -= UInt32(skipped)
                if length == 0 { self = HandshakeReader() }
            }
        }
        return nil
    }

    private mutating func readHead(_ byte: UInt8, as role: RecordState.Role) throws(RecordFault) {
        if headCount == 0 {
            guard HandshakeReader.isExpected(byte, as: role) else { throw .unexpectedHandshake(type: byte) }
            type = byte
        } else {
            length = length << 8 | UInt32(byte)
        }
        headCount += 1
        guard headCount == HandshakeReader.headBytes, !hasGoodLength else { return }
        throw .badHandshakeLength(type: type, length: Int(length))
    }

    private var hasGoodLength: Bool {
        type == MessageType.keyUpdate
            ? length == 1 : (HandshakeReader.ticketBytesMin...HandshakeReader.ticketBytesMax).contains(Int(length))
    }

    private static func isExpected(_ type: UInt8, as role: RecordState.Role) -> Bool {
        type == MessageType.keyUpdate || type == MessageType.newSessionTicket && role == .client
    }

    /// A KeyUpdate that asks for no answer.
    static let keyUpdate: InlineArray<5, UInt8> = [MessageType.keyUpdate, 0, 0, 1, 0]
}

// MARK: - Written form

extension HandshakeReader {
    func encode(into form: inout BinaryWriter) {
        form.integer(headCount)
        form.integer(type)
        form.integer(length)
    }

    init(decoding form: inout BinaryReader, as role: RecordState.Role) throws(DecodingFault) {
        headCount = try form.integer(in: 0...HandshakeReader.headBytes, "records.handshake")
        type = try form.integer()
        length = try form.integer()
        let isPossible =
            switch headCount {
            case 0: type == 0 && length == 0
            case HandshakeReader.headBytes where type == MessageType.keyUpdate: length == 1
            case HandshakeReader.headBytes: (1...UInt32(HandshakeReader.ticketBytesMax)).contains(length)
            default: length < 1 << (8 * UInt32(headCount - 1))
            }
        let isReachable = headCount == 0 || HandshakeReader.isExpected(type, as: role)
        guard isPossible && isReachable else { throw .badField("records.handshake") }
    }
}
