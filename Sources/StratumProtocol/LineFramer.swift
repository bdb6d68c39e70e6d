/// Splits a stream of bytes into lines.
///
/// Chunks have any length. A line within one chunk is passed on in place; only an unfinished line is stored. An idle
/// connection stores nothing.
public struct LineFramer {
    /// A miner's longest honest line is a login with a long list of algorithms, about 2 KiB.
    public static let minerLineBytesMax = 16 * 1024
    /// A pool's longest honest line is a login reply with a job, about 1.5 KiB; error messages may be longer.
    public static let poolLineBytesMax = 64 * 1024

    private let lineBytesMax: Int
    /// The beginning of an unfinished line, without a newline, or the bytes passed to `hold`.
    var partial: [UInt8] = []

    public init(lineBytesMax: Int) {
        self.lineBytesMax = lineBytesMax
    }

    /// Bytes of the unfinished line.
    public var partialCount: Int { partial.count }

    /// Removes and returns the unfinished line.
    public mutating func takePartial() -> [UInt8] {
        defer { partial = [] }
        return partial
    }

    /// Appends bytes that are not to be split yet; they may contain newlines.
    public mutating func hold(_ bytes: Span<UInt8>) {
        partial.append(bytes)
    }

    /// Calls `line` for each line that the chunk completes, in order, without the newline.
    ///
    /// When `line` returns false, the rest of the chunk is left to the caller, which drops or holds it.
    /// - Returns: how many bytes of the chunk were consumed: all of them, unless `line` returned false.
    /// - Throws: `.lineTooLong` when a line exceeds the limit, finished or not.
    @discardableResult
    public mutating func feed(
        _ chunk: Span<UInt8>, line: (Span<UInt8>) -> Bool
    ) throws(PeerFault) -> Int {
        var start = 0
        while let end = chunk.index(of: 0x0a, from: start) {
            let piece = chunk.extracting(start..<end)
            start = end + 1
            guard partial.count + piece.count <= lineBytesMax else { throw .lineTooLong(limit: lineBytesMax) }
            if partial.isEmpty {
                guard line(piece) else { return start }
            } else {
                var whole = partial
                partial = []
                whole.append(piece)
                guard line(whole.span) else { return start }
            }
        }
        let rest = chunk.extracting(start...)
        guard partial.count + rest.count <= lineBytesMax else { throw .lineTooLong(limit: lineBytesMax) }
        partial.append(rest)
        return chunk.count
    }
}

extension Span<UInt8> {
    /// The position of the first `byte` at or after `start`. Searches eight bytes at a time: lines have hundreds.
    func index(of byte: UInt8, from start: Int) -> Int? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let pattern = UInt64(byte) &* ones
        return withUnsafeBytes { bytes in
            var position = start
            while position <= bytes.count - 8 {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
                // A byte of `difference` is 0 where `byte` is. The lowest mark is right; a borrow can set false ones
                // only above it.
                let difference = word ^ pattern
                let marks = (difference &- ones) & ~difference & (ones &* 0x80)
                if marks != 0 { return position + marks.trailingZeroBitCount / 8 }
                position += 8
            }
            while position < bytes.count {
                if bytes[position] == byte { return position }
                position += 1
            }
            return nil
        }
    }
}
