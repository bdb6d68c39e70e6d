/// The most recent error texts of pools, each text once.
public struct ErrorLog: Equatable, Sendable {
    /// A dashboard shows a few. A pool whose texts contain numbers of shares must not grow the list without limit.
    public static let entriesMax = 20

    /// The most recent text first.
    public private(set) var entries: [Snapshot.ErrorLogEntry] = []

    public init() {}

    /// Counts a text and moves it to the front. A new text replaces the least recent one when the log is full.
    public mutating func add(_ text: String) {
        var entry = Snapshot.ErrorLogEntry(count: 0, text: text)
        if let index = entries.firstIndex(where: { $0.text == text }) {
            entry = entries.remove(at: index)
        } else if entries.count == ErrorLog.entriesMax {
            entries.removeLast()
        }
        entry.count.add(saturating: 1)
        entries.insert(entry, at: 0)
    }
}

// MARK: - Coding

extension ErrorLog {
    func pack(to writer: inout ByteWriter) {
        writer.packed(UInt64(entries.count))
        for entry in entries {
            writer.packed(entry.count)
            writer.text(entry.text, bytesMax: PoolError.textBytesMax)
        }
    }

    init(unpacking reader: inout ByteReader) throws(DecodingFailure) {
        for _ in 0..<(try reader.packedCount(bytesEach: 3, max: ErrorLog.entriesMax)) {
            let count = try reader.packed()
            entries.append(.init(count: count, text: try reader.text(bytesMax: PoolError.textBytesMax)))
        }
    }
}
