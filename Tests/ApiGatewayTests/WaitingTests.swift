import ApiFixtures
import Control
import Dispatch
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import ApiDocuments
@testable import ApiGateway
@testable import HTTPServing

/// Answers that take time do not take it from anybody else.
@Suite(.serialized, .timeLimit(.minutes(1))) struct WaitingTests {
    /// Answers when it is let.
    private final class Gate: HistorySource {
        private let gate = DispatchSemaphore(value: 0)
        let askedCount = Atomic<Int>(0)

        func open() { gate.signal() }

        func answer(query: String) throws(HTTPError) -> Answer {
            askedCount.add(1, ordering: .relaxed)
            gate.wait()
            if query == "wrong" { throw HTTPError(.badRequest, message: "from: expected a number") }
            return .document(Array(query.utf8))
        }
    }

    private func ask(_ client: HTTPClient, _ query: String) throws -> HTTPClient.Connection {
        let connection = try HTTPClient.Connection(client)
        connection.write("GET /1/history?\(query) HTTP/1.1\r\nHost: x\r\n\r\n")
        return connection
    }

    @Test func aSlowDiskDoesNotHoldUpTheServer() throws {
        let gate = Gate()
        let test = TestServer(history: gate)
        try test.run { server, client, _ in
            let waiting = try (0..<8).map { try ask(client, "n=\($0)") }
            for _ in 0..<100 { #expect(try client.get("/1/summary").status == 200) }
            for _ in waiting { gate.open() }
            for (index, connection) in waiting.enumerated() { #expect(connection.reply()?.text == "n=\(index)") }
            // The same connection goes on.
            waiting[0].write("GET /1/history?wrong HTTP/1.1\r\nHost: x\r\n\r\n")
            gate.open()
            #expect(waiting[0].reply()?.status == 400)
        }
    }

    @Test func equalQuestionsAreAnsweredOnce() throws {
        let gate = Gate()
        var test = TestServer(history: gate)
        test.limits.waitingRequests = 2
        test.limits.historyMillis = 60_000
        try test.run { _, client, _ in
            let first = try ask(client, "from=-24h")
            while gate.askedCount.load(ordering: .relaxed) == 0 { usleep(1_000) }
            let others = try (0..<20).map { _ in try ask(client, "from=-24h") }
            for _ in 0..<50 { #expect(try client.get("/healthz").status == 200) }  // they have been heard
            gate.open()
            for connection in [first] + others { #expect(connection.reply()?.text == "from=-24h") }
            // And for a moment after.
            for _ in 0..<5 { #expect(try ask(client, "from=-24h").reply()?.text == "from=-24h") }
            #expect(gate.askedCount.load(ordering: .relaxed) == 1)
            gate.open()
            #expect(try ask(client, "from=-23h").reply()?.text == "from=-23h")
            #expect(gate.askedCount.load(ordering: .relaxed) == 2)
        }
    }

    @Test func answersAboutThePastAreKeptForAMomentAndOnlySoMany() {
        var limits = GatewayLimits()
        limits.historyMillis = 100
        limits.historyKept = 3
        var recent = RecentAnswers(limits: limits)
        for number in 0..<5 { recent.keep(.document([UInt8(number)]), to: "\(number)", at: Int64(number)) }
        #expect((0..<5).map { recent.answer(to: "\($0)", at: 50) != nil } == [false, false, true, true, true])
        #expect(recent.answer(to: "2", at: 101) != nil)
        #expect(recent.answer(to: "2", at: 102) == nil)
        #expect(recent.answer(to: "4", at: 103)?.body == [4])
    }

    @Test func onlySoManyMayWait() throws {
        let gate = Gate()
        var test = TestServer(history: gate)
        test.limits.waitingRequests = 2
        try test.run { _, client, _ in
            let waiting = try (0..<2).map { try ask(client, "n=\($0)") }
            while gate.askedCount.load(ordering: .relaxed) == 0 { usleep(1_000) }
            var refused: HTTPClient.Reply?
            // The second one may not have got its place yet: whoever takes it from here waits, and is let go of.
            for _ in 0..<100 where refused == nil {
                let reply = try ask(client, "late=\(UInt32.random(in: 0 ... .max))")
                usleep(20_000)
                gate.open()
                let answer = reply.reply()
                if answer?.status == 503 { refused = answer }
            }
            #expect(refused?.header("Retry-After") == "5")
            gate.open()
            gate.open()
            for connection in waiting { #expect(connection.reply()?.status == 200) }
        }
    }

    @Test func whoHangsUpWhileItWaitsIsForgotten() throws {
        let gate = Gate()
        let test = TestServer(history: gate)
        try test.run { _, client, _ in
            do {
                let gone = try ask(client, "n=1")
                while gate.askedCount.load(ordering: .relaxed) == 0 { usleep(1_000) }
                _ = gone
            }
            gate.open()
            #expect(try client.get("/healthz").status == 200)
        }
    }

    @Test func aServerThatStopsLetsTheWaitingGo() throws {
        let gate = Gate()
        let test = TestServer(history: gate)
        var left: HTTPClient.Connection?
        try test.run { server, client, _ in
            left = try ask(client, "n=1")
            while gate.askedCount.load(ordering: .relaxed) == 0 { usleep(1_000) }
            server.stop(drainMillis: 100)
        }
        #expect(left?.reply()?.status == 503)
        gate.open()
    }

    /// A new configuration may be the reason for which the gateway is replaced: who has sent it is told that it is
    /// taken.
    @Test func aServerThatStopsStillPassesOnWhatIsBeingDone() throws {
        let gate = Gate()
        let test = TestServer(history: gate)
        var left: HTTPClient.Connection?
        try test.run { server, client, _ in
            left = try ask(client, "n=1")
            while gate.askedCount.load(ordering: .relaxed) == 0 { usleep(1_000) }
            DispatchQueue.global().asyncAfter(deadline: .now() + .milliseconds(50)) { gate.open() }
            server.stop(drainMillis: 10_000)
        }
        #expect(left?.reply()?.status == 200)
    }

    @Test func theSupervisorsWordIsHungOutAndTakenDown() throws {
        let supervisor = ScriptedSupervisor(.success(.status(.of(shard: .ready))))
        let documents = TestDocuments { _, view in .document(Array("\(view.status?.children.count ?? -1)".utf8)) }
        let limits = GatewayLimits()
        let pages = DocumentCache(serviceStartedAt: 0, limits: limits, documents: documents)
        let word = StatusPoller(of: supervisor, limits: limits)
        func shown() throws -> String {
            try String(decoding: pages.representation(.shards, in: .identity).whole.body.content, as: UTF8.self)
        }
        /// Asks at that time, and waits for the question to have been asked.
        func ask(at time: Int64, until text: String) throws {
            for _ in 0..<1_000 {
                word.ask(at: time, for: pages)
                usleep(1_000)
                if try shown() == text { return }
            }
            Issue.record("it shows \(try shown()), not \(text)")
        }
        #expect(try shown() == "-1")
        try ask(at: 1_000, until: "1")
        supervisor.reply(.failure(.noAnswer(afterMilliseconds: 1)))
        word.ask(at: 5_999, for: pages)
        #expect(try shown() == "1")
        try ask(at: 6_000, until: "-1")
        supervisor.reply(.success(.status(.of(shard: .ready))))
        try ask(at: 7_000, until: "1")
    }
}
