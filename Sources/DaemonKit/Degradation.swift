internal import Synchronization

/// Limitations of this process that do not end it. Each is kept until it has passed, and sent to the supervisor with
/// each heartbeat (`Lifeline.sayHeartbeat`), for `millrace status`.
public enum Degradation {
    /// A longer text is cut, because it is one line of a table.
    static let bytesMax = 200

    private static let texts = Mutex<[String: String]>([:])

    /// - Parameters:
    ///   - subject: the part of the process concerned, such as "statistics"; it has at most one text.
    ///   - text: nil when it works.
    /// - Returns: whether the text has changed and should be logged.
    @discardableResult
    public static func set(_ subject: String, _ text: String?) -> Bool {
        let text = text.map { String("\(subject): \($0)".map { $0.isNewline ? " " : $0 }) }
        return texts.withLock { texts in
            defer { texts[subject] = text }
            return texts[subject] != text
        }
    }

    /// The present limitations, sorted by subject: "statistics: disk full".
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
