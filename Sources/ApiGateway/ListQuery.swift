/// Which rows of a list a request wants, and in what order: `?sort=-hashrate&offset=200&limit=100`.
///
/// Rows that are equal in the sorted column keep the order of the whole list, so that pages neither overlap nor leave
/// anybody out while the list stays the same.
struct ListQuery<Column: ListColumn>: Hashable, Sendable {
    struct Order: Hashable, Sendable {
        var column: Column
        var isDescending: Bool
    }

    /// nil = all that there are.
    var limit: Int?
    /// Rows before the first one that is wanted.
    var offset = 0
    /// nil = the order of the whole list.
    var order: Order?

    /// The whole list, in its own order.
    init() {}

    /// - Parameter query: what stands after the `?` of the request, as it came. Parameters with other names are
    ///   ignored: browsers and dashboards add their own against caches.
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

    /// False when the answer says how many rows there are besides those that it shows.
    var isWhole: Bool { self == ListQuery() }

    /// The rows that are wanted, out of all.
    func selection(from rows: [Column.Row]) -> [Column.Row] {
        let first = min(offset, rows.count)
        let end = first + min(limit ?? rows.count, rows.count - first)
        guard let order else { return first == 0 && end == rows.count ? rows : Array(rows[first..<end]) }
        // The keys are taken out once: a row is large, and would be copied at each of many comparisons.
        var keys = rows.enumerated().map { (key: order.column.key(of: $1), index: $0) }
        keys.sort {
            if $0.key == $1.key { return $0.index < $1.index }
            return order.isDescending ? $1.key < $0.key : $0.key < $1.key
        }
        return keys[first..<end].map { rows[$0.index] }
    }
}

enum ListQueryLimits {
    /// More rows than any list has (`WorkerTable` remembers 200,000), and far from what could overflow.
    static let rowsMax = 1_000_000
}

/// The columns that a list can be sorted by; the raw value is the name in `sort=`.
protocol ListColumn: RawRepresentable<String>, CaseIterable, Hashable, Sendable {
    associatedtype Row

    func key(of row: Row) -> SortKey
}

/// What is compared. The keys of one column are all of one case.
enum SortKey: Comparable {
    case number(UInt64)
    case rate(Double)
    case text(String)
}

/// The parameters of a request, decoded.
struct QueryParameters: Sendable {
    /// More than any document takes, and enough for what others add.
    static let countMax = 32

    private var values: [String: String] = [:]
    private var repeated: Set<String> = []

    /// - Parameter query: what stands after the `?`, as it came.
    init(parsing query: String) throws(QueryFault) {
        let parts = query.utf8.split(separator: UInt8(ascii: "&"))
        guard parts.count <= Self.countMax else {
            throw QueryFault(parameter: "query", expectation: "at most \(Self.countMax) parameters")
        }
        for part in parts {
            let halves = part.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            let name = Self.decoded(halves[0])
            if values.updateValue(halves.count > 1 ? Self.decoded(halves[1]) : "", forKey: name) != nil {
                repeated.insert(name)
            }
        }
    }

    /// nil when it was not given.
    func text(_ name: String) throws(QueryFault) -> String? {
        guard !repeated.contains(name) else { throw QueryFault(parameter: name, expectation: "to be given only once") }
        return values[name]
    }

    /// nil when it was not given.
    func integer(_ name: String, in range: ClosedRange<Int>) throws(QueryFault) -> Int? {
        guard let text = try text(name) else { return nil }
        // Digits only: `Int` would take "+5".
        guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let number = Int(text),
            range.contains(number)
        else {
            throw QueryFault(
                parameter: name, expectation: "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A `%` that two hexadecimal digits do not follow stays as it is; what is no UTF-8 becomes U+FFFD.
    static func decoded(_ text: some Collection<UInt8>) -> String {
        let text = Array(text)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index] == UInt8(ascii: "%"), index + 2 < text.count,
                let high = hexDigit(text[index + 1]), let low = hexDigit(text[index + 2])
            {
                bytes.append(high << 4 | low)
                index += 3
            } else {
                bytes.append(text[index] == UInt8(ascii: "+") ? UInt8(ascii: " ") : text[index])
                index += 1
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

/// A parameter of the request makes no sense. It says what was expected, and nothing of what was sent.
struct QueryFault: Error, Equatable, CustomStringConvertible {
    var parameter: String
    var expectation: String

    var description: String { "\(parameter): expected \(expectation)" }
}
