/// The written forms of what comes from peers. What is read is checked as if a peer had sent it: a form may be damaged,
/// and what stands in it goes out to miners.
extension Job {
    public func encode(to form: inout FormWriter) {
        form.record { form in
            form.bytes(id)
            form.bytes(algorithm)
            form.integer(height)
            form.bytes(blob)
            form.bytes(target)
            form.bytes(seedHash)
            form.bytes(signatureKey)
        }
    }

    public init(decoding form: inout FormReader) throws(FormFault) {
        var form = try form.record()
        id = try form.opaqueID("job.id")
        algorithm = try form.algorithmName("job.algorithm")
        height = try form.integer()
        let shortest = algorithm.nonceOffset + 5
        blob = try Job.hex(&form, bytes: shortest...max(shortest, Job.blobBytesMax), "job.blob")
        target = [UInt8](try form.bytes(max: 16, "job.target"))
        seedHash = try Job.hex(&form, bytes: 0...32, "job.seedHash")
        signatureKey = try Job.hex(&form, bytes: 0...64, "job.signatureKey")
        guard !id.isEmpty else { throw .badField("job.id") }
        guard let difficulty = Job.difficulty(target, of: algorithm) else { throw .badField("job.target") }
        self.difficulty = difficulty
    }

    private static func hex(
        _ form: inout FormReader, bytes: ClosedRange<Int>, _ name: StaticString
    ) throws(FormFault) -> [UInt8] {
        let text = [UInt8](try form.bytes(max: bytes.upperBound * 2, name))
        guard text.count % 2 == 0, bytes.contains(text.count / 2), Hex.isHex(text.span, count: text.count) else {
            throw .badField(name.description)
        }
        return text
    }
}

extension FormWriter {
    public mutating func bytes(_ id: OpaqueID) { bytes(id.bytes) }
    public mutating func bytes(_ name: AlgorithmName) { bytes(name.spelling) }
}

extension FormReader {
    /// One that was given, or none.
    public mutating func opaqueID(_ name: StaticString) throws(FormFault) -> OpaqueID {
        let bytes = [UInt8](try bytes(max: OpaqueID.bytesMax, name))
        guard !bytes.isEmpty else { return OpaqueID() }
        guard let id = OpaqueID(bytes.span) else { throw .badField(name.description) }
        return id
    }

    public mutating func algorithmName(_ name: StaticString) throws(FormFault) -> AlgorithmName {
        let bytes = [UInt8](try bytes(max: AlgorithmName.bytesMax, name))
        guard let algorithm = AlgorithmName(bytes.span) else { throw .badField(name.description) }
        return algorithm
    }
}

extension PeerFault {
    /// The longest name of a field.
    private static let fieldNameBytesMax = 64

    public func encode(to form: inout FormWriter) {
        switch self {
        case .lineTooLong(let limit):
            form.integer(UInt8(0))
            form.integer(UInt32(clamping: limit))
        case .notARequest: form.integer(UInt8(1))
        case .invalidJSON: form.integer(UInt8(2))
        case .badRequestID: form.integer(UInt8(3))
        case .badMethod: form.integer(UInt8(4))
        case .badParams: form.integer(UInt8(5))
        case .badField(let name):
            form.integer(UInt8(6))
            form.text(name)
        }
    }

    public init(decoding form: inout FormReader) throws(FormFault) {
        switch try form.integer() as UInt8 {
        case 0: self = .lineTooLong(limit: Int(try form.integer(UInt32.self)))
        case 1: self = .notARequest
        case 2: self = .invalidJSON
        case 3: self = .badRequestID
        case 4: self = .badMethod
        case 5: self = .badParams
        case 6: self = .badField(try form.text(max: PeerFault.fieldNameBytesMax, "fault.field"))
        default: throw .badField("fault")
        }
    }
}

extension LineFramer {
    /// Only what it keeps of an unfinished line; the limit is the reader's own.
    public func encode(to form: inout FormWriter) {
        form.bytes(partial)
    }

    /// - Parameter heldBytesMax: what may be held of a connection that is not cut into lines for a while; 0 = it always is.
    public init(decoding form: inout FormReader, lineBytesMax: Int, heldBytesMax: Int = 0) throws(FormFault) {
        self.init(lineBytesMax: lineBytesMax)
        let bytes = try form.bytes(max: max(lineBytesMax, heldBytesMax), "partialLine")
        partial = [UInt8](bytes)
        // What it keeps is less than a line, an opening that is held, or all that has come meanwhile.
        guard heldBytesMax > 0 || !bytes.contains(0x0a) || Opening(partial.span) == .undecided else {
            throw .badField("partialLine")
        }
    }
}
