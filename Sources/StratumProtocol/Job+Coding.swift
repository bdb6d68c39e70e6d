/// The encoded form of data from peers. Decoding checks it like input from a peer: an encoded state may be corrupt, and
/// its jobs are sent to miners.
extension Job {
    public func encode(to writer: inout BinaryWriter) {
        writer.record { writer in
            writer.bytes(id)
            writer.bytes(algorithm)
            writer.integer(height)
            writer.bytes(blob)
            writer.bytes(target)
            writer.bytes(seedHash)
            writer.bytes(signatureKey)
        }
    }

    public init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        var reader = try reader.record()
        id = try reader.opaqueID("job.id")
        algorithm = try reader.algorithmName("job.algorithm")
        height = try reader.integer()
        let shortest = algorithm.nonceOffset + 5
        blob = try Job.hex(&reader, bytes: shortest...max(shortest, Job.blobBytesMax), "job.blob")
        target = [UInt8](try reader.bytes(max: 16, "job.target"))
        seedHash = try Job.hex(&reader, bytes: 0...32, "job.seedHash")
        signatureKey = try Job.hex(&reader, bytes: 0...64, "job.signatureKey")
        guard !id.isEmpty else { throw .badField("job.id") }
        guard let difficulty = Job.difficulty(target, of: algorithm) else { throw .badField("job.target") }
        self.difficulty = difficulty
    }

    private static func hex(
        _ reader: inout BinaryReader, bytes: ClosedRange<Int>, _ name: StaticString
    ) throws(DecodingFault) -> [UInt8] {
        let text = [UInt8](try reader.bytes(max: bytes.upperBound * 2, name))
        guard text.count % 2 == 0, bytes.contains(text.count / 2), Hex.isHex(text.span, count: text.count) else {
            throw .badField(name.description)
        }
        return text
    }
}

extension BinaryWriter {
    public mutating func bytes(_ id: OpaqueID) { bytes(id.bytes) }
    public mutating func bytes(_ name: AlgorithmName) { bytes(name.spelling) }
}

extension BinaryReader {
    /// An id; empty when none was encoded.
    public mutating func opaqueID(_ name: StaticString) throws(DecodingFault) -> OpaqueID {
        let bytes = [UInt8](try bytes(max: OpaqueID.bytesMax, name))
        guard !bytes.isEmpty else { return OpaqueID() }
        guard let id = OpaqueID(bytes.span) else { throw .badField(name.description) }
        return id
    }

    public mutating func algorithmName(_ name: StaticString) throws(DecodingFault) -> AlgorithmName {
        let bytes = [UInt8](try bytes(max: AlgorithmName.bytesMax, name))
        guard let algorithm = AlgorithmName(bytes.span) else { throw .badField(name.description) }
        return algorithm
    }
}

extension PeerFault {
    /// The longest name of a field.
    private static let fieldNameBytesMax = 64

    public func encode(to writer: inout BinaryWriter) {
        switch self {
        case .lineTooLong(let limit):
            writer.integer(UInt8(0))
            writer.integer(UInt32(clamping: limit))
        case .notARequest: writer.integer(UInt8(1))
        case .invalidJSON: writer.integer(UInt8(2))
        case .badRequestID: writer.integer(UInt8(3))
        case .badMethod: writer.integer(UInt8(4))
        case .badParams: writer.integer(UInt8(5))
        case .badField(let name):
            writer.integer(UInt8(6))
            writer.text(name)
        }
    }

    public init(decoding reader: inout BinaryReader) throws(DecodingFault) {
        switch try reader.integer() as UInt8 {
        case 0: self = .lineTooLong(limit: Int(try reader.integer(UInt32.self)))
        case 1: self = .notARequest
        case 2: self = .invalidJSON
        case 3: self = .badRequestID
        case 4: self = .badMethod
        case 5: self = .badParams
        case 6: self = .badField(try reader.text(max: PeerFault.fieldNameBytesMax, "fault.field"))
        default: throw .badField("fault")
        }
    }
}

extension LineFramer {
    /// Encodes the unfinished line only; the limit is set by the program that decodes.
    public func encode(to writer: inout BinaryWriter) {
        writer.bytes(partial)
    }

    /// - Parameter heldBytesMax: how many bytes may be held of a connection that is not split into lines for a while; 0
    ///   when it always is.
    public init(decoding reader: inout BinaryReader, lineBytesMax: Int, heldBytesMax: Int = 0) throws(DecodingFault) {
        self.init(lineBytesMax: lineBytesMax)
        let bytes = try reader.bytes(max: max(lineBytesMax, heldBytesMax), "partialLine")
        partial = [UInt8](bytes)
        // Without held bytes, this is less than a line, or an undecided opening.
        guard heldBytesMax > 0 || !bytes.contains(0x0a) || Opening(partial.span) == .undecided else {
            throw .badField("partialLine")
        }
    }
}
