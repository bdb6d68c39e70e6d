import ApiFixtures
import Testing

@testable import ApiDocuments
@testable import Configuration

/// The documents of xmrig-proxy, one of each kind, against ours: who reads those reads these. Values differ; keys,
/// their order, types and the lengths of rows do not.
@Suite struct ReferenceTests {
    private struct Pair: Sendable, CustomTestStringConvertible {
        var reference: String
        var ours: String
        /// What we leave out and say so (docs/API.md, "Differences from xmrig-proxy"), and what we have besides.
        var missing: Set<String> = []
        var additional: Set<String> = []
        /// Lists that are longer or shorter: the reference was built without TLS.
        var lists: Set<String> = []
        /// False where the original description has another order than the release, and outranks it.
        var hasOrder = true

        var testDescription: String { reference }
    }

    private static let pairs = [
        Pair(
            reference: "summary-2.4.0.json", ours: "classic-summary.json", missing: ["$.results.expired"],
            additional: ["$.results.error_log"], hasOrder: false),
        Pair(reference: "workers-2.4.0.json", ours: "classic-workers.json"),
        Pair(reference: "summary-6.json", ours: "summary.json", lists: ["$.features"]),
        Pair(reference: "workers-6.json", ours: "workers.json"),
        Pair(reference: "miners-6.json", ours: "miners.json", additional: ["$.tls"]),
    ]

    @Test(arguments: pairs)
    private func ourDocumentHasTheFormOfTheirs(pair: Pair) throws {
        let theirs = try read("reference/" + pair.reference)
        let ours = try read(pair.ours)
        expectSameState(theirs, ours, at: "$", pair)
    }

    @Test func anErrorIsTheirsToTheByte() {
        let body = ErrorDocument.body(status: 401, name: "UNAUTHORIZED", message: nil, lines: [])
        #expect(String(decoding: body, as: UTF8.self) == #"{"status": 401, "error": "UNAUTHORIZED"}"#)
    }

    private func read(_ name: String) throws -> JSONNode {
        try JSONReader.read(Array(Golden.text(name).utf8))
    }

    private func expectSameState(_ theirs: JSONNode, _ ours: JSONNode, at place: String, _ pair: Pair) {
        switch (theirs.value, ours.value) {
        case (.object(let expected), .object(let found)):
            let theirKeys = expected.members.map(\.key).filter { !pair.missing.contains("\(place).\($0)") }
            let ourKeys = found.members.map(\.key).filter { !pair.additional.contains("\(place).\($0)") }
            if pair.hasOrder { #expect(ourKeys == theirKeys, "\(place)") }
            #expect(Set(ourKeys) == Set(theirKeys), "\(place)")
            for key in theirKeys {
                guard let left = expected[key], let right = found[key] else { continue }
                expectSameState(left, right, at: "\(place).\(key)", pair)
            }
        case (.array(let expected), .array(let found)):
            // Tables have as many rows as there are; everything else has its length.
            if case .array? = expected.first?.value {
                for row in found { expectSameState(expected[0], row, at: place + "[]", pair) }
            } else {
                #expect(found.count == expected.count || pair.lists.contains(place), "\(place)")
                for (left, right) in zip(expected, found) { expectSameState(left, right, at: place + "[]", pair) }
            }
        case (.text, .null) where place.hasPrefix("$.miners"): break  // what a miner did not give
        default:
            let (expected, found) = (theirs.value.kindName, ours.value.kindName)
            #expect(expected == found, "\(place): \(found) where theirs is \(expected)")
        }
    }
}
