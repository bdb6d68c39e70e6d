/// Masks the service's credentials in foreign texts: a pool that repeats the password in an error must not bring it
/// into the log, the API or a reply to a miner.
public struct SecretMask: Sendable, Equatable {
    /// Shorter passwords are not secrets (`x` is the usual one) and would match parts of many words.
    static let bytesMin = 4
    /// Up to this length a secret can be an ordinary word (`miner`): it is masked only where no letter or digit is
    /// adjacent.
    static let wordBytesMax = 8

    private let secrets: [[UInt8]]

    /// - Parameter secrets: in any order; those that are too short are ignored.
    public init(_ secrets: [String]) {
        // The longest first, because one can be part of another.
        self.secrets = Set(secrets).map { Array($0.utf8) }.filter { $0.count >= SecretMask.bytesMin }
            .sorted { $0.count > $1.count }
    }

    /// The text with `***` in place of each secret.
    public func masked(_ text: String) -> String {
        guard !secrets.isEmpty else { return text }
        let bytes = Array(text.utf8)
        guard secrets.contains(where: { SecretMask.find($0, in: bytes, from: 0) != nil }) else { return text }
        var masked = bytes
        for secret in secrets {
            var position = 0
            while let found = SecretMask.find(secret, in: masked, from: position) {
                masked.replaceSubrange(found..<found + secret.count, with: "***".utf8)
                position = found + 3
            }
        }
        return String(decoding: masked, as: UTF8.self)
    }

    private static func find(_ secret: [UInt8], in text: [UInt8], from start: Int) -> Int? {
        guard start + secret.count <= text.count else { return nil }
        return (start...text.count - secret.count).first { position in
            text[position] == secret[0] && text[position..<position + secret.count].elementsEqual(secret)
                && (secret.count > wordBytesMax || isWord(position..<position + secret.count, in: text))
        }
    }

    private static func isWord(_ range: Range<Int>, in text: [UInt8]) -> Bool {
        (range.lowerBound == 0 || !isInWord(text[range.lowerBound - 1]))
            && (range.upperBound == text.count || !isInWord(text[range.upperBound]))
    }

    private static func isInWord(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), 0x80...:
            true
        default: false
        }
    }
}
