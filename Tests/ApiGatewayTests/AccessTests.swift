import Addresses
import Configuration
import TestSupport
import Testing

@testable import ApiGateway

/// Who may ask, under which name, and how often with a wrong token.
@Suite struct AccessTests {
    // MARK: - Host names

    private func policy(hosts: [String]? = nil, token: String? = nil, hostName: String = "miner1.example.org")
        -> HostPolicy
    {
        var api = Settings.API(host: "0.0.0.0", port: 8080)
        api.hosts = hosts
        api.accessToken = token
        return HostPolicy(api: api, hostName: hostName)
    }

    @Test(arguments: [
        "127.0.0.1", "127.0.0.1:8080", "192.168.1.20:80", "255.255.255.255", "[::1]", "[::1]:8080", "[2001:db8::7]:80",
        "localhost", "LocalHost:8080", "localhost.", "millrace:8080", "millrace", "x", "db-3_a:1", "rig.local",
        "proxy.mining.svc.cluster.local:8080", "millrace.internal", "nas.home.arpa", "router.lan:80", "a.localhost",
        "miner1.example.org", "MINER1.example.org:8080", "miner1.example.org.", "",
    ])
    func addressesAndNamesThatNoStrangerCanOwnAreAllowed(host: String) {
        #expect(policy().allows(host))
    }

    @Test(arguments: [
        "evil.example", "evil.example:8080", "rebind.network", "1.2.3.4.evil.example", "127.0.0.1.nip.io", "a.b",
        "localhost.evil.example", "evillocal.example", "miner1.example.org.evil.example", "example.org", "1.2.3",
        "1.2.3.256", "1.2.3.4.5", "1.2.3.0x4", "xlocal.com", "evil.example.", "local.evil.com:80", "1.2.3.4 .com",
    ])
    func everyOtherNameIsRefused(host: String) {
        #expect(!policy().allows(host))
        #expect(policy(token: "t").allows(host))
        #expect(policy(hosts: ["*"]).allows(host))
        #expect(!policy(token: "").allows(host))
    }

    @Test func configuredNamesAreAllowedAndNoPartsOfThem() {
        let policy = policy(hosts: ["Proxy.Example.ORG", "pool.example.net."])
        for host in ["proxy.example.org", "PROXY.example.org:443", "pool.example.net:1", "pool.example.net."] {
            #expect(policy.allows(host), "\(host)")
        }
        for host in ["a.proxy.example.org", "example.org", "proxy.example.org.uk"] {
            #expect(!policy.allows(host), "\(host)")
        }
    }

    @Test func clientsWithoutTheHeaderAreNoBrowsers() {
        #expect(policy().allows(nil))
    }

    private func route(_ router: Router, _ path: String, host: String?, token: String? = nil) -> HTTPErrorStatus? {
        var request = Router.Request(method: "GET", path: path, authorization: nil, contentType: nil)
        request.host = host
        request.client = Network("192.0.2.1")
        return refusal(router, request, token)
    }

    private func refusal(_ router: Router, _ request: Router.Request, _ token: String?) -> HTTPErrorStatus? {
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
            refusedTokens: { TokenGuesses.Counts() })
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

    private func guess(_ text: String, _ client: Network, _ guesses: inout TokenGuesses, at now: Int64) -> Bool {
        guard guesses.mayTry(client, at: now) else { return false }
        Array(text.utf8).withUnsafeBytes { guesses.guessed($0, by: client, at: now) }
        return true
    }

    private func mayTry(_ client: Network, _ guesses: inout TokenGuesses, at now: Int64) -> Bool {
        guesses.mayTry(client, at: now)
    }

    @Test func guessingBecomesSlowForThatAddress() {
        var guesses = TokenGuesses()
        let tried = (0..<75_000).count { guess("guess \($0)", one, &guesses, at: 1_000) }
        #expect(tried == TokenGuesses.attemptsMax)
        #expect(guesses.counts == .init(missing: 0, wrong: 30, throttled: 74_970))
        #expect(mayTry(two, &guesses, at: 1_000))
        // One more every two seconds, and all of them after a minute.
        #expect(!mayTry(one, &guesses, at: 2_999))
        #expect(guess("late", one, &guesses, at: 3_000))
        #expect(!mayTry(one, &guesses, at: 3_001))
        let later = (0..<100).count { guess("later \($0)", one, &guesses, at: 200_000) }
        #expect(later == TokenGuesses.attemptsMax)
    }

    /// A dashboard with an old token, and the operator behind the same address.
    @Test func oneWrongTokenAgainAndAgainShutsNobodyOut() {
        var guesses = TokenGuesses()
        for second in 0..<10_000 {
            #expect(guess("old token", one, &guesses, at: Int64(second)))
            if second % 3_000 == 0 { #expect(guess("typo \(second)", one, &guesses, at: Int64(second))) }
        }
        #expect(guesses.counts.wrong == 10_004)
        #expect(mayTry(one, &guesses, at: 10_000))
    }

    @Test func theRightTokenFromAnotherAddressGoesThrough() {
        var api = Settings.API(host: "0.0.0.0", port: 1)
        api.accessToken = "right"
        let router = Router(api: api)
        var request = Router.Request(method: "GET", path: "/1/summary", authorization: nil, contentType: nil)
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

    @Test func aMinuteOfGuessesIsOneReport() {
        var guesses = TokenGuesses()
        #expect(guesses.report(at: 0) == nil)
        for number in 0..<50 { _ = guess("a\(number)", one, &guesses, at: 0) }
        for _ in 0..<7 { _ = guess("b", two, &guesses, at: 0) }
        #expect(guesses.report(at: 10) == .init(count: 57, address: one, most: 50, addresses: 2))
        _ = guess("c", two, &guesses, at: 20)
        for second in 1..<60 { #expect(guesses.report(at: Int64(second) * 1_000) == nil) }
        #expect(guesses.report(at: 60_010) == .init(count: 1, address: two, most: 1, addresses: 1))
        #expect(guesses.report(at: 999_999) == nil)
    }

    @Test func theTableOfGuessersIsBounded() {
        var guesses = TokenGuesses()
        _ = guess("x", one, &guesses, at: 0)
        for number in 0..<5_000 {
            let client = Network("10.\(number / 65_536).\(number / 256 % 256).\(number % 256)")!
            _ = guess("y", client, &guesses, at: Int64(number))
        }
        #expect(guesses.report(at: 5_000)?.addresses == TokenGuesses.addressesMax)
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
