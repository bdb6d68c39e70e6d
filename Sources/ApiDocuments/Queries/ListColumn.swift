/// The columns that a list can be sorted by. The raw value is the name in `sort=`.
package protocol ListColumn: RawRepresentable<String>, CaseIterable, Hashable, Sendable {
    associatedtype Row

    /// The value that rows are compared by.
    func key(of row: Row) -> SortKey
}
