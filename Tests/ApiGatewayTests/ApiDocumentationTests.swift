import Configuration
import Control
import Foundation
import Telemetry
import TestSupport
import Testing

@testable import ApiGateway

@Suite struct ApiDocumentationTests {
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

    @Test func theSmallBodiesAreGoldenToo() throws {
        try Golden.expect(Answer.health.body, equals: "healthz.json")
        try Golden.expect(Answer.refusal(.notFound).body, equals: "error-404.json")
        let unready = Readiness(ServiceView(snapshot: Snapshot(), time: 1_000)).answer
        try Golden.expect(unready.body, equals: "not-ready.json")
        #expect(unready.status == 503)
        let call = #"{"jsonrpc": "2.0", "id": 7, "method": "pause"}"#
        try Golden.expect(JSONRPC.answer(to: Array(call.utf8)).body, equals: "json-rpc.json")
        #expect(page.contains(call))
    }

    /// The gateway passes on what the supervisor says, and the supervisor what this makes of the file.
    @Test func theConfigurationOnThePageIsWhatIsMadeOfAFile() throws {
        let file = """
            {
                // Ours.
                "pools": [{"url": "pool.example:3333", "user": "WALLET", "pass": "x"}],
                "access-password": null,
                "http": {"enabled": true, "port": 8080, "access-token": "TOKEN", "restricted": false}
            }
            """
        let document = ConfigurationDocument(
            file: ConfigurationFile(path: "config.json", bytes: Array(file.utf8)), options: [],
            surroundings: Surroundings(
                environment: [:], coreCount: 4, hostName: "rack7", userID: 1_000, currentDirectory: "/home/ann",
                homeDirectory: "/home/ann", executable: "/opt/millrace/bin/millrace", version: "0.1.0"))
        // It is a file's text: its last line has an end.
        try Golden.expect(Array(document.text.utf8.dropLast()), equals: "config.json")

        let sent = document.text.replacing("8080", with: "\"eighty\"")
            .replacing("\"access-password\": null", with: "\"access-password\": 7")
        guard case .refused(let reasons) = document.receive(Array(sent.utf8)) else { throw TestFailure("it is taken") }
        let refused = HTTPError(ControlRefusal(.invalid, lines: reasons.map(\.logText)))
        try Golden.expect(Answer.refused(refused).body, equals: "config-refused.json")
    }

    @Test func everyRefusalIsExplained() {
        for refusal in HTTPErrorStatus.allCases {
            #expect(page.contains("| \(refusal.rawValue) | `\(refusal.name)` |"))
        }
    }

    @Test func theLimitsOnThePageAreTheOnesInForce() {
        let limits = GatewayLimits()
        for text in [
            "\(limits.connections) connections, \(limits.connectionsPerAddress) from one address",
            "complete \(limits.requestMillis / 1_000) s after", "taken within \(limits.answerMillis / 1_000) s",
            "\(limits.silenceSeconds) s of silence", "more than \(limits.requestBodyBytes / 1_024) KiB;",
            "more than \(limits.headBytes / 1_024) KiB of headers", "reading \(limits.bodyBytes >> 20) MiB",
            "more than \(limits.connectionBytes / 1_024) KiB before",
            "query of more than \(limits.targetBytes / 1_024) KiB",
            "configuration may have \(limits.configurationBytes >> 20) MiB",
            "documents of \(limits.compressedBodyBytes / 1_024) KiB and more",
            "when \(limits.questionMicros / 1_000) ms of this second", "\(limits.streams) streams are open",
            "\(limits.errands) requests wait", "\(limits.collectedBytes >> 20) MiB of configurations",
            "does not answer within \(limits.controlMillis / 1_000) s",
            "alive every \(limits.heartbeatMillis / 1_000) s",
            "within the last \(limits.warmMillis / 1_000) s",
            "1 to \(ListQueryLimits.rowsMax);", "at most \(CurrentDocuments.workerMinersMax) of them",
        ] {
            #expect(page.replacing("\n", with: " ").contains(text), "\(text)")
        }
    }
}
