import ApiFixtures
import Logging
import TestSupport
import Testing

@testable import HTTPServing

/// The server in this process, with limits and an application of the test's choice, and the time in the test's hands.
struct TestServer {
    var limits = HTTPLimits()
    var application = TestApplication()

    init() {}

    /// - Parameter bodyBytes: the length of all bodies, except for that of `/healthz`.
    init(bodyBytes: Int, _ change: (inout HTTPLimits) -> Void) {
        change(&limits)
        application.answer = { path in
            .document([UInt8](repeating: 0x20, count: path == "/healthz" ? 2 : bodyBytes))
        }
    }

    func run(_ body: (HTTPServer, HTTPClient) throws -> Void) throws {
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let handler = try #require(RequestHandler(application: application, limits: limits, log: log))
        let listener = try HTTPListener.open(host: "127.0.0.1", port: 0, backlog: 64)
        let port = HTTPListener.port(of: listener)
        let server = try HTTPServer(listener: listener, handler: handler, limits: limits, log: log)
        defer { server.stop(drainMillis: 0) }
        try body(server, HTTPClient(port: port))
    }
}

/// Answers every path with GET: `/1/events` with a stream, the others with what the test says.
struct TestApplication: HTTPApplication {
    var streams: (any EventStreamSource)?
    /// The response for a path.
    var answer: @Sendable (String) -> Answer = { _ in .document(Array("{}".utf8)) }

    let opensToOtherOrigins = false
    private let ledger = BodyLedger()

    func route(_ head: RequestHead) throws(HTTPError) -> any RequestResponder {
        guard HTTPMethod(head.method) == .get else { throw HTTPError(.methodNotAllowed) }
        return Responder(application: self, path: head.path)
    }

    func answer(to error: HTTPError) -> Answer {
        let message = error.message.map { ", \"message\": \"\($0)\"" } ?? ""
        return .error(
            error,
            body: Array("{\"status\": \(error.status.rawValue), \"error\": \"\(error.status.name)\"\(message)}".utf8))
    }

    func startDraining() {}
    func abandonWaiting() {}

    private struct Responder: RequestResponder {
        let application: TestApplication
        let path: String

        var bodyBytesMax: Int? { nil }

        func respond(to request: Request) throws(HTTPError) -> Reply {
            if path == "/1/events" {
                guard let streams = application.streams else { throw HTTPError(.notFound) }
                return .stream(streams)
            }
            var representations = Representations(application.answer(path))
            let representation = representations.representation(
                in: request.acceptedCoding, ledger: application.ledger, limits: HTTPLimits())
            guard let representation else { throw HTTPError(.serviceUnavailable) }
            return .representation(representation)
        }
    }
}
