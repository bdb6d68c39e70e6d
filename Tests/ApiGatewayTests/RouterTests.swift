import Configuration
import Testing

@testable import ApiGateway

@Suite struct RouterTests {
    private func router(token: String?) -> Router {
        var api = Settings.API(host: "127.0.0.1", port: 8080)
        api.accessToken = token
        return Router(api: api)
    }

    private func route(
        _ method: String, _ path: String, token: String? = nil, authorization: String? = nil
    ) -> Router.Route {
        guard let authorization else {
            return router(token: token).route(method: method, path: path, authorization: nil)
        }
        return Array(authorization.utf8).withUnsafeBytes {
            router(token: token).route(method: method, path: path, authorization: $0)
        }
    }

    @Test(
        arguments: [
            ("/", .classicSummary), ("/workers.json", .classicWorkers), ("/1/summary", .summary),
            ("/2/summary", .summary),
            ("/api.json", .summary), ("/1/workers", .workers),
        ] as [(String, Page)])
    func eachPathHasItsPage(path: String, page: Page) {
        #expect(route("GET", path) == .page(page))
        #expect(route("HEAD", path) == .page(page))
        #expect(route("OPTIONS", path) == .preflight)
        for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "get", ""] {
            #expect(route(method, path) == .refusal(.methodNotAllowed))
        }
    }

    @Test(arguments: [
        "", "//", "/workers.json/", "/Workers.json", "/workers.json%20", "/%77orkers.json", "/1", "/1/", "/1/summary/",
        "//1/summary", "/./1/summary", "/1/../1/summary", "/3/summary", "/1/miners", "/index.html", "workers.json",
        "http://127.0.0.1/", "/\u{fffd}",
    ])
    func everyOtherPathIsNotFound(path: String) {
        #expect(route("GET", path) == .refusal(.notFound))
    }

    @Test(
        arguments: [
            (nil, .unauthorized), ("", .forbidden), ("Bearer", .forbidden), ("Bearer ", .forbidden),
            ("Bearer secre", .forbidden), ("Bearer secrets", .forbidden), ("Bearer Secret", .forbidden),
            ("Bearer secreT", .forbidden), ("bearer secret", .forbidden), ("Bearer  secret", .forbidden),
            (" Bearer secret", .forbidden), ("Basic  secret", .forbidden), ("Bearer secret", nil),
        ] as [(String?, Refusal?)])
    func theTokenMustBeThereAndRight(authorization: String?, refusal: Refusal?) {
        let expected = refusal.map { Router.Route.refusal($0) } ?? .page(.classicSummary)
        #expect(route("GET", "/", token: "secret", authorization: authorization) == expected)
    }

    @Test(arguments: [nil, ""], [nil, "", "Bearer x", "nonsense"])
    func withoutATokenEverybodyMayRead(token: String?, authorization: String?) {
        #expect(route("GET", "/", token: token, authorization: authorization) == .page(.classicSummary))
    }

    @Test func strangersDoNotLearnWhichPathsThereAre() {
        for path in ["/", "/nothing"] {
            #expect(route("GET", path, token: "secret") == .refusal(.unauthorized))
            #expect(route("POST", path, token: "secret") == .refusal(.unauthorized))
        }
    }

    @Test func whatNeedsNoToken() {
        #expect(route("OPTIONS", "/1/workers", token: "secret") == .preflight)
        #expect(route("OPTIONS", "*", token: "secret") == .preflight)
        #expect(route("GET", "/healthz", token: "secret") == .health)
        #expect(route("HEAD", "/healthz", token: "secret") == .health)
        #expect(route("POST", "/healthz", token: "secret") == .refusal(.methodNotAllowed))
        #expect(route("GET", "/favicon.ico", token: "secret") == .refusal(.notFound))
        #expect(route("BREW", "/", token: "secret") == .refusal(.methodNotAllowed))
    }
}

@Suite struct AnswerTests {
    @Test(arguments: Refusal.allCases)
    func everyRefusalIsAJSONObjectThatNamesItself(refusal: Refusal) {
        let answer = Answer.refusal(refusal)
        #expect(answer.status == refusal.rawValue)
        #expect(answer.body.elementsEqual(#"{"status": \#(refusal.rawValue), "error": "\#(refusal.name)"}"#.utf8))
    }

    @Test func someRefusalsSayWhatToDo() {
        func value(_ name: String, _ refusal: Refusal) -> String? {
            Answer.refusal(refusal).headers.first { $0.name == name }?.value
        }
        #expect(value("WWW-Authenticate", .unauthorized) == "Bearer")
        #expect(value("WWW-Authenticate", .forbidden) == nil)
        #expect(value("Allow", .methodNotAllowed) == "GET, HEAD, OPTIONS")
        #expect(value("Retry-After", .serviceUnavailable) == "5")
    }

    @Test func pagesOfAnybodyMayReadEveryAnswer() {
        let answers = [Answer.preflight, .health, .document([])] + Refusal.allCases.map { .refusal($0) }
        for answer in answers {
            let headers = Dictionary(uniqueKeysWithValues: answer.headers.map { ($0.name, $0.value) })
            #expect(headers["Access-Control-Allow-Origin"] == "*")
            #expect(headers["Access-Control-Allow-Methods"] == "GET, PUT, POST, DELETE")
            #expect(headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type")
            #expect(headers["Content-Type"] == "application/json")
        }
    }
}
