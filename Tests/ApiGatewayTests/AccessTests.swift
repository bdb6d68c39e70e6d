import Addresses
import ApiFixtures
import Configuration
import TestSupport
import Testing

@testable import ApiDocuments
@testable import ApiGateway
@testable import HTTPServing

/// Host names, other origins and wrong tokens, as the router and the server treat them.
@Suite struct AccessTests {
    private func route(_ router: Router, _ path: String, host: String?, token: String? = nil) -> HTTPErrorStatus? {
        var request = RequestHead(method: "GET", path: path, authorization: nil, contentType: nil)
        request.host = host
        request.client = Network("192.0.2.1")
        return refusal(router, request, token)
    }

    private func refusal(_ router: Router, _ request: RequestHead, _ token: String?) -> HTTPErrorStatus? {
        var request = request
        return Array("Bearer \(token ?? "")".utf8).withUnsafeBytes { bytes in
            if token != nil { request.authorization = bytes }
            do throws(HTTPError) {
                _ = try router.route(request)
                return nil
            } catch {
                return error.status
            }
        }
    }

    @Test func underAStrangersNameOnlyHealthAndMetricsAreShown() {
        let router = Router(api: Settings.API(host: "0.0.0.0", port: 1))
        for path in ["/", "/workers.json", "/1/miners", "/1/config", "/1/events", "/openapi.json", "/nothing"] {
            #expect(route(router, path, host: "evil.example") == .forbidden, "\(path)")
        }
        for path in ["/healthz", "/readyz", "/metrics"] { #expect(route(router, path, host: "evil.example") == nil) }
        #expect(route(router, "/1/miners", host: "millrace:8080") == nil)
    }

    // MARK: - Other origins

    @Test(
        arguments: [
            (nil, nil, false), ("", nil, false), ("t", nil, true), (nil, true, true), ("t", false, false),
        ] as [(String?, Bool?, Bool)])
    func pagesOfOthersReadWithATokenOrWhenTheyMay(token: String?, key: Bool?, isOpen: Bool) {
        var api = Settings.API(host: "127.0.0.1", port: 1)
        api.accessToken = token
        api.allowsOtherOrigins = key
        #expect(Router(api: api).opensToOtherOrigins == isOpen)
        let headers = Answer.document([], status: 200).opened(toOtherOrigins: isOpen).sentHeaders.map(\.name)
        #expect(headers.contains("Access-Control-Allow-Origin") == isOpen)
        #expect(headers.contains("X-Content-Type-Options"))
    }

    @Test(arguments: [
        "/1/summary", "/healthz", "/nothing", "/1/history", "/1/workers/a", "/1/workers?limit=1", "/1/config",
    ])
    func withoutATokenNoAnswerHasTheHeaders(path: String) throws {
        try TestServer().run { _, client, _ in
            for method in ["GET", "OPTIONS"] {
                let reply = try client.send(method, path)
                #expect(reply.header("Access-Control-Allow-Origin") == nil)
            }
        }
    }

    @Test(arguments: [nil, "t"] as [String?])
    func theServicesPagesHaveTheHeadersWithAToken(token: String?) throws {
        var api = Settings.API(host: "127.0.0.1", port: 1)
        api.accessToken = token
        let documents = ServiceDocuments(
            settings: Settings(), api: api, identity: .ofFarm, readMachine: { .ofFarm },
            readRefusedTokens: { RefusedTokens() })
        for page in Page.allCases {
            #expect(documents.answer(page, of: .ofFarm).opensToOtherOrigins == (token != nil), "\(page)")
        }
        let question = PageQuery.worker(name: "rack7-03")
        let answer = try documents.answer(question, of: .ofFarm)
        #expect(answer.opensToOtherOrigins == (token != nil))
    }

    @Test func aRefusedNameIsToldWhatToDo() throws {
        try TestServer().run { _, client, _ in
            let connection = try HTTPClient.Connection(client)
            connection.write("GET /1/summary HTTP/1.1\r\nHost: evil.example\r\n\r\n")
            let reply = try #require(connection.reply())
            #expect(reply.status == 403)
            #expect(reply.text.contains("millrace.http-hosts") && !reply.text.contains("evil"))
        }
    }

    // MARK: - Wrong tokens

    private let one = Network("192.0.2.1")!
    private let two = Network("192.0.2.2")!

    @Test func theRightTokenFromAnotherAddressGoesThrough() {
        var api = Settings.API(host: "0.0.0.0", port: 1)
        api.accessToken = "right"
        let router = Router(api: api)
        var request = RequestHead(method: "GET", path: "/1/summary", authorization: nil, contentType: nil)
        request.client = one
        for number in 0..<100 {
            let expected: HTTPErrorStatus = number < TokenGuesses.attemptsMax ? .forbidden : .tooManyRequests
            #expect(refusal(router, request, "wrong \(number)") == expected)
        }
        #expect(refusal(router, request, "right") == .tooManyRequests)
        #expect(refusal(router, request, nil) == .unauthorized)
        request.client = two
        #expect(refusal(router, request, "right") == nil)
        request.client = one
        request.time = 2_000
        #expect(refusal(router, request, "right") == nil)
        #expect(router.refusedTokens == .init(missing: 1, wrong: 30, throttled: 71))
    }

    @Test func wrongTokensOverTheWireAreThrottledAndTheConnectionEnds() throws {
        var test = TestServer()
        test.api.accessToken = "right"
        try test.run { _, client, _ in
            var statuses: [Int: Int] = [:]
            for number in 0..<40 {
                let reply = try client.get("/1/summary", headers: "Authorization: Bearer \(number)\r\n")
                statuses[reply.status, default: 0] += 1
                if reply.status == 429 { #expect(reply.header("Retry-After") == "2") }
            }
            #expect(statuses == [403: 30, 429: 10])
            let connection = try HTTPClient.Connection(client)
            connection.write("GET / HTTP/1.1\r\nAuthorization: Bearer z\r\n\r\n")
            #expect(connection.reply()?.status == 429)
            #expect(connection.isClosedByServer())
            var other = client
            other.source = "127.0.0.2"
            #expect(try other.get("/1/summary", headers: "Authorization: Bearer right\r\n").status == 200)
            #expect(try client.get("/healthz").status == 200)
        }
    }
}
