internal import CLinux
internal import Glibc

/// A shard that stands still so that another one absorbs it: where its state and its connections are.
///
/// On the lifeline: `absorb SHARD INCARNATION`, and with its first byte two descriptors. The answer of the shard that hears it
/// names the same two numbers.
public struct DepartingShard: Equatable, Sendable {
    public let shard: UInt16
    /// Which process of the shard stands still.
    public let incarnation: UInt64
    /// Its `StateMemory`.
    public let memory: Int32
    /// The supervisor's end of the socket pair of its anchor.
    public let anchor: Int32

    public init(shard: UInt16, incarnation: UInt64, memory: Int32, anchor: Int32) {
        self.shard = shard
        self.incarnation = incarnation
        self.memory = memory
        self.anchor = anchor
    }

    /// Closes this process's descriptors of it. Whoever has heard the word has to.
    public func close() {
        _ = Glibc.close(memory)
        _ = Glibc.close(anchor)
    }

    /// Tells the shard at the other end of `lifeline`, which gets duplicates of the descriptors.
    /// - Returns: false when the word could not be said: it is as if it had not been.
    public func say(on lifeline: Int32) -> Bool {
        let line = Array("\(DepartingShard.word) \(shard) \(incarnation)\n".utf8)
        return clinux_send_passing(lifeline, line, line.count, [memory, anchor], 2) == line.count
    }

    static let word = "absorb"

    /// - Parameters:
    ///   - line: without its end.
    ///   - passed: the descriptors that came with it.
    /// - Returns: nil when it is another word, or not whole; the descriptors stay the caller's then.
    init?(_ line: some StringProtocol, _ passed: some RandomAccessCollection<Int32>) {
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[0] == DepartingShard.word, passed.count == 2,
            let shard = UInt16(words[1]), let incarnation = UInt64(words[2]),
            let memory = passed.first, let anchor = passed.last
        else { return nil }
        self.init(shard: shard, incarnation: incarnation, memory: memory, anchor: anchor)
    }
}
