import ApiFixtures
import Foundation
import TestSupport
import Testing

@testable import ApiDocuments

/// The documents on the page docs/API.md.
@Suite struct ApiPageTests {
    private let page: String

    init() throws {
        page = try Checkout.text("docs/API.md")
    }

    /// The examples of the page: the name of the golden file, and what the page shows.
    private var examples: [(name: String, text: String)] {
        page.matches(of: /<!-- golden: ([a-z0-9.-]+) -->\n```json\n((?:.*\n)*?)```/).map {
            (String($0.output.1), String($0.output.2))
        }
    }

    @Test func everyExampleIsAGoldenFile() throws {
        #expect(page.matches(of: /```json/).count == examples.count)
        for example in examples { #expect(try example.text == Golden.text(example.name), "\(example.name)") }
    }

    @Test func everyGoldenDocumentIsAnExample() throws {
        // Documents in which there is nothing, and the one that is too long for a page.
        let unshown: Set = ["classic-summary-zero.json", "shards-unknown.json", "openapi.json"]
        #expect(
            Set(examples.map(\.name)) == Set(try Golden.files.names(withExtension: "json")).subtracting(unshown))
    }

    @Test func everyPathIsExplained() {
        for path in OpenAPI.paths { #expect(page.contains("`\(path)`"), "\(path)") }
    }

    @Test func everyColumnOfAListIsNamed() {
        for column in WorkerColumn.allCases { #expect(page.contains("`\(column.rawValue)`"), "\(column)") }
        for column in MinerColumn.allCases { #expect(page.contains("`\(column.rawValue)`"), "\(column)") }
        for column in UpstreamColumn.allCases { #expect(page.contains("`\(column.rawValue)`"), "\(column)") }
    }
}
