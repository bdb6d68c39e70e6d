import Configuration
import Testing

@testable import ApiDocuments
@testable import ApiGateway
@testable import HTTPServing

@Suite struct RouterTests {
    private static let json = "application/json"

    /// What becomes of a request; the refusal when there is one.
    private func route(
        _ method: String, _ path: String, token: String? = nil, authorization: String? = nil,
        isRestricted: Bool = false, contentType: String? = nil
    ) -> Result<Router.Route, HTTPError> {
        var api = Settings.API(host: "127.0.0.1", port: 8080)
        api.accessToken = token
        api.isRestricted = isRestricted
        let router = Router(api: api)
        var request = RequestHead(method: method, path: path, authorization: nil, contentType: contentType)
        guard let authorization else { return Result { () throws(HTTPError) in try router.route(request) } }
        return Array(authorization.utf8).withUnsafeBytes { bytes in
            request.authorization = bytes
            return Result { () throws(HTTPError) in try router.route(request) }
        }
    }

    private func refusal(_ result: Result<Router.Route, HTTPError>) -> HTTPErrorStatus? {
        switch result {
        case .success: nil
        case .failure(let refused): refused.status
        }
    }

    @Test(
        arguments: [
            ("/", .classicSummary), ("/workers.json", .classicWorkers), ("/1/summary", .summary),
            ("/2/summary", .summary), ("/api.json", .summary), ("/2/backends", .backends),
            ("/1/workers", .workers), ("/1/miners", .miners), ("/1/shards", .shards), ("/1/upstreams", .upstreams),
            ("/1/peers", .peers),
            ("/metrics", .metrics), ("/openapi.json", .openAPI), ("/readyz", .readiness),
        ] as [(String, Page)])
    func eachPathHasItsPage(path: String, page: Page) {
        #expect(route("GET", path) == .success(.read(.page(page))))
        #expect(route("HEAD", path) == .success(.read(.page(page))))
        #expect(route("OPTIONS", path) == .success(.preflight))
        for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "get", ""] {
            #expect(refusal(route(method, path)) == .methodNotAllowed)
        }
    }

    @Test(
        arguments: [
            ("GET", "/1/config", .read(.configuration)), ("GET", "/2/config", .read(.configuration)),
            ("GET", "/1/history", .read(.history)), ("GET", "/1/events", .read(.events)),
            ("GET", "/healthz", .read(.health)), ("PUT", "/1/config", .write(.configuration)),
            ("POST", "/2/config", .write(.configuration)), ("POST", "/json_rpc", .write(.jsonRPC)),
            ("POST", "/1/shards/0/restart", .write(.change(.restart(shard: 0)))),
            ("POST", "/1/shards/12/restart", .write(.change(.restart(shard: 12)))),
            ("POST", "/1/shards/all/restart", .write(.change(.restartAll))),
            ("POST", "/1/shards/3/drain", .write(.change(.drain(shard: 3)))),
            ("POST", "/1/scale", .write(.change(.scale))),
            ("GET", "/1/workers/rig", .read(.worker(name: "rig"))),
            ("GET", "/1/workers/a%2Fb%20c%C3%BC+", .read(.worker(name: "a/b cü+"))),
            ("GET", "/1/workers/%CC%81", .read(.worker(name: "\u{301}"))),
            ("GET", "/1/workers/\u{301}", .read(.worker(name: "\u{301}"))),
        ] as [(String, String, Router.Route)])
    func whatElseThereIs(method: String, path: String, expected: Router.Route) {
        let got = route(method, path, token: "t", authorization: "Bearer t", contentType: RouterTests.json)
        #expect(got == .success(expected))
    }

    @Test(arguments: [
        "", "//", "/workers.json/", "/Workers.json", "/workers.json%20", "/%77orkers.json", "/1", "/1/", "/1/summary/",
        "//1/summary", "/./1/summary", "/1/../1/summary", "/3/summary", "/1/miners/", "/index.html", "workers.json",
        "http://127.0.0.1/", "/\u{fffd}", "/1/workers/", "/1/workers/a/b", "/1/shards/", "/1/shards/0",
        "/1/shards//restart", "/1/shards/-1/restart", "/1/shards/+1/restart", "/1/shards/1e3/restart",
        "/1/shards/all/drain", "/1/shards//drain", "/1/shards/0", "/1/scale/4",
        "/1/shards/99999999999999999999/restart", "/1/shards/0/restart/", "/2/workers", "/3/config", "/favicon.ico",
    ])
    func everyOtherPathIsNotFound(path: String) {
        #expect(route("GET", path) == .failure(HTTPError(.notFound)))
    }

    @Test(arguments: ["%", "%4", "a%", "%zz", "%+1", "%ff", "%C3", "%ED%A0%80", "%C0%80"])
    func aNameThatIsWronglyEncodedIsSaidToBe(name: String) {
        #expect(refusal(route("GET", "/1/workers/\(name)")) == .badRequest)
    }

    @Test(arguments: [
        ("POST", "/", "GET, HEAD, OPTIONS"), ("DELETE", "/1/config", "GET, HEAD, OPTIONS, POST, PUT"),
        ("GET", "/json_rpc", "OPTIONS, POST"), ("PUT", "/1/shards/1/restart", "OPTIONS, POST"),
        ("PUT", "/healthz", "GET, HEAD, OPTIONS"), ("POST", "/1/events", "GET, HEAD, OPTIONS"),
    ])
    func aWrongMethodIsToldTheRightOnes(method: String, path: String, allowed: String) {
        #expect(route(method, path) == .failure(HTTPError(allowing: allowed)))
    }

    @Test(
        arguments: [
            (nil, .unauthorized), ("", .forbidden), ("Bearer", .forbidden), ("Bearer ", .forbidden),
            ("Bearer secre", .forbidden), ("Bearer secrets", .forbidden), ("Bearer Secret", .forbidden),
            ("Bearer secreT", .forbidden), ("bearer secret", .forbidden), ("Bearer  secret", .forbidden),
            (" Bearer secret", .forbidden), ("Basic  secret", .forbidden), ("Bearer secret", nil),
        ] as [(String?, HTTPErrorStatus?)])
    func theTokenMustBeThereAndRight(authorization: String?, expected: HTTPErrorStatus?) {
        for path in ["/", "/1/config", "/1/events", "/1/workers/x", "/metrics", "/1/history"] {
            #expect(refusal(route("GET", path, token: "secret", authorization: authorization)) == expected)
        }
        let write = route(
            "PUT", "/1/config", token: "secret", authorization: authorization, contentType: RouterTests.json)
        #expect(refusal(write) == expected)
    }

    @Test(arguments: [nil, ""], [nil, "", "Bearer x", "nonsense"])
    func withoutATokenEverybodyMayRead(token: String?, authorization: String?) {
        for path in ["/", "/1/config", "/1/events", "/1/history"] {
            #expect(refusal(route("GET", path, token: token, authorization: authorization)) == nil)
        }
    }

    @Test(arguments: ["/", "/nothing", "/1/config", "/1/workers/%", "/json_rpc", "/1/shards/0/restart"])
    func strangersDoNotLearnWhichPathsThereAre(path: String) {
        for method in ["GET", "POST", "PUT", "DELETE"] {
            #expect(route(method, path, token: "secret") == .failure(HTTPError(.unauthorized)))
        }
    }

    @Test func whatNeedsNoToken() {
        #expect(route("OPTIONS", "/1/workers", token: "secret") == .success(.preflight))
        #expect(route("OPTIONS", "*", token: "secret") == .success(.preflight))
        for path in ["/healthz", "/readyz"] {
            #expect(refusal(route("GET", path, token: "secret")) == nil)
            #expect(refusal(route("HEAD", path, token: "secret")) == nil)
            #expect(refusal(route("POST", path, token: "secret")) == .methodNotAllowed)
        }
        #expect(route("GET", "/favicon.ico", token: "secret") == .failure(HTTPError(.notFound)))
        #expect(route("BREW", "/", token: "secret") == .failure(HTTPError(.methodNotAllowed)))
    }

    @Test func whoIsRestrictedSeesNoConfigurationAndChangesNothing() {
        for (method, path) in [
            ("GET", "/1/config"), ("GET", "/2/config"), ("PUT", "/1/config"), ("POST", "/2/config"),
            ("POST", "/json_rpc"), ("POST", "/1/shards/0/restart"),
            ("POST", "/1/shards/all/restart"), ("POST", "/1/shards/0/drain"), ("POST", "/1/scale"),
        ] {
            let got = route(
                method, path, token: "t", authorization: "Bearer t", isRestricted: true,
                contentType: RouterTests.json)
            #expect(refusal(got) == .forbidden, "\(method) \(path)")
        }
        for path in ["/", "/1/miners", "/1/events", "/1/history", "/1/workers/x"] {
            #expect(refusal(route("GET", path, isRestricted: true)) == nil)
        }
    }

    @Test func changesNeedATokenThatIsConfigured() {
        for (method, path) in [
            ("PUT", "/1/config"), ("POST", "/2/config"), ("POST", "/1/shards/0/restart"),
            ("POST", "/1/shards/all/restart"), ("POST", "/1/shards/0/drain"), ("POST", "/1/scale"),
        ] {
            for authorization in [nil, "Bearer t"] {
                let got = route(method, path, authorization: authorization, contentType: RouterTests.json)
                #expect(
                    got
                        == .failure(
                            HTTPError(.forbidden, message: "Changes need an access token, and none is configured.")))
            }
        }
        #expect(route("POST", "/json_rpc", contentType: RouterTests.json) == .success(.write(.jsonRPC)))
    }

    @Test(
        arguments: [
            (nil, .unsupportedMediaType), ("", .unsupportedMediaType), ("text/plain", .unsupportedMediaType),
            ("application/jsonp", .unsupportedMediaType), ("application/json, text/plain", .unsupportedMediaType),
            (";application/json", .unsupportedMediaType), ("application/json", nil), ("Application/JSON", nil),
            ("application/json;charset=utf-8", nil), ("application/json ; charset=utf-8", nil),
        ] as [(String?, HTTPErrorStatus?)])
    func whatIsWrittenMustBeJSON(contentType: String?, expected: HTTPErrorStatus?) {
        let got = route("PUT", "/1/config", token: "t", authorization: "Bearer t", contentType: contentType)
        #expect(refusal(got) == expected)
    }
}

