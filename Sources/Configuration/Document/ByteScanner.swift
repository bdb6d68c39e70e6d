/// Reads bytes and tracks line and column.
struct ByteScanner {
    let bytes: [UInt8]
    private(set) var offset = 0
    private(set) var position: Position

    /// - Parameter file: the value of `Position.file`.
    init(_ bytes: [UInt8], file: Int = 0) {
        self.bytes = bytes
        position = Position(file: file)
        // Some editors write a byte order mark.
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { offset = 3 }
    }

    var isAtEnd: Bool { offset >= bytes.count }

    var peek: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    /// Has no effect at the end.
    mutating func advance() {
        guard offset < bytes.count else { return }
        let byte = bytes[offset]
        offset += 1
        if byte == 0x0a {
            position.line += 1
            position.column = 1
        } else if offset >= bytes.count || bytes[offset] & 0xc0 != 0x80 {
            // The next byte begins a character.
            position.column += 1
        }
    }

    /// Advances over `character` if it is next. ASCII only.
    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard peek == UInt8(ascii: character) else { return false }
        advance()
        return true
    }
}
