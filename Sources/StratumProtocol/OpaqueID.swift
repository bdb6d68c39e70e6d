/// A job or session id that a pool chose: any text of up to 256 bytes, returned unchanged.
///
/// Shares carry only the fingerprint (`SubmitRequest.jobID`): copying the text from step to step would cost more than
/// everything else that a share needs of its job.
public struct OpaqueID: Equatable, Sendable {
    /// The longest ids seen in use have 64 bytes.
    public static let bytesMax = 256

    /// Unescaped UTF-8; empty when there is no id.
    public let bytes: [UInt8]
    public let fingerprint: Fingerprint

    /// No id.
    public init() {
        let nothing: [UInt8] = []
        bytes = nothing
        fingerprint = Fingerprint(nothing.span)
    }

    /// nil when the text is empty, too long, or not UTF-8.
    public init?(_ text: Span<UInt8>) {
        guard !text.isEmpty, text.count <= OpaqueID.bytesMax, text.isUTF8 else { return nil }
        bytes = [UInt8](copying: text)
        fingerprint = Fingerprint(text)
    }

    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        self.init(bytes.span)
    }

    /// A string, or an integer, which is stored as its digits; nil for other values.
    init?(_ value: JSONValue) {
        if let number = value.int64 {
            self.init("\(number)")
        } else if let id = value.withBytes({ OpaqueID($0) }) ?? nil {
            self = id
        } else {
            return nil
        }
    }

    public var isEmpty: Bool { bytes.isEmpty }

    public var text: String { String(decoding: bytes, as: UTF8.self) }

    public static func == (left: OpaqueID, right: OpaqueID) -> Bool {
        left.fingerprint == right.fingerprint && left.bytes == right.bytes
    }

    /// A 64-bit hash of an id. Two jobs of a pool have the same fingerprint with a probability of 2⁻⁶⁴; a pool or a
    /// miner that searches for such a pair can only harm its own shares.
    public struct Fingerprint: Equatable, Sendable {
        private let hash: UInt64

        /// - Parameter text: unescaped.
        public init(_ text: Span<UInt8>) {
            hash = text.withUnsafeBytes { bytes in
                var hash = UInt64(bytes.count)
                var position = 0
                while position + 8 <= bytes.count {
                    hash = Fingerprint.mix(hash, bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
                    position += 8
                }
                var rest: UInt64 = 0
                while position < bytes.count {
                    rest = rest << 8 | UInt64(bytes[position])
                    position += 1
                }
                return Fingerprint.mix(hash, rest)
            }
        }

        /// For a given hash, different words have different results, and each bit of both affects the whole result.
        private static func mix(_ hash: UInt64, _ word: UInt64) -> UInt64 {
            var mixed = (hash ^ word) &* 0x9E37_79B9_7F4A_7C15
            mixed = (mixed ^ (mixed >> 32)) &* 0xD6E8_FEB8_6659_FD93
            return mixed ^ (mixed >> 29)
        }
    }
}

extension [UInt8] {
    /// Appends the id as the inside of a JSON string.
    public mutating func append(jsonEscaped id: OpaqueID) { append(jsonEscaped: id.bytes.span) }
}
