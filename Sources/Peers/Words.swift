internal import Synchronization

/// 64-bit words in memory that several processes share. Each word is read and written as a whole, and no decision needs
/// two of them to be consistent, so relaxed ordering suffices. A process that is killed between two stores leaves no
/// lock held.
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

    /// - Returns: whether the word was `expected` and has been replaced.
    func replace(_ expected: UInt64, by value: UInt64, at index: Int) -> Bool {
        start[index].compareExchange(expected: expected, desired: value, ordering: .relaxed).exchanged
    }

    /// Stores after this are seen after those before it.
    func fenceStores() { atomicMemoryFence(ordering: .releasing) }
    /// Loads after this are made after those before it.
    func fenceLoads() { atomicMemoryFence(ordering: .acquiring) }

    /// A store; a process that reads the value with `acquire` also sees all stores before it.
    func release(_ value: UInt64, at index: Int) { start[index].store(value, ordering: .sequentiallyConsistent) }
    func acquire(_ index: Int) -> UInt64 { start[index].load(ordering: .sequentiallyConsistent) }
}
