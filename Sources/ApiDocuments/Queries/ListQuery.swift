/// The rows of a list that a request selects, and their order: `?sort=-hashrate&offset=200&limit=100`.
///
/// Rows that are equal in the sorted column keep the order of the whole list, so that pages neither overlap nor omit
/// rows while the list does not change.
package struct ListQuery<Column: ListColumn>: Hashable, Sendable {
    package struct Order: Hashable, Sendable {
        var column: Column
        var isDescending: Bool
    }

    /// Maximum number of rows; nil = all.
    var limit: Int?
    /// Rows before the first selected one.
    var offset = 0
    /// nil = the order of the whole list.
    var order: Order?

    /// The whole list, in its own order.
    package init() {}

    /// - Parameter query: what follows the `?` of the request, as received. Parameters with other names are ignored:
    ///   browsers and dashboards add some to bypass caches.
    init(parsing query: String) throws(QueryFault) {
        let parameters = try QueryParameters(parsing: query)
        limit = try parameters.integer("limit", in: 1...ListQueryLimits.rowsMax)
        offset = try parameters.integer("offset", in: 0...ListQueryLimits.rowsMax) ?? 0
        if let name = try parameters.text("sort") {
            let isDescending = name.hasPrefix("-")
            guard let column = Column(rawValue: isDescending ? String(name.dropFirst()) : name) else {
                let names = Column.allCases.map(\.rawValue).joined(separator: ", ")
                throw QueryFault(
                    parameter: "sort", expectation: "one of \(names), with a leading - for descending order")
            }
            order = Order(column: column, isDescending: isDescending)
        }
    }

    /// Whether the whole list is selected, in its own order. Otherwise the document has the total number of rows.
    var isWhole: Bool { self == ListQuery() }

    /// The selected rows.
    func selection(from rows: [Column.Row]) -> [Column.Row] {
        let first = min(offset, rows.count)
        let end = first + min(limit ?? rows.count, rows.count - first)
        guard let order else { return first == 0 && end == rows.count ? rows : Array(rows[first..<end]) }
        // The keys are computed once: a row is large, and would be copied at each comparison.
        var keys = rows.enumerated().map { (key: order.column.key(of: $1), index: $0) }
        keys.sort {
            if $0.key == $1.key { return $0.index < $1.index }
            return order.isDescending ? $1.key < $0.key : $0.key < $1.key
        }
        return keys[first..<end].map { rows[$0.index] }
    }
}

/// Limits of a `ListQuery`.
enum ListQueryLimits {
    /// More rows than any list has (`WorkerTable` has at most 200,000), and far from an overflow.
    static let rowsMax = 1_000_000
}
