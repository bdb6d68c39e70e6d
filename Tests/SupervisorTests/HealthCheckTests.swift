import Configuration
import EventLoop
import TestSupport
import Testing

@testable import Supervisor

struct HealthQuestionTests {
    private func settings(api: Settings.API?, binds: [Settings.Bind]) -> Settings {
        var settings = Settings()
        settings.api = api
        settings.binds = binds
        return settings
    }

    @Test func theAPIIsAskedWhenThereIsOne() throws {
        let question = try #require(
            HealthQuestion(
                about: settings(api: .init(host: "10.0.0.7", port: 8080), binds: [.init(host: "0.0.0.0", port: 3333)])))
        #expect(question.kind == .api)
        #expect(question.host == "10.0.0.7")
        #expect(question.port == 8080)
    }

    @Test(arguments: [("0.0.0.0", "127.0.0.1"), ("::", "::1"), ("127.0.0.9", "127.0.0.9")])
    func whoListensEverywhereIsAskedOnLoopback(host: String, asked: String) throws {
        let question = try #require(HealthQuestion(about: settings(api: .init(host: host, port: 8080), binds: [])))
        #expect(question.host == asked)
    }

    @Test func withoutAnAPITheMinersAddressIsTried() throws {
        let binds = [Settings.Bind(host: "::", port: 0), Settings.Bind(host: "::", port: 3333)]
        let question = try #require(HealthQuestion(about: settings(api: nil, binds: binds)))
        #expect(question.kind == .miners)
        #expect(question.host == "::1")
        #expect(question.port == 3333)
    }

    @Test func portsThatTheSystemChoosesCannotBeAsked() {
        let open = settings(api: .init(host: "127.0.0.1", port: 0), binds: [.init(host: "0.0.0.0", port: 0)])
        #expect(HealthQuestion(about: open) == nil)
    }

    @Test func theStatusLineDecides() throws {
        let question = try #require(HealthQuestion(about: settings(api: .init(host: "::1", port: 1), binds: [])))
        #expect(question.verdict(on: Array("HTTP/1.1 20".utf8)) == nil)
        #expect(question.verdict(on: Array("HTTP/1.1 200 OK\r\n".utf8)) == .healthy)
        #expect(
            question.verdict(on: Array("HTTP/1.1 503 Busy\r\n".utf8)) == .unhealthy("it answered \"HTTP/1.1 503\""))
        #expect(
            question.verdict(on: [0x1b] + Array("[2Jnot HTTP".utf8)) == .unhealthy("it answered \"?[2Jnot HTTP\""))
    }
}

/// The probe and its peer share one loop; only one test waits for a clock.
struct HealthProbeTests {
    /// Sends its answer to the first input; nil for no answer.
    private final class Answerer: TCPStream {
        private let answer: String?

        init(on loop: Loop, answer: String?) {
            self.answer = answer
            super.init(on: loop)
        }

        override func didConnect(_ failure: SystemFailure?) { startReading() }

        override func didReceive(_ chunk: UnsafeRawBufferPointer) {
            guard let answer else { return }
            _ = Array(answer.utf8).withUnsafeBytes { send($0) }
            if answer.isEmpty { close() }
        }

        override func didEnd(_ end: StreamEnd) { close() }
    }

    private func verdict(
        asAPI: Bool = true, answer: String?, limitMillis: UInt64 = HealthProbe.limitMillis
    ) throws -> HealthVerdict? {
        let loop = try Loop()
        let socket = try ListeningSocket.open(SocketAddress(host: "127.0.0.1", port: 0), sharedPort: false)
        let port = try ListeningSocket.address(of: socket).port
        let listener = try TCPListener(on: loop, descriptor: socket) { Answerer(on: $0, answer: answer) }
        var settings = Settings()
        settings.binds = [.init(host: "127.0.0.1", port: port)]
        if asAPI { settings.api = .init(host: "127.0.0.1", port: port) }
        let probe = HealthProbe(on: loop, asking: try #require(HealthQuestion(about: settings)))
        probe.begin(limitMillis: limitMillis)
        while probe.verdict == nil { loop.runOnce() }
        listener.close()
        loop.run()
        return probe.verdict
    }

    @Test func aServiceThatAnswersIsHealthy() throws {
        #expect(try verdict(answer: "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n") == .healthy)
    }

    @Test func aServiceThatRefusesIsNot() throws {
        #expect(
            try verdict(answer: "HTTP/1.1 401 Unauthorized\r\n\r\n") == .unhealthy("it answered \"HTTP/1.1 401\""))
    }

    @Test func aServiceThatHangsUpIsNot() throws {
        #expect(try verdict(answer: "") == .unhealthy("it closed the connection"))
    }

    @Test func aServiceThatHangsIsNotWaitedFor() throws {
        #expect(try verdict(answer: nil, limitMillis: 20) == .unhealthy("no answer within 20 ms"))
    }

    @Test func aMinersAddressThatTakesConnectionsWillDo() throws {
        #expect(try verdict(asAPI: false, answer: nil) == .healthy)
    }

    @Test func anAddressWhereNobodyListensIsUnhealthy() throws {
        let loop = try Loop()
        // A port that was free a moment ago. This process holds it, so no other one listens there.
        let socket = try ListeningSocket.open(SocketAddress(host: "127.0.0.1", port: 0), sharedPort: false)
        let port = try ListeningSocket.address(of: socket).port
        let listener = try TCPListener(on: loop, descriptor: socket) { _ in nil }
        listener.close()
        loop.run()
        var settings = Settings()
        settings.api = .init(host: "127.0.0.1", port: port)
        let probe = HealthProbe(on: loop, asking: try #require(HealthQuestion(about: settings)))
        probe.begin()
        loop.run()
        guard case .unhealthy(let reason) = probe.verdict else {
            throw TestFailure("expected unhealthy, found \(String(describing: probe.verdict))")
        }
        #expect(reason.contains("refused"))
    }
}
