/// Conversions between difficulty, target and hash (docs/COMPATIBILITY.md, "Jobs and difficulty").
///
/// A hash meets a difficulty when its last eight bytes, as a little-endian number, are at most (2⁶⁴−1) ÷ difficulty.
public enum Difficulty {
    /// The difficulty of a 4-byte target; nil for target 0, which no hash can meet.
    public static func of(target32 target: UInt32) -> UInt64? {
        guard target > 0 else { return nil }
        // The same divisions in the same order as in miners, so that both sides round alike.
        return UInt64.max / (UInt64.max / (UInt64(UInt32.max) / UInt64(target)))
    }

    /// The difficulty of an 8-byte target; nil for target 0, which no hash can meet.
    public static func of(target64 target: UInt64) -> UInt64? {
        target > 0 ? UInt64.max / target : nil
    }

    /// The actual difficulty of a hash.
    /// - Parameter tail: the last eight bytes of the hash, little endian. 0 has difficulty 0: no computed hash is
    ///   expected to end like this in the life of any coin, and a forged one must not lead the list of the best shares
    ///   for ever.
    public static func ofHash(tail: UInt64) -> UInt64 {
        tail > 0 ? UInt64.max / tail : 0
    }

    /// The 4-byte target for `difficulty`; at least 1, the hardest one.
    public static func target32(for difficulty: UInt64) -> UInt32 {
        guard difficulty > 1 else { return .max }
        return max(1, UInt32(truncatingIfNeeded: (UInt64.max / difficulty) >> 32))
    }

    /// The 8-byte target for `difficulty`.
    public static func target64(for difficulty: UInt64) -> UInt64 { UInt64.max / max(1, difficulty) }

    /// The last eight bytes of a hash, as the number that is compared with targets.
    @inline(__always)
    public static func tail(of hash: InlineArray<32, UInt8>) -> UInt64 {
        var tail: UInt64 = 0
        for position in 0..<8 { tail |= UInt64(hash[24 + position]) << UInt64(position * 8) }
        return tail
    }
}
