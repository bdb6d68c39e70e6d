import FoundationEssentials
import TestSupport
import Testing

@testable import Algorithms

/// The tables of docs/CONFIG.md say what the code knows.
struct DocumentTests {
    /// The cells of the rows of two or more columns below the heading "Names of algorithms".
    private func rows() throws -> [[String]] {
        let text = try Checkout.text("docs/CONFIG.md")
        let section = text.split(separator: "## Names of algorithms\n")[1].split(separator: "\n## ")[0]
        return section.split(separator: "\n").filter { $0.hasPrefix("| ") }.map { line in
            line.split(separator: "|").map { String($0.filter { $0 != " " && $0 != "`" }) }
        }
    }

    @Test func everyAlgorithmHasItsRow() throws {
        let expected = Algorithm.allCases.map { algorithm in
            ["\(algorithm.name)", algorithm.aliases.map { "\($0)" }.joined(separator: ",")]
        }
        #expect(try rows().filter { $0.count == 2 && $0[0] != "canonical" } == expected)
    }

    @Test func everyCoinHasItsRow() throws {
        let expected = Coin.all.map { coin in
            [coin.name, coin.symbol == coin.name ? "" : coin.symbol, "\(coin.algorithm.name)"]
        }
        #expect(try rows().filter { $0.count == 3 && $0[0] != "coin" } == expected)
    }
}
