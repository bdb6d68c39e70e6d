/// Reads JSON as used in configuration files: `//` and `/* */` comments and trailing commas are allowed, and every key
/// and value has its line and column for later messages.
///
/// Strict in everything else: a file that other readers would interpret differently is refused. It never traps, for any
/// input.
struct JSONReader {
    /// Where and why parsing failed: "expected ',' or '}' after a member".
    struct SyntaxError: Error, Equatable {
        var position: Position
        var message: String
    }

    /// Enough for a configuration of 10,000 pools; anything larger is the wrong file (a log, a disk image).
    static let bytesMax = 1 << 20
    /// Known keys are nested up to three levels. The reader is recursive, so this limits its stack.
    static let depthMax = 32

    private var scanner: ByteScanner

    /// Parses `bytes` as one value.
    /// - Parameter file: the value of `Position.file` in all positions.
    static func read(_ bytes: [UInt8], file: Int = 0) throws(SyntaxError) -> JSONNode {
        guard bytes.count <= bytesMax else {
            throw SyntaxError(position: Position(file: file), message: "the file is larger than \(bytesMax / 1024) KiB")
        }
        if bytes.starts(with: [0xff, 0xfe]) || bytes.starts(with: [0xfe, 0xff]) {
            throw SyntaxError(position: Position(file: file), message: "the file is UTF-16; save it as UTF-8")
        }
        var reader = JSONReader(scanner: ByteScanner(bytes, file: file))
        try reader.skipBlank()
        if reader.scanner.isAtEnd { throw reader.refusal("the file is empty, expected '{'") }
        let root = try reader.value(depth: 0)
        try reader.skipBlank()
        guard reader.scanner.isAtEnd else {
            throw reader.refusal("expected the end of the file after the closing '}'")
        }
        return root
    }

    /// The message does not show the input: an unquoted password would appear in a log.
    private func refusal(_ message: String) -> SyntaxError {
        SyntaxError(position: scanner.position, message: message + foreignCharacter)
    }

    /// Curly quotes and non-breaking spaces from copied web pages look like the expected characters.
    private var foreignCharacter: String {
        guard let byte = scanner.peek, byte >= 0x80 else { return "" }
        let character = String(decoding: scanner.bytes[scanner.offset...].prefix(4), as: UTF8.self).unicodeScalars.first
        let code = String(character?.value ?? 0, radix: 16, uppercase: true)
        return "; found U+" + String(repeating: "0", count: max(0, 4 - code.utf8.count)) + code
            + ", a character outside ASCII"
    }

    // MARK: Values

    private mutating func value(depth: Int) throws(SyntaxError) -> JSONNode {
        guard depth < JSONReader.depthMax else {
            throw refusal("nested more than \(JSONReader.depthMax) brackets deep")
        }
        let origin = Origin.file(scanner.position)
        guard let byte = scanner.peek else { throw refusal("the file ends where a value was expected") }
        switch byte {
        case UInt8(ascii: "{"): return JSONNode(value: .object(try object(depth: depth)), origin: origin)
        case UInt8(ascii: "["): return JSONNode(value: .array(try array(depth: depth)), origin: origin)
        case UInt8(ascii: "\""): return JSONNode(value: .text(try text()), origin: origin)
        case _ where byte.isDigit || byte == UInt8(ascii: "-"):
            return JSONNode(value: try number(), origin: origin)
        case _ where byte.isLetter:
            return JSONNode(value: try word(), origin: origin)
        case UInt8(ascii: "'"): throw refusal("expected a value; strings must be in double quotes")
        default: throw refusal("expected a value")
        }
    }

    private mutating func object(depth: Int) throws(SyntaxError) -> JSONObject {
        var object = JSONObject()
        let start = scanner.position
        scanner.advance()
        while true {
            try skipBlank()
            if scanner.take("}") { return object }
            if scanner.isAtEnd { throw unclosed("{", since: start) }
            guard scanner.peek == UInt8(ascii: "\"") else { throw refusal("expected a key in double quotes, or '}'") }
            let keyOrigin = Origin.file(scanner.position)
            let key = try text()
            try skipBlank()
            guard scanner.take(":") else { throw refusal("expected ':' after the key") }
            try skipBlank()
            let node = try value(depth: depth + 1)
            object.members.append(JSONMember(key: key, keyOrigin: keyOrigin, node: node))
            try skipBlank()
            if scanner.take(",") { continue }
            if scanner.isAtEnd { throw unclosed("{", since: start) }
            guard scanner.peek == UInt8(ascii: "}") else { throw refusal("expected ',' or '}' after a member") }
        }
    }

    private mutating func array(depth: Int) throws(SyntaxError) -> [JSONNode] {
        var nodes: [JSONNode] = []
        let start = scanner.position
        scanner.advance()
        while true {
            try skipBlank()
            if scanner.take("]") { return nodes }
            if scanner.isAtEnd { throw unclosed("[", since: start) }
            nodes.append(try value(depth: depth + 1))
            try skipBlank()
            if scanner.take(",") { continue }
            if scanner.isAtEnd { throw unclosed("[", since: start) }
            guard scanner.peek == UInt8(ascii: "]") else { throw refusal("expected ',' or ']' after a value") }
        }
    }

    private func unclosed(_ bracket: String, since start: Position) -> SyntaxError {
        refusal("the file ends, but the '\(bracket)' of line \(start.line), column \(start.column) is not closed")
    }

