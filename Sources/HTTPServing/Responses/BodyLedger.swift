internal import Synchronization

/// Counts the bytes of bodies that are in memory, including those that slow clients still read.
package final class BodyLedger: Sendable {
    private let total = Atomic<Int>(0)

    package init() {}

    /// Bytes of all bodies.
    package var bytes: Int { total.load(ordering: .relaxed) }

    func add(_ count: Int) { total.add(count, ordering: .relaxed) }
    func remove(_ count: Int) { total.subtract(count, ordering: .relaxed) }
}
