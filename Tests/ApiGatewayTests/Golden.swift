import Foundation
import TestSupport
import Testing

/// The recorded bytes in Tests/Golden/Api.
enum Golden {
    static let files = GoldenFiles("Tests/Golden/Api")

    static func text(_ name: String) throws -> String { try files.text(name) }

    static func expect(_ bytes: [UInt8], equals name: String, sourceLocation: SourceLocation = #_sourceLocation) throws
    {
        // Files end with a newline, bodies do not.
        let text = String(decoding: bytes, as: UTF8.self) + "\n"
        #expect(try text == files.expected(name, for: text), sourceLocation: sourceLocation)
    }

    /// The two sample documents of the API's original description, as they stand there.
    static func seedSamples() throws -> (summary: String, workers: String) {
        let text = try Golden.text("seed.txt")
        let summary = try #require(text.firstRange(of: "GET / endpoint\n\n")).upperBound
        let workersTitle = try #require(text.firstRange(of: "\n\nGET /workers.json endpoint"))
        let workersStart = try #require(text[workersTitle.upperBound...].firstRange(of: "\n{")).lowerBound
        let workersEnd = try #require(text.firstRange(of: "\n\nWorker information:")).lowerBound
        return (
            String(text[summary..<workersTitle.lowerBound]),
            String(text[text.index(after: workersStart)..<workersEnd])
        )
    }
}