    private mutating func word() throws(SyntaxError) -> JSONValue {
        let start = scanner.position
        let from = scanner.offset
        while let byte = scanner.peek, byte.isLetter { scanner.advance() }
        switch String(decoding: scanner.bytes[from..<scanner.offset], as: UTF8.self) {
        case "true": return .boolean(true)
        case "false": return .boolean(false)
        case "null": return .null
        default:
            throw SyntaxError(
                position: start,
                message: "expected a value; strings must be in double quotes (true, false and null are not strings)")
        }
    }

    // MARK: Blanks and comments

    private mutating func skipBlank() throws(SyntaxError) {
        while let byte = scanner.peek {
            switch byte {
            case 0x20, 0x09, 0x0a, 0x0d: scanner.advance()
            case UInt8(ascii: "/"): try skipComment()
            default: return
            }
        }
    }

    private mutating func skipComment() throws(SyntaxError) {
        let start = scanner.position
        scanner.advance()
        if scanner.take("/") {
            while let byte = scanner.peek, byte != 0x0a { scanner.advance() }
        } else if scanner.take("*") {
            while !scanner.isAtEnd {
                if scanner.take("*") {
                    if scanner.take("/") { return }
                } else {
                    scanner.advance()
                }
            }
            throw SyntaxError(position: start, message: "this comment is not closed with '*/'")
        } else {
            throw SyntaxError(position: start, message: "expected '//' or '/*'")
        }
    }

    // MARK: Scalars

    private mutating func number() throws(SyntaxError) -> JSONValue {
        let start = scanner.position
        let from = scanner.offset
        var isWhole = true
        _ = scanner.take("-")
        let first = scanner.peek
        let digits = skipDigits()
        var isValid = digits == 1 || (digits > 1 && first != UInt8(ascii: "0"))
        if scanner.take(".") {
            isWhole = false
            isValid = skipDigits() > 0 && isValid
        }
        if scanner.take("e") || scanner.take("E") {
            isWhole = false
            if !scanner.take("+") { _ = scanner.take("-") }
            isValid = skipDigits() > 0 && isValid
        }
        let spelling = String(decoding: scanner.bytes[from..<scanner.offset], as: UTF8.self)
        if isValid, isWhole, let integer = Int64(spelling) { return .integer(integer) }
        if isValid, let decimal = Double(spelling), decimal.isFinite { return .decimal(decimal) }
        throw SyntaxError(
            position: start, message: "expected a number as JSON defines it; strings must be in double quotes")
    }

    private mutating func skipDigits() -> Int {
        let from = scanner.offset
        while let byte = scanner.peek, byte.isDigit { scanner.advance() }
        return scanner.offset - from
    }

    private mutating func text() throws(SyntaxError) -> String {
        let start = scanner.position
        var bytes: [UInt8] = []
        scanner.advance()
        while let byte = scanner.peek {
            switch byte {
            case UInt8(ascii: "\""):
                scanner.advance()
                guard let text = String(validating: bytes, as: UTF8.self) else {
                    throw SyntaxError(position: start, message: "this string is not UTF-8; save the file as UTF-8")
                }
                return text
            case UInt8(ascii: "\\"): try escape(into: &bytes)
            case 0x0a, 0x0d: throw SyntaxError(position: start, message: "this string is not closed on its line")
            case 0..<0x20:
                throw refusal("a string may not contain a tab or other control character; write \\t or \\u0009")
            default:
                bytes.append(byte)
                scanner.advance()
            }
        }
        throw SyntaxError(position: start, message: "this string is not closed")
    }

    private mutating func escape(into bytes: inout [UInt8]) throws(SyntaxError) {
        let start = scanner.position
        scanner.advance()
        let letter = scanner.peek
        scanner.advance()
        switch letter {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(letter ?? 0)
        case UInt8(ascii: "b"): bytes.append(0x08)
        case UInt8(ascii: "f"): bytes.append(0x0c)
        case UInt8(ascii: "n"): bytes.append(0x0a)
        case UInt8(ascii: "r"): bytes.append(0x0d)
        case UInt8(ascii: "t"): bytes.append(0x09)
        case UInt8(ascii: "u"):
            guard let scalar = unicodeEscape() else {
                throw SyntaxError(
                    position: start, message: "expected four hex digits after '\\u', and surrogates only in pairs")
            }
            bytes += Array(String(Character(scalar)).utf8)
        default:
            throw SyntaxError(position: start, message: "expected one of \" \\ / b f n r t u after '\\'")
        }
    }

    /// Reads the digits after `\u`: one code unit, or a surrogate pair with another `\u` in between.
    private mutating func unicodeEscape() -> Unicode.Scalar? {
        guard let high = hexUnit() else { return nil }
        guard UTF16.isLeadSurrogate(high) else { return Unicode.Scalar(high) }
        guard scanner.take("\\"), scanner.take("u"), let low = hexUnit(), UTF16.isTrailSurrogate(low) else {
            return nil
        }
        return Unicode.Scalar(0x10000 + (UInt32(high) - 0xd800) << 10 + (UInt32(low) - 0xdc00))
    }

    private mutating func hexUnit() -> UInt16? {
        var unit: UInt16 = 0
        for _ in 0..<4 {
            guard let byte = scanner.peek, byte.isHexDigit, let digit = Character(Unicode.Scalar(byte)).hexDigitValue
            else { return nil }
            unit = unit << 4 | UInt16(digit)
            scanner.advance()
        }
        return unit
    }
}
