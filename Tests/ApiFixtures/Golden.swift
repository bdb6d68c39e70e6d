package import Foundation
package import Testing

/// The recorded bytes in Tests/Golden/Api.
package enum Golden {
    package static let repository = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    package static let directory = repository.appending(path: "Tests/Golden/Api")

    package static func text(_ name: String) throws -> String {
        try String(contentsOf: directory.appending(path: name), encoding: .utf8)
    }

    /// Compares with the file, or rewrites it when UPDATE_GOLDEN is set: then `git diff` shows what has changed.
    package static func expect(
        _ bytes: [UInt8], equals name: String, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let text = String(decoding: bytes, as: UTF8.self)
        if ProcessInfo.processInfo.environment["UPDATE_GOLDEN"] != nil {
            try (text + "\n").write(to: directory.appending(path: name), atomically: true, encoding: .utf8)
        }
        // Files end with a newline, bodies do not.
        #expect(try text + "\n" == Golden.text(name), sourceLocation: sourceLocation)
    }

    /// The two sample documents of the API's original description, as they stand there.
    package static func seedSamples() throws -> (summary: String, workers: String) {
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
