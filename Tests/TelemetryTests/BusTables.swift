import Foundation
import TestSupport

/// The tables of docs/BUS.md, as a reader of that page would take them.
struct BusTables {
    struct Field {
        let name: String
        let offset: Int
        let byteCount: Int
        /// The cells after the size, for what they say of values.
        let text: String

        var range: Range<Int> { offset..<offset + byteCount }
    }

    let page: String

    init() throws {
        page = try Checkout.text("docs/BUS.md")
    }

    /// The fields of the first table after `title`; rows without an offset of their own are left out.
    /// - Parameter lengths: what the letters in the table stand for.
    func fields(after title: String, _ lengths: [String: Int] = [:]) -> [Field] {
        guard let start = page.range(of: title)?.upperBound else { return [] }
        let rows = page[start...].split(separator: "\n", omittingEmptySubsequences: false)
            .drop { !$0.hasPrefix("| offset") }.dropFirst(2).prefix { $0.hasPrefix("|") }
        return rows.compactMap { row in
            let cells = Self.cells(row)
            guard cells.count >= 3, let offset = Self.value(cells[0], lengths) else { return nil }
            return Field(
                name: String(cells[2].prefix { $0 != "=" && $0 != "*" }).trimmingCharacters(in: .whitespaces),
                offset: offset, byteCount: Self.value(cells[1], lengths) ?? 0,
                text: cells.dropFirst(2).joined(separator: " "))
        }
    }

    /// The cells of the table with this line as its head.
    func rows(below head: String) -> [[String]] {
        guard let end = page.range(of: head)?.upperBound else { return [] }
        return page[end...].split(separator: "\n").dropFirst().prefix { $0.hasPrefix("|") }.map { Self.cells($0) }
    }

    private static func cells(_ row: Substring) -> [String] {
        row.dropFirst().split(separator: "|", omittingEmptySubsequences: false)
            .map { $0.trimmingCharacters(in: .whitespaces) }
    }

    /// "24+*w*" or "3 × 4".
    private static func value(_ cell: String, _ lengths: [String: Int]) -> Int? {
        let plain = cell.replacing("*", with: "").replacing(" ", with: "")
        guard !plain.isEmpty else { return nil }
        var sum = 0
        for term in plain.split(separator: "+") {
            var product = 1
            for factor in term.split(separator: "×") {
                guard let value = Int(factor) ?? lengths[String(factor)] else { return nil }
                product *= value
            }
            sum += product
        }
        return sum
    }

    /// All numbers in a text, with the commas of thousands taken out.
    static func numbers(in text: String) -> [Int] {
        text.replacing(",", with: "").split { !$0.isNumber }.compactMap { Int($0) }
    }
}
