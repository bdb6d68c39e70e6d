/// Sizes of records (RFC 8446, 5.1 and 5.2).
public enum RecordSize {
    /// Content type, version, length.
    static let headBytes = 5
    static let tagBytes = 16
    /// What a record adds to its content: the head, the content type behind the content, the tag.
    public static let overheadBytes = headBytes + 1 + tagBytes
    /// The longest content.
    public static let contentBytesMax = 1 << 14
    /// The longest content with its type and padding.
    static let innerBytesMax = contentBytesMax + 1
    /// What may follow the head.
    static let bodyBytesMax = contentBytesMax + 256
    /// The longest record: what a peer can make us hold until it is whole.
    public static let recordBytesMax = headBytes + bodyBytesMax
}

/// What a record carries (RFC 8446, 5.1). After the handshake every record looks like application data; its own type is
/// encrypted.
enum ContentType: UInt8 {
    case alert = 21
    case handshake = 22
    case applicationData = 23
}
