/// The `id` of a miner's request, kept until the answer repeats it.
///
/// JSON-RPC allows a number, a string or null; a missing id and other types count as null. The value holds no
/// references, so keeping it costs no allocation.
public enum RequestID: Equatable, Sendable {
    /// The longest string in bytes of UTF-8: a SHA-256 in hexadecimal digits. A longer one cannot be repeated.
    public static let textBytesMax = 64
    public typealias Text = InlineBytes<64>

    case null
    case integer(Int64)
    /// An integer above `Int64.max`.
    case unsigned(UInt64)
    /// A number with a fraction or an exponent, always finite.
    case fraction(Double)
    case text(Text)
}

extension RequestID: ExpressibleByIntegerLiteral {
    public init(integerLiteral value: Int64) { self = .integer(value) }
}

extension RequestID {
    /// nil when the value is a string longer than `textBytesMax`.
    @inline(__always)
    init?(_ value: JSONValue) {
        if let number = value.int64 {
            self = .integer(number)
        } else {
            self.init(rare: value)
        }
    }

    private init?(rare value: JSONValue) {
        if let number = value.uint64 {
            self = .unsigned(number)
        } else if let number = value.double {
            self = .fraction(number)
        } else if value.isString {
            guard let text = value.withBytes({ Text($0) }) ?? nil else { return nil }
            self = .text(text)
        } else {
            self = .null
        }
    }

    /// Appends the id as a JSON value.
    func append(to buffer: inout [UInt8]) {
        switch self {
        case .null: buffer.append("null")
        case .integer(let number): buffer.append(decimal: number)
        case .unsigned(let number): buffer.append(decimal: number)
        case .fraction(let number): buffer.append(contentsOf: number.description.utf8)
        case .text(let text):
            buffer.append(0x22)
            buffer.append(jsonEscaped: text)
            buffer.append(0x22)
        }
    }
}

// MARK: - Coding

/// An id is encoded in parts: rows have had a field for its number longer than for its kind (docs/HANDOVER.md).
extension RequestID {
    public enum Kind: UInt8, Sendable {
        case integer, unsigned, fraction, null, text
    }

    public var kind: Kind {
        switch self {
        case .null: .null
        case .integer: .integer
        case .unsigned: .unsigned
        case .fraction: .fraction
        case .text: .text
        }
    }

    /// The bits of the number; 0 when the id is not a number.
    public var bits: Int64 {
        switch self {
        case .integer(let number): number
        case .unsigned(let number): Int64(bitPattern: number)
        case .fraction(let number): Int64(bitPattern: number.bitPattern)
        case .null, .text: 0
        }
    }

    /// nil when the id is not a string.
    public var text: Text? {
        if case .text(let text) = self { text } else { nil }
    }

    /// - Returns: nil when the parts are not a valid id.
    public init?(_ kind: Kind, bits: Int64, text: Text) {
        switch kind {
        case .integer: self = .integer(bits)
        case .unsigned: self = .unsigned(UInt64(bitPattern: bits))
        case .fraction:
            let number = Double(bitPattern: UInt64(bitPattern: bits))
            guard number.isFinite else { return nil }
            self = .fraction(number)
        case .null: self = .null
        case .text: self = .text(text)
        }
    }
}
