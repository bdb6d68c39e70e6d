internal import Synchronization

/// What does not work in this process as it should, and does not end it: kept until it works again, and told to the supervisor
/// with each heartbeat (`Lifeline.sayHeartbeat`), for `millrace status`.
public enum Degradation {
    /// Longer texts are cut: they are one line of a table.
    static let bytesMax = 200

    private static let texts = Mutex<[String: String]>([:])

    /// - Parameters:
    ///   - subject: what it is about, such as "statistics"; one text is kept for each.
    ///   - text: nil when it works.
    /// - Returns: whether it was otherwise before: that is worth a line in the log.
    @discardableResult
    public static func set(_ subject: String, _ text: String?) -> Bool {
        let text = text.map { String("\(subject): \($0)".map { $0.isNewline ? " " : $0 }) }
        return texts.withLock { texts in
            defer { texts[subject] = text }
            return texts[subject] != text
        }
    }

    /// Those that are so now, in the order of their subjects: "statistics: disk full".
    public static var current: [String] {
        texts.withLock { texts in texts.sorted { $0.key < $1.key }.map { String($0.value.utf8Prefix(bytesMax)) } }
    }
}

extension String {
    fileprivate func utf8Prefix(_ count: Int) -> Substring {
        var end = utf8.index(startIndex, offsetBy: count, limitedBy: endIndex) ?? endIndex
        while end > startIndex, end < endIndex, end.samePosition(in: unicodeScalars) == nil {
            end = utf8.index(before: end)
        }
        return self[..<end]
    }
}
