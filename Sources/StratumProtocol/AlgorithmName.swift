public import Algorithms

/// The algorithm of a job: a known one under its canonical name, or an unknown one under the name that the pool uses.
public struct AlgorithmName: Equatable, Sendable {
    /// The longest known name has 15 bytes.
    public static let bytesMax = 32

    /// nil when there is no algorithm, or an unknown one.
    public let known: Algorithm?
    let spelling: InlineBytes<32>

    private init(known: Algorithm?, spelling: InlineBytes<32>) {
        self.known = known
        self.spelling = spelling
    }

    /// No algorithm.
    public init() { self.init(known: nil, spelling: InlineBytes()) }

    public init(_ algorithm: Algorithm) {
        self.init(
            known: algorithm, spelling: algorithm.name.withUTF8Buffer { InlineBytes($0.span) } ?? InlineBytes())
    }

    /// Resolves a name or an alias. An unknown name is kept unchanged; nil when it is too long or not UTF-8.
    public init?(_ name: Span<UInt8>) {
        if let algorithm = Algorithm(named: name) {
            self.init(algorithm)
        } else {
            guard let spelling = InlineBytes<32>(name), name.isUTF8 else { return nil }
            self.init(known: nil, spelling: spelling)
        }
    }

    public init?(_ name: String) {
        let bytes = Array(name.utf8)
        self.init(bytes.span)
    }

    /// True when there is no algorithm.
    public var isEmpty: Bool { spelling.isEmpty }

    public var text: String { spelling.text }

    /// Whether a share for `algorithm` cannot be one of a job with this algorithm. Without an algorithm any share can.
    public func differs(from algorithm: Algorithm) -> Bool { !isEmpty && known != algorithm }

    /// The offset of the nonce in a blob, in bytes.
    public var nonceOffset: Int { known?.nonceOffset ?? Algorithm.usualNonceOffset }

    /// Whether a job must have a seed hash.
    public var needsSeed: Bool { known?.needsSeed ?? false }

    var hasBigEndianTarget: Bool { known?.hasBigEndianTarget ?? false }
}

extension [UInt8] {
    /// Appends the name as the inside of a JSON string.
    public mutating func append(jsonEscaped name: AlgorithmName) {
        append(jsonEscaped: name.spelling)
    }
}
