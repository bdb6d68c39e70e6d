import Foundation
import TestSupport
import Testing

@testable import StratumProtocol

/// docs/PROTOCOL.md shows what the code reads and writes, or these fail.
///
/// A block that begins with "```json NAME" is the golden file NAME, which the other tests of this folder hold against
/// the code. The only other kind is "```text", for pictures.
struct ProtocolDocumentTests {
    private var document: String {
        get throws {
            try Checkout.text("docs/PROTOCOL.md")
        }
    }

    private func blocks() throws -> [(name: String, text: String)] {
        var blocks: [(name: String, text: String)] = []
        var open: String?
        var lines: [Substring] = []
        for line in try document.split(separator: "\n", omittingEmptySubsequences: false) {
            if let name = open, line.hasPrefix("```") {
                blocks.append((name, lines.joined(separator: "\n") + "\n"))
                open = nil
            } else if open != nil {
                lines.append(line)
            } else if line.hasPrefix("```") {
                open = String(line.dropFirst(3))
                lines = []
            }
        }
        return blocks.filter { $0.name != "text" }
    }

    @Test func everyBlockIsAGoldenFileAndEveryGoldenFileABlock() throws {
        let blocks = try blocks()
        for block in blocks {
            let name = try #require(block.name.split(separator: " ").dropFirst().first, "a block without a name")
            #expect(try block.text == Golden.text(String(name)), "docs/PROTOCOL.md and Golden/\(name).json differ")
        }
        #expect(try blocks.map { $0.name.dropFirst("json ".count) }.sorted() == Golden.names.map { $0[...] })
    }

    @Test func everyRefusalIsListed() throws {
        let document = try document
        for refusal in MinerReply.Refusal.allCases { #expect(document.contains("| `\(refusal.text)` |")) }
    }

    @Test func everyLimitIsTheOneInTheCode() throws {
        let document = try document
        let limits = [
            "a miner's line | \(LineFramer.minerLineBytesMax) bytes",
            "a pool's line | \(LineFramer.poolLineBytesMax) bytes",
            "shortest request | \(JSONParser.minerLineBytesMin) bytes",
            "nesting | \(JSONParser.depthMax)", "a field of a login | \(LoginRequest.fieldBytesMax) bytes",
            "a blob | \(Job.blobBytesMax) bytes", "a pool's refusal | \(PoolMessage.refusalBytesMax) bytes",
        ]
        for limit in limits { #expect(document.contains(limit)) }
    }
}