@Suite struct AnswerTests {
    @Test(arguments: HTTPErrorStatus.allCases)
    func everyRefusalIsAJSONObjectThatNamesItself(refusal: HTTPErrorStatus) {
        let answer = Answer.refused(HTTPError(refusal))
        #expect(answer.status == refusal.rawValue)
        #expect(answer.body.elementsEqual(#"{"status": \#(refusal.rawValue), "error": "\#(refusal.name)"}"#.utf8))
    }

    @Test func someRefusalsSayWhatToDo() {
        func value(_ name: String, _ refusal: HTTPErrorStatus) -> String? {
            Answer.refused(HTTPError(refusal)).headers.first { $0.name == name }?.value
        }
        #expect(value("WWW-Authenticate", .unauthorized) == "Bearer")
        #expect(value("WWW-Authenticate", .forbidden) == nil)
        #expect(value("Allow", .methodNotAllowed) == "GET, HEAD, OPTIONS")
        #expect(value("Retry-After", .serviceUnavailable) == "5")
    }

    @Test func pagesOfAnybodyMayReadEveryAnswer() {
        let answers =
            [Answer.preflight, .health, .document([]), .done, .eventStream]
            + HTTPErrorStatus.allCases.map { .refused(HTTPError($0)) }
        for answer in answers {
            let headers = Dictionary(
                uniqueKeysWithValues: answer.opened(toOtherOrigins: true).sentHeaders.map { ($0.name, $0.value) })
            #expect(headers["Access-Control-Allow-Origin"] == "*")
            #expect(headers["Access-Control-Allow-Methods"] == "GET, PUT, POST, DELETE")
            #expect(headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type")
            #expect(headers["X-Content-Type-Options"] == "nosniff")
        }
    }

    @Test func aRefusalCanSayMore() {
        let refused = HTTPError(.badRequest, message: "not \"this\"", lines: ["a", "b\n"])
        let text = String(decoding: Answer.refused(refused).body, as: UTF8.self)
        #expect(
            text == #"{"status": 400, "error": "BAD_REQUEST", "message": "not \"this\"", "lines": ["a", "b\n"]}"#)
    }
}
