import ApiFixtures
import Foundation
import TestSupport
import Testing

@testable import ApiDocuments
@testable import Configuration

@Suite struct OpenAPITests {
    private static let document = OpenAPI.document(version: "0.1.0", needsToken: true)

    /// Which request each golden file is an answer to. Files that are no document of ours are not listed.
    private static let answers: [(file: String, path: String, method: String, status: String)] = gets + writes

    private static let writes: [(file: String, path: String, method: String, status: String)] = [
        ("json-rpc.json", "/json_rpc", "post", "200"), ("config-refused.json", "/1/config", "put", "400"),
        ("config-refused.json", "/2/config", "post", "400"),
    ]

    private static let gets = [
        ("classic-summary.json", "/", "200"), ("classic-summary-zero.json", "/", "200"),
        ("classic-workers.json", "/workers.json", "200"), ("summary.json", "/1/summary", "200"),
        ("summary.json", "/2/summary", "200"), ("summary.json", "/api.json", "200"),
        ("workers.json", "/1/workers", "200"), ("workers-page.json", "/1/workers", "200"),
        ("miners.json", "/1/miners", "200"), ("shards.json", "/1/shards", "200"),
        ("shards-unknown.json", "/1/shards", "200"), ("upstreams.json", "/1/upstreams", "200"),
        ("peers.json", "/1/peers", "200"),
        ("worker.json", "/1/workers/{name}", "200"), ("history.json", "/1/history", "200"),
        ("healthz.json", "/healthz", "200"), ("healthz.json", "/readyz", "200"),
        ("error-404.json", "/1/workers/{name}", "404"), ("openapi.json", "/openapi.json", "200"),
        ("not-ready.json", "/readyz", "503"), ("config.json", "/1/config", "200"), ("config.json", "/2/config", "200"),
    ].map { (file: $0.0, path: $0.1, method: "get", status: $0.2) }

    @Test(arguments: answers.indices)
    func everyExampleIsAsItsSchemaSays(index: Int) throws {
        let answer = Self.answers[index]
        let body = try Array(Golden.text(answer.file).utf8)
        let validator = try SchemaValidator(document: Self.document)
        let faults = try validator.faults(
            in: body, path: answer.path, method: answer.method, status: answer.status)
        #expect(faults == [], "\(answer.file)")
    }

    @Test func everyGoldenDocumentIsWalked() throws {
        let files = try Golden.files.names(withExtension: "json")
        let walked = Set(Self.answers.map(\.file))
        for file in files { #expect(walked.contains(file), "\(file)") }
    }

    @Test func theDocumentIsAGoldenFileItself() throws {
        try Golden.expect(Self.document, equals: "openapi.json")
    }

    @Test func namesAreUniqueAndReferencesLeadSomewhere() throws {
        let identifiers = OpenAPI.operations.map(\.id)
        #expect(Set(identifiers).count == identifiers.count)
        let names = OpenAPI.schemas.map(\.name)
        #expect(Set(names).count == names.count)
        let text = String(decoding: Self.document, as: UTF8.self)
        for reference in text.matches(of: /"#\/components\/schemas\/(\w+)"/) {
            #expect(names.contains(String(reference.output.1)), "\(reference.output.1)")
        }
        for name in names { #expect(text.contains("/schemas/\(name)\""), "\(name) is used nowhere") }
    }

    @Test func everyPlaceInAPathIsAParameter() {
        for operation in OpenAPI.operations {
            let places = operation.path.matches(of: /\{(\w+)\}/).map { String($0.output.1) }
            #expect(operation.parameters.filter { $0.place == .path }.map(\.name) == places, "\(operation.path)")
        }
    }

    @Test func aServiceWithoutATokenDoesNotSayThatItNeedsOne() throws {
        let open = try JSONReader.read(OpenAPI.document(version: "0.1.0", needsToken: false))
        #expect(open["security"] == nil)
        #expect(open["components"]?["securitySchemes"] == nil)
        for path in open["paths"]?.members ?? [] {
            for operation in path.node.members ?? [] {
                #expect(operation.node["security"] == nil)
                #expect(operation.node["responses"]?["401"] == nil, "\(operation.key) \(path.key)")
            }
        }
        let closed = try JSONReader.read(Self.document)
        #expect(closed["security"]?.elements?.count == 1)
        #expect(closed["paths"]?["/1/summary"]?["get"]?["responses"]?["401"] != nil)
        #expect(closed["paths"]?["/healthz"]?["get"]?["responses"]?["401"] == nil)
    }

    /// Otherwise the tests above would pass whatever the schemas say.
    @Test(arguments: [
        (#""accepted": 1204"#, #""accepted": "1204""#), (#""accepted": 1204"#, #""accepted": -1"#),
        (#""accepted": 1204,"#, ""), (#""accepted": 1204"#, #""accepted": 1204, "surprise": 1"#),
        (#""accepted": 1204"#, #""accepted": 12.5"#), (#""kind": "proxy""#, #""kind": "miner""#),
        ("0.29, 0.2, 1.0", "0.29, 0.2"), ("0.29, 0.2, 1.0", "0.29, 0.2, 1.0, 4.0"),
        (#""restricted": true"#, #""restricted": null"#),
    ])
    func aDocumentThatIsNotAsDescribedIsFound(part: String, replacement: String) throws {
        let text = try Golden.text("summary.json")
        #expect(text.contains(part))
        let body = Array(text.replacing(part, with: replacement).utf8)
        #expect(try !SchemaValidator(document: Self.document).faults(in: body, path: "/1/summary").isEmpty)
    }

    @Test func aRowWithAValueInTheWrongPlaceIsFound() throws {
        let text = try Golden.text("workers.json")
        let body = Array(text.replacing(#""10.0.7.3", 2"#, with: #"2, "10.0.7.3""#).utf8)
        #expect(try SchemaValidator(document: Self.document).faults(in: body, path: "/1/workers").count == 2)
    }

    @Test func whatListsCanBeSortedByIsDescribed() throws {
        let root = try JSONReader.read(Self.document)
        for (path, columns) in [
            ("/1/workers", WorkerColumn.allCases.map(\.rawValue)),
            ("/1/miners", MinerColumn.allCases.map(\.rawValue)),
            ("/1/upstreams", UpstreamColumn.allCases.map(\.rawValue)),
        ] {
            let parameters = root["paths"]?[path]?["get"]?["parameters"]?.elements ?? []
            #expect(parameters.compactMap { $0["name"]?.text } == ["limit", "offset", "sort"])
            let values = parameters.last?["schema"]?["enum"]?.elements?.compactMap(\.text) ?? []
            #expect(values == columns.flatMap { [$0, "-" + $0] })
        }
    }
}
