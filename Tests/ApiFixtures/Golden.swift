package import TestSupport

/// The recorded bytes in Tests/Golden/Api.
package enum Golden {
    package static let files = GoldenFiles("Tests/Golden/Api")

    package static func text(_ name: String) throws -> String { try files.text(name) }

    /// Throws when the file has other bytes. `script/golden` rewrites the file instead.
    package static func expect(
        _ bytes: [UInt8], equals name: String, file: StaticString = #fileID, line: UInt = #line
    ) throws {
        // Files end with a newline, bodies do not.
        let text = String(decoding: bytes, as: UTF8.self) + "\n"
        guard try text == files.expected(name, for: text) else {
            throw TestFailure("Tests/Golden/Api/\(name) has other bytes", file: file, line: line)
        }
    }

    /// The two sample documents of the API's original description, as they stand there.
    package static func seedSamples() throws -> (summary: String, workers: String) {
        let text = try Golden.text("seed.txt")
        guard let summary = text.firstRange(of: "GET / endpoint\n\n")?.upperBound,
            let workersTitle = text.firstRange(of: "\n\nGET /workers.json endpoint"),
            let workersStart = text[workersTitle.upperBound...].firstRange(of: "\n{")?.lowerBound,
            let workersEnd = text.firstRange(of: "\n\nWorker information:")?.lowerBound
        else { throw TestFailure("seed.txt has no samples") }
        return (
            String(text[summary..<workersTitle.lowerBound]),
            String(text[text.index(after: workersStart)..<workersEnd])
        )
    }
}
