internal import CSimdjson

/// Parses JSON documents with simdjson into reused memory. Not thread-safe: use one for each event loop.
public final class JSONParser {
    /// The deepest nesting that is parsed, to bound the recursion. Honest messages are nested four deep.
    public static let depthMax = 16

    private let raw: OpaquePointer
    private var buffer: [UInt8]
    private let documentBytesMax: Int

    /// The version of simdjson, such as "3.0.1".
    public static var libraryVersion: String { String(cString: csimdjson_version()) }

    /// - Parameter documentBytesMax: longer documents are refused.
    public init(documentBytesMax: Int = LineFramer.poolLineBytesMax) {
        guard let raw = csimdjson_create(documentBytesMax, JSONParser.depthMax) else { fatalError("out of memory") }
        self.raw = raw
        self.documentBytesMax = documentBytesMax
        buffer = [UInt8](repeating: 0, count: documentBytesMax + Int(csimdjson_padding))
    }

    deinit { csimdjson_destroy(raw) }

    /// Parses a document and calls `body` with its root; nil when it is not valid JSON or exceeds a limit.
    ///
    /// Values must not escape from `body`: the next document overwrites them.
    public func parse<R, E: Error>(_ document: Span<UInt8>, _ body: (JSONValue) throws(E) -> R) throws(E) -> R? {
        guard document.count <= documentBytesMax else { return nil }
        // simdjson reads whole vectors beyond the end. Copying a short line costs less than a guarantee by every caller
        // that those bytes exist.
        let root = buffer.withUnsafeMutableBufferPointer { target in
            document.withUnsafeBufferPointer { source in
                if let base = source.baseAddress { target.baseAddress!.update(from: base, count: source.count) }
            }
            return csimdjson_parse(raw, target.baseAddress, document.count)
        }
        guard root.kind != csimdjson_missing else { return nil }
        return try body(JSONValue(raw: root))
    }
}

/// A value in the document being parsed. An accessor returns nil for a value of another type.
public struct JSONValue {
    let raw: csimdjson_value

    /// False for a missing member or element.
    public var exists: Bool { raw.kind != csimdjson_missing }
    public var isNull: Bool { raw.kind == csimdjson_null }
    public var isString: Bool { raw.kind == csimdjson_string }
    public var isObject: Bool { raw.kind == csimdjson_object }
    public var isArray: Bool { raw.kind == csimdjson_array }

    /// The member of an object; a value that does not `exist` when it is missing.
    @inline(__always)
    public subscript(key: StaticString) -> JSONValue {
        let name = UnsafeRawPointer(key.utf8Start).assumingMemoryBound(to: CChar.self)
        return JSONValue(raw: csimdjson_member(raw, name, key.utf8CodeUnitCount))
    }

    /// The element of an array; a value that does not `exist` beyond the end.
    public subscript(position: Int) -> JSONValue {
        JSONValue(raw: csimdjson_element(raw, position))
    }

    public var int64: Int64? {
        var number: Int64 = 0
        return csimdjson_int64(raw, &number) ? number : nil
    }

    public var uint64: UInt64? {
        var number: UInt64 = 0
        return csimdjson_uint64(raw, &number) ? number : nil
    }

    /// A number with a fraction or an exponent.
    public var double: Double? {
        var number = 0.0
        return csimdjson_float(raw, &number) ? number : nil
    }

    public var bool: Bool? {
        var flag = false
        return csimdjson_boolean(raw, &flag) ? flag : nil
    }

    /// Calls `body` with the unescaped bytes of a string; nil when the value is not a string.
    @inline(__always)
    public func withBytes<R>(_ body: (Span<UInt8>) -> R) -> R? {
        var count = 0
        guard let start = csimdjson_bytes(raw, &count) else { return nil }
        let bytes = UnsafeRawBufferPointer(start: start, count: count)
        return bytes.withMemoryRebound(to: UInt8.self) { body($0.span) }
    }

    /// A copy of a string.
    public var string: String? {
        var count = 0
        guard let start = csimdjson_bytes(raw, &count) else { return nil }
        return String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
    }

    /// True when the value is the string `text`.
    public func equals(_ text: StaticString) -> Bool {
        withBytes { bytes in
            guard bytes.count == text.utf8CodeUnitCount else { return false }
            for position in bytes.indices where bytes[position] != text.utf8Start[position] { return false }
            return true
        } ?? false
    }
}
