public import Algorithms

/// The algorithm of a job: a known one under its canonical name, or an unknown one under the name that the pool gave it.
public struct AlgorithmName: Equatable, Sendable {
    /// The longest known name has 15 bytes.
    public static let bytesMax = 32

    /// nil when there is none, or none that we know.
    public let known: Algorithm?
    let spelling: InlineBytes<32>

    private init(known: Algorithm?, spelling: InlineBytes<32>) {
        self.known = known
        self.spelling = spelling
    }

    /// None.
    public init() { self.init(known: nil, spelling: InlineBytes()) }

    public init(_ algorithm: Algorithm) {
        self.init(
            known: algorithm, spelling: algorithm.name.withUTF8Buffer { InlineBytes($0.span) } ?? InlineBytes())
    }

    /// Resolves any name or alias. An unknown name is kept as it is; nil when it is too long or not UTF-8.
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

    /// Whether there is none.
    public var isEmpty: Bool { spelling.isEmpty }

    public var text: String { spelling.text }

    /// Whether a share for `algorithm` is not a share of this one. Of no algorithm every share may be.
    public func differs(from algorithm: Algorithm) -> Bool { !isEmpty && known != algorithm }

    public var nonceOffset: Int { known?.nonceOffset ?? Algorithm.usualNonceOffset }

    public var needsSeed: Bool { known?.needsSeed ?? false }

    var hasBigEndianTarget: Bool { known?.hasBigEndianTarget ?? false }
}

extension [UInt8] {
    /// Appends the name as the inside of a JSON string.
    public mutating func append(jsonEscaped name: AlgorithmName) {
        append(jsonEscaped: name.spelling)
    }
}
