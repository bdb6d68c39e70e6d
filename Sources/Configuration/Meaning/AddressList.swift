public import Addresses

/// A file of addresses: one address or prefix per line; `#` starts a comment.
public struct AddressList: Equatable, Sendable {
    /// Far more than an operator writes; enough for the list of a public feed.
    public static let prefixesMax = 16_384
    /// The maximum size of the file.
    public static let bytesMax = 1 << 20

    public var prefixes: [AddressPrefix] = []
    /// The first invalid line, and the number of invalid lines.
    public var firstBadLine: (number: Int, text: String)?
    public var badLines = 0

    public init(_ text: String) {
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let word = line.prefix { $0 != "#" }.trimmingBlanks
            guard !word.isEmpty else { continue }
            if let prefix = AddressPrefix(word), prefixes.count < AddressList.prefixesMax {
                prefixes.append(prefix)
            } else {
                badLines += 1
                if firstBadLine == nil { firstBadLine = (index + 1, word) }
            }
        }
    }

    public static func == (left: AddressList, right: AddressList) -> Bool {
        left.prefixes == right.prefixes && left.badLines == right.badLines
            && left.firstBadLine?.number == right.firstBadLine?.number
    }
}

extension Substring {
    fileprivate var trimmingBlanks: String {
        let isBlank = { (character: Character) in
            character == " " || character == "\t" || character == "\r" || character == "\r\n"
        }
        return String(drop(while: isBlank).reversed().drop(while: isBlank).reversed())
    }
}
