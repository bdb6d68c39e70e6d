/// Conversions between difficulty, target and hash (docs/COMPATIBILITY.md, "Jobs and difficulty").
///
/// A hash meets a difficulty when its last eight bytes, as a little-endian number, are at most 2⁶⁴−1 ÷ difficulty.
public enum Difficulty {
    /// The difficulty behind a 4-byte target; nil for the impossible target 0.
    public static func of(target32 target: UInt32) -> UInt64? {
        guard target > 0 else { return nil }
        // In the order of the divisions that miners make, so that both sides round alike.
        return UInt64.max / (UInt64.max / (UInt64(UInt32.max) / UInt64(target)))
    }

    /// The difficulty behind an 8-byte target; nil for the impossible target 0.
    public static func of(target64 target: UInt64) -> UInt64? {
        target > 0 ? UInt64.max / target : nil
    }

    /// The difficulty that a hash really has.
    /// - Parameter tail: the last eight bytes of the hash, little endian. 0 has no difficulty: no hash that was computed
    ///   is expected to end so in the life of any coin, and a made-up one must not lead the list of the best for ever.
    public static func ofHash(tail: UInt64) -> UInt64 {
        tail > 0 ? UInt64.max / tail : 0
    }

    /// The 4-byte target that asks for `difficulty`; never 0, the hardest is 1.
    public static func target32(for difficulty: UInt64) -> UInt32 {
        guard difficulty > 1 else { return .max }
        return max(1, UInt32(truncatingIfNeeded: (UInt64.max / difficulty) >> 32))
    }

    /// The 8-byte target that asks for `difficulty`.
    public static func target64(for difficulty: UInt64) -> UInt64 { UInt64.max / max(1, difficulty) }

    /// The bytes of a hash as the number that targets are compared with.
    @inline(__always)
    public static func tail(of hash: InlineArray<32, UInt8>) -> UInt64 {
        var tail: UInt64 = 0
        for position in 0..<8 { tail |= UInt64(hash[24 + position]) << UInt64(position * 8) }
        return tail
    }
}
