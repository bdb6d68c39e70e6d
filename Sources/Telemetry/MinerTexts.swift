/// Lets equal texts share their memory: a farm's miners have one agent and one wallet between them.
struct TextPool: Sendable {
    /// Honest miners know a few dozen agents and wallets. A full pool is emptied: texts in use stay with their users.
    static let textsMax = 4_096
    /// Shorter ones lie in the `String` itself.
    private static let inlineBytesMax = 15

    private var texts: Set<String> = []

    mutating func shared(_ text: String) -> String {
        guard text.utf8.count > TextPool.inlineBytesMax else { return text }
        if let index = texts.firstIndex(of: text) { return texts[index] }
        if texts.count >= TextPool.textsMax { texts = [] }
        texts.insert(text)
        return text
    }

    /// The same, for a text that often is that of `name`, which is kept anyway.
    mutating func shared(_ text: String, with name: String?) -> String {
        if let name, name == text { return name }
        return shared(text)
    }
}
