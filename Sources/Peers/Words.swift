internal import Synchronization

/// Numbers in memory that several processes share. Each is read and written as a whole and stands for itself: no decision needs
/// two of them to fit together, so relaxed order is enough, and a process that is killed between two writes leaves nothing locked.
struct Words: @unchecked Sendable {
    private let start: UnsafeMutablePointer<Atomic<UInt64>>

    /// - Parameter memory: aligned to 8 bytes; it must stay mapped.
    init(_ memory: UnsafeMutableRawPointer) { start = memory.assumingMemoryBound(to: Atomic<UInt64>.self) }

    func dropFirst(_ count: Int) -> Words { Words(UnsafeMutableRawPointer(start + count)) }

    subscript(_ index: Int) -> UInt64 {
        get { start[index].load(ordering: .relaxed) }
        nonmutating set { start[index].store(newValue, ordering: .relaxed) }
    }

    func add(_ value: UInt64, at index: Int) { start[index].wrappingAdd(value, ordering: .relaxed) }

    /// - Returns: whether `expected` was there, and is replaced.
    func replace(_ expected: UInt64, by value: UInt64, at index: Int) -> Bool {
        start[index].compareExchange(expected: expected, desired: value, ordering: .relaxed).exchanged
    }

    /// As `subscript`, with everything that was written before visible to those who read it with `acquire`.
    func release(_ value: UInt64, at index: Int) { start[index].store(value, ordering: .sequentiallyConsistent) }
    func acquire(_ index: Int) -> UInt64 { start[index].load(ordering: .sequentiallyConsistent) }
}
