/// What pools have said lately when they refused, each text once.
public struct ErrorLog: Equatable, Sendable {
    /// A dashboard shows a handful; a pool that puts a share's number into its text must not make the list endless.
    public static let entriesMax = 20

    /// The most recently heard text first.
    public private(set) var entries: [Snapshot.ErrorLogEntry] = []

    public init() {}

    public mutating func add(_ text: String) {
        var entry = Snapshot.ErrorLogEntry(count: 0, text: text)
        if let index = entries.firstIndex(where: { $0.text == text }) {
            entry = entries.remove(at: index)
        } else if entries.count == ErrorLog.entriesMax {
            entries.removeLast()
        }
        entry.count += 1
        entries.insert(entry, at: 0)
    }
}
