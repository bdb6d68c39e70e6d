internal import Glibc
internal import Linux

/// A frozen shard that another one is asked to absorb, with the descriptors of its state and its anchor.
///
/// On the lifeline: `absorb SHARD INCARNATION`, for a part `absorb SHARD INCARNATION NUMBER MINERS`, with two
/// descriptors at the first byte. The answer of the receiver has the same numbers without MINERS.
public struct MergeOffer: Equatable, Sendable {
    public let shard: UInt16
    /// The process of the shard that is frozen.
    public let incarnation: UInt64
    /// The descriptor of its `StateMemory`.
    public let memory: Int32
    /// The supervisor's end of the socket pair of its anchor.
    public let anchor: Int32
    /// nil for the whole shard.
    public let part: ShardPart?

    public init(shard: UInt16, incarnation: UInt64, part: ShardPart? = nil, memory: Int32, anchor: Int32) {
        self.shard = shard
        self.incarnation = incarnation
        self.part = part
        self.memory = memory
        self.anchor = anchor
    }

    /// Closes this process's descriptors of the offer. The receiver must call it.
    public func close() {
        _ = Glibc.close(memory)
        _ = Glibc.close(anchor)
    }

    /// Sends the offer to the shard at the other end of `lifeline`, which gets duplicates of the descriptors.
    /// - Returns: false when it could not be sent.
    public func say(on lifeline: Int32) -> Bool {
        let numbers = [UInt64(shard), incarnation] + (part.map { [UInt64($0.number), UInt64($0.miners)] } ?? [])
        let line = Array("\(MergeOffer.word) \(numbers.map(String.init).joined(separator: " "))\n".utf8)
        return DescriptorPassing.send(line, passing: [memory, anchor], to: lifeline)
    }

    static let word = "absorb"

    /// - Parameters:
    ///   - line: without its newline.
    ///   - passed: the descriptors that arrived with it.
    /// - Returns: nil for another message, or an incomplete one; the caller then keeps the descriptors.
    init?(_ line: some StringProtocol, _ passed: some RandomAccessCollection<Int32>) {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        let part = words.count == 5 ? ShardPart(String(words[3]), String(words[4])) : nil
        guard words.count == 3 || part != nil, words[0] == MergeOffer.word, passed.count == 2,
            let shard = UInt16(words[1]), let incarnation = UInt64(words[2]),
            let memory = passed.first, let anchor = passed.last
        else { return nil }
        self.init(shard: shard, incarnation: incarnation, part: part, memory: memory, anchor: anchor)
    }
}

/// A part of a shard for another one to absorb: whole upstreams with at most `miners` miners.
///
/// On the lifeline of the frozen shard, once the other one has absorbed the part: `release NUMBER MINERS`.
public struct ShardPart: Codable, Equatable, Sendable {
    /// Counts the parts offered by the shard; each part is absorbed at most once.
    public let number: UInt32
    public let miners: UInt32

    public init(number: UInt32, miners: UInt32) {
        self.number = number
        self.miners = miners
    }

    static let word = "release"

    public var line: String { "\(ShardPart.word) \(number) \(miners)" }

    /// - Parameter line: without its newline.
    init?(line: String) {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[0] == ShardPart.word else { return nil }
        self.init(String(words[1]), String(words[2]))
    }

    init?(_ number: String, _ miners: String) {
        guard let number = UInt32(number), let miners = UInt32(miners) else { return nil }
        self.init(number: number, miners: miners)
    }
}
