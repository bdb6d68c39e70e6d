import ApiFixtures
import Configuration
import Control
import Logging
import Synchronization
import Telemetry
import TestSupport
import Testing

@testable import ApiDocuments
@testable import ApiGateway
@testable import HTTPServing

/// The server in this process, with limits and partners of the test's choice, and the time in the test's hands.
struct TestServer {
    var limits = GatewayLimits()
    var api = Settings.API(host: "127.0.0.1", port: 0)
    var documents = TestDocuments()
    var channel: any ControlChannel = SilentSupervisor()
    var history: (any HistorySource)?

    func run(_ body: (HTTPServer, HTTPClient, DocumentCache) throws -> Void) throws {
        let pages = DocumentCache(serviceStartedAt: 0, limits: limits, documents: documents)
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let application = try #require(
            Api(
                pages: pages, router: Router(api: api),
                actions: Actions(supervisor: channel, history: history, limits: limits), streamSource: nil,
                limits: limits))
        let handler = try #require(RequestHandler(application: application, limits: limits.http, log: log))
        let listener = try HTTPListener.open(host: "127.0.0.1", port: 0, backlog: 64)
        let port = HTTPListener.port(of: listener)
        let server = try HTTPServer(listener: listener, handler: handler, limits: limits.http, log: log)
        defer { server.stop(drainMillis: 0) }
        try body(server, HTTPClient(port: port), pages)
    }
}

/// Documents that say what they were built from.
final class TestDocuments: DocumentSource {
    let builds = Atomic<Int>(0)
    private let page: @Sendable (Page, ServiceView) -> Answer

    init(
        _ page: @escaping @Sendable (Page, ServiceView) -> Answer = {
            .document(Array("\($0) #\($1.snapshot.sequence) up \($1.uptime)".utf8))
        }
    ) {
        self.page = page
    }

    var count: Int { builds.load(ordering: .relaxed) }

    func answer(_ page: Page, of view: ServiceView) -> Answer {
        builds.add(1, ordering: .relaxed)
        return self.page(page, view)
    }

    func answer(_ query: PageQuery, of view: ServiceView) throws(HTTPError) -> Answer {
        builds.add(1, ordering: .relaxed)
        if query == .worker(name: "nobody") { throw HTTPError(.notFound) }
        return .document(Array("\(query) #\(view.snapshot.sequence)".utf8))
    }
}

/// A supervisor that is not there.
struct SilentSupervisor: ControlChannel {
    func ask(_ request: ControlRequest, timeoutMilliseconds: Int) throws(ControlFailure) -> ControlReply {
        throw .noService(path: "", reason: "")
    }
}

/// A supervisor that says what it is told to say, and remembers the questions.
final class ScriptedSupervisor: ControlChannel {
    private let state: Mutex<(reply: Result<ControlReply, ControlFailure>, heard: [ControlRequest])>

    init(_ reply: Result<ControlReply, ControlFailure> = .success(.done)) {
        state = Mutex((reply, []))
    }

    var heard: [ControlRequest] { state.withLock { $0.heard } }

    func reply(_ reply: Result<ControlReply, ControlFailure>) { state.withLock { $0.reply = reply } }

    func ask(_ request: ControlRequest, timeoutMilliseconds: Int) throws(ControlFailure) -> ControlReply {
        let reply = state.withLock {
            $0.heard.append(request)
            return $0.reply
        }
        return try reply.get()
    }
}
