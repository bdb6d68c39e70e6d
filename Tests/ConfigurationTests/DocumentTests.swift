import Foundation
import TestSupport
import Testing

@testable import Configuration

/// docs/CONFIG.md against the tables that it describes.
struct DocumentTests {
    private static let document = try? Checkout.text("docs/CONFIG.md")

    @Test func everyKeyIsDescribed() throws {
        let document = try #require(DocumentTests.document)
        for key in KnownKey.all { #expect(document.contains("`\(key.path)`"), "\(key.path)") }
    }

    @Test func everyOptionIsDescribed() throws {
        let document = try #require(DocumentTests.document)
        for option in KnownOption.all {
            #expect(document.contains("`--\(option.name)`"), "--\(option.name)")
            if let letter = option.short { #expect(document.contains("`-\(letter)`"), "-\(letter)") }
        }
    }

    @Test func everySupportIsToldAsItIs() throws {
        let document = try #require(DocumentTests.document)
        let rows = document.split(separator: "\n").filter { $0.hasPrefix("| `") }
        for key in KnownKey.all where key.support != .full {
            let row = try #require(rows.first { $0.split(separator: "|").first?.contains("`\(key.path)`") == true })
            #expect(row.contains(key.support == .notYet ? "| not yet |" : "| silent |"), "\(key.path)")
        }
    }

    @Test func everyExampleResolvesWithoutAWarning() throws {
        let blocks = try #require(DocumentTests.document).components(separatedBy: "```json\n").dropFirst()
        #expect(blocks.count == 3)
        for block in blocks {
            let text = try #require(block.components(separatedBy: "```").first)
            let resolution = resolved(text)
            #expect(resolution.errorTexts + resolution.warningTexts == [])
        }
    }

    @Test func theNumbersInItAreOurLimits() throws {
        let document = try #require(DocumentTests.document)
        #expect(document.contains("at most \(Settings.runDirectoryBytesMax) bytes"))
        #expect(document.contains("have up to \(Settings.socketNameBytesMax)."))
        #expect(document.contains("1 to \(Settings.shardsLimit);"))
        #expect(document.contains("at most \(Settings.poolsMax)."))
        #expect(document.contains("at most \(JSONReader.depthMax) brackets deep"))
    }
}
