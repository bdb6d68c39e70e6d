/// Cuts a stream of bytes into lines.
///
/// Chunks arrive as the network cut them; a line that lies whole within a chunk is handed on where it lies, only the
/// unfinished tail is kept. An idle connection keeps nothing.
public struct LineFramer {
    /// A miner's longest honest line is a login with a long list of algorithms, about 2 KiB.
    public static let minerLineBytesMax = 16 * 1024
    /// A pool's longest honest line is a login reply with a job, about 1.5 KiB; errors may be wordy.
    public static let poolLineBytesMax = 64 * 1024

    private let lineBytesMax: Int
    /// What has come of a line that is not whole, without a newline; or what `hold` was given.
    var partial: [UInt8] = []

    public init(lineBytesMax: Int) {
        self.lineBytesMax = lineBytesMax
    }

    /// Bytes of an unfinished line.
    public var partialCount: Int { partial.count }

    /// Takes out the unfinished line.
    public mutating func takePartial() -> [UInt8] {
        defer { partial = [] }
        return partial
    }

    /// Keeps bytes that are not to be cut into lines yet, behind those that are kept already; newlines may be among them.
    public mutating func hold(_ bytes: Span<UInt8>) {
        partial.append(bytes)
    }

    /// Takes a chunk and calls `line` for each line that it completes, in order, without the newline.
    ///
    /// When `line` answers false, the rest of the chunk is left to the caller: it drops or holds it.
    /// - Returns: how many bytes of the chunk were taken; all of them unless `line` has answered false.
    /// - Throws: `.lineTooLong` when a line grows beyond the limit, finished or not.
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
    /// The position of the first `byte` at or behind `start`. Eight bytes at a time: a line has some hundred.
    func index(of byte: UInt8, from start: Int) -> Int? {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let pattern = UInt64(byte) &* ones
        return withUnsafeBytes { bytes in
            var position = start
            while position <= bytes.count - 8 {
                let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: UInt64.self))
                // Zero where the byte is. The lowest mark is right; borrowing can make false ones only above it.
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
