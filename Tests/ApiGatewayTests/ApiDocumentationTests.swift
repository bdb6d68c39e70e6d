import ApiFixtures
import Configuration
import Control
import Foundation
import Telemetry
import TestSupport
import Testing

@testable import ApiDocuments
@testable import ApiGateway
@testable import HTTPServing

/// docs/API.md against what the gateway answers and its limits.
@Suite struct ApiDocumentationTests {
    private let page: String

    init() throws {
        page = try Checkout.text("docs/API.md")
    }

    @Test func theSmallBodiesAreGoldenToo() throws {
        try Golden.expect(Answer.health.body, equals: "healthz.json")
        try Golden.expect(Answer.refused(HTTPError(.notFound)).body, equals: "error-404.json")
        let unready = Answer.readiness(Readiness(ServiceView(snapshot: Snapshot(), time: 1_000)))
        try Golden.expect(unready.body, equals: "not-ready.json")
        #expect(unready.status == 503)
        let call = #"{"jsonrpc": "2.0", "id": 7, "method": "pause"}"#
        try Golden.expect(JSONRPC.response(to: Array(call.utf8)), equals: "json-rpc.json")
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
        let http = limits.http
        for text in [
            "\(http.connections) connections, \(http.connectionsPerAddress) from one address",
            "complete \(http.requestMillis / 1_000) s after", "taken within \(http.answerMillis / 1_000) s",
            "\(http.silenceSeconds) s of silence", "more than \(http.requestBodyBytes / 1_024) KiB;",
            "more than \(http.headBytes / 1_024) KiB of headers", "reading \(limits.bodyBytes >> 20) MiB",
            "more than \(http.connectionBytes / 1_024) KiB before",
            "query of more than \(http.targetBytes / 1_024) KiB",
            "configuration may have \(limits.configurationBytes >> 20) MiB",
            "documents of \(http.compressedBodyBytes / 1_024) KiB and more",
            "when \(limits.queryMicros / 1_000) ms of this second", "\(http.streams) streams are open",
            "\(limits.waitingRequests) requests wait", "\(http.collectedBytes >> 20) MiB of configurations",
            "does not answer within \(limits.controlMillis / 1_000) s",
            "alive every \(http.heartbeatMillis / 1_000) s",
            "within the last \(limits.warmMillis / 1_000) s",
            "1 to \(ListQueryLimits.rowsMax);", "at most \(CurrentDocuments.workerMinersMax) of them",
        ] {
            #expect(page.replacing("\n", with: " ").contains(text), "\(text)")
        }
    }

    @Test func theLimitsOfEventsAndHistoryOnThePageAreTheOnesInForce() throws {
        let page = try Checkout.text("docs/API.md")
            .replacing("\n", with: " ")
        let http = HTTPLimits()
        for text in [
            "by itself, after \(EventText.retryMillis / 1_000) s",
            "has \(EventRing.bytesMaxDefault >> 20) MiB of events",
            "\(http.streams) streams",
            "every \(http.heartbeatMillis / 1_000) s", "no more than \(HistoryQuery.usualPointsMax) points",
            "more than \(HistoryQuery.pointsMax) points",
        ] {
            #expect(page.contains(text), "\(text)")
        }
    }
}
