/// SplitMix64. A run is named by its seed, so that a failure can be repeated.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// From 0 up to `limit`, exclusive; 0 when there is no such number.
    public mutating func below(_ limit: Int) -> Int { limit > 0 ? Int.random(in: 0..<limit, using: &self) : 0 }

    public mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    public mutating func byte() -> UInt8 { UInt8.random(in: 0...255, using: &self) }

    /// True with this probability, in percent.
    public mutating func chance(_ percent: Int) -> Bool { below(100) < percent }

    public mutating func one<Element>(of list: [Element]) -> Element? { list.randomElement(using: &self) }
}
