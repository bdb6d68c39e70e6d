import ApiFixtures
import Glibc
import Linux
import Synchronization
import TestSupport
import Testing

@testable import HTTPServing

/// A stream of events as the server treats it; what is in it is another matter.
@Suite(.serialized, .timeLimit(.minutes(1))) struct EventStreamTests {
    /// Streams that say what they are given.
    private final class Source: EventStreamSource {
        let opened = Mutex<[Stream]>([])

        func open(_ request: EventStreamRequest, suspension: Suspension) throws(HTTPError) -> any EventStream {
            if request.query == "wrong" { throw HTTPError(.badRequest, message: "types: expected share") }
            let stream = Stream(suspension)
            stream.say("hello \(request.lastEventID ?? "-") \(request.query)\n")
            opened.withLock { $0.append(stream) }
            return stream
        }

        var streams: [Stream] { opened.withLock { $0 } }
    }

    private final class Stream: EventStream {
        private let suspension: Suspension
        private let bytes = Mutex<[UInt8]>([])
        let reads = Atomic<Int>(0)
        private let closing = Atomic<Bool>(false)
        private let isOver = Atomic<Bool>(false)

        var isClosed: Bool { closing.load(ordering: .relaxed) }

        init(_ suspension: Suspension) { self.suspension = suspension }

        func say(_ text: String) {
            bytes.withLock { $0 += Array(text.utf8) }
            suspension.wake()
        }

        func end() {
            isOver.store(true, ordering: .relaxed)
            suspension.wake()
        }

        func read(into buffer: UnsafeMutableRawBufferPointer) -> EventStreamPiece {
            reads.add(1, ordering: .relaxed)
            return bytes.withLock {
                if $0.isEmpty { return isOver.load(ordering: .relaxed) ? .end : .nothingYet }
                let count = min(buffer.count, $0.count)
                buffer.copyBytes(from: $0[..<count])
                $0.removeFirst(count)
                return .bytes(count)
            }
        }

        func requestHeartbeat() { bytes.withLock { $0 += Array(":\n\n".utf8) } }
        func closed() { closing.store(true, ordering: .relaxed) }
    }

    private let source = Source()

    private func serve(
        _ change: (inout HTTPLimits) -> Void = { _ in }, _ body: (HTTPServer, HTTPClient) throws -> Void
    ) throws {
        var test = TestServer()
        change(&test.limits)
        test.application.streams = source
        try test.run(body)
    }

    private func follow(_ client: HTTPClient, _ query: String = "", headers: String = "") throws
        -> HTTPClient.Connection
    {
        let connection = try HTTPClient.Connection(client)
        connection.write("GET /1/events\(query) HTTP/1.1\r\nHost: x\r\n\(headers)\r\n")
        return connection
    }

    @Test func whatIsSaidArrivesAtOnce() throws {
        try serve { _, client in
            let connection = try follow(client, "?types=share", headers: "Last-Event-ID: 17\r\n")
            let head = try #require(connection.read(until: "hello 17 types=share\n"))
            #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(head.contains("Content-Type: text/event-stream\r\n"))
            #expect(head.contains("Cache-Control: no-cache\r\n"))
            let stream = try #require(source.streams.first)
            for number in 0..<500 {
                stream.say("event \(number)\n")
                #expect(connection.read(until: "event \(number)\n") != nil)
            }
        }
    }

    @Test func aStreamWithNothingToSayCostsNothing() throws {
        try serve { _, client in
            let connections = try (0..<20).map { _ in try follow(client) }
            for connection in connections { #expect(connection.read(until: "hello - \n") != nil) }
            usleep(100_000)
            let before = source.streams.reduce(0) { $0 + $1.reads.load(ordering: .relaxed) }
            usleep(200_000)
            #expect(source.streams.reduce(0) { $0 + $1.reads.load(ordering: .relaxed) } == before)
            #expect(try client.get("/1/summary").status == 200)
        }
    }

    @Test func manyThreadsMaySpeakAtOnce() async throws {
        try serve { _, client in
            let connection = try follow(client)
            #expect(connection.read(until: "hello") != nil)
            let stream = try #require(source.streams.first)
            let threads = 8
            withUnsafeTemporaryAllocation(of: pthread_t.self, capacity: threads) { ids in
                for index in 0..<threads {
                    let context = Unmanaged.passUnretained(stream).toOpaque()
                    pthread_create(
                        ids.baseAddress! + index, nil,
                        {
                            let stream = Unmanaged<Stream>.fromOpaque($0!).takeUnretainedValue()
                            for _ in 0..<2_000 { stream.say("x") }
                            return nil
                        }, context)
                }
                for index in 0..<threads { pthread_join(ids[index], nil) }
            }
            stream.say("\nthe end\n")
            #expect(connection.read(until: "the end") != nil)
        }
    }

    @Test func whoIsGoneIsNoticedByTheHeartbeat() throws {
        try serve { server, client in
            do {
                let connection = try follow(client)
                #expect(connection.read(until: "hello") != nil)
            }
            let stream = try #require(source.streams.first)
            var now = MonotonicClock.milliseconds
            for _ in 0..<100 where !stream.isClosed {
                now += 10_000
                server.enforceDeadlines(at: now)
                usleep(10_000)
            }
            #expect(stream.isClosed)
        }
    }

    /// By the real clock, which the server's own threads look at too.
    @Test func aQuietStreamThatIsReadOutlivesTheDeadlineOfAnswers() throws {
        try serve {
            $0.answerMillis = 1_000
            $0.heartbeatMillis = 50
        } _: { server, client in
            let connection = try follow(client)
            #expect(connection.read(until: "hello") != nil)
            for _ in 0..<75 {
                usleep(20_000)
                server.enforceDeadlines(at: MonotonicClock.milliseconds)
            }
            let stream = try #require(source.streams.first)
            stream.say("still there\n")
            let heard = try #require(connection.read(until: "still there\n"))
            #expect(heard.contains(":\n\n"))
        }
    }

    @Test func whoTakesNothingIsCut() throws {
        try serve { server, client in
            let connection = try follow(client)
            #expect(connection.read(until: "hello") != nil)
            let stream = try #require(source.streams.first)
            stream.say(String(repeating: "x", count: 16 << 20))
            usleep(300_000)
            server.enforceDeadlines(at: MonotonicClock.milliseconds + 61_000)
            for _ in 0..<500 where !stream.isClosed { usleep(10_000) }
            #expect(stream.isClosed)
        }
    }

    @Test func onlySoManyAreOpen() throws {
        try serve {
            $0.streams = 3
        } _: { server, client in
            var held = try (0..<3).map { _ in try follow(client) }
            for connection in held { #expect(connection.read(until: "hello") != nil) }
            let fourth = try client.get("/1/events")
            #expect(fourth.status == 503)
            #expect(fourth.text.contains("Too many event streams (limit 3)."))
            held.removeFirst()
            var status = 503
            for _ in 0..<200 where status == 503 {
                server.enforceDeadlines(at: MonotonicClock.milliseconds + 20_000)
                usleep(10_000)
                let next = try follow(client)
                status = next.read(until: "\r\n\r\n")?.contains("200 OK") == true ? 200 : 503
            }
            #expect(status == 200)
        }
    }

    @Test func oneAddressCannotTakeAllStreams() throws {
        try serve {
            $0.streamsPerAddress = 3
        } _: { _, client in
            let held = try (0..<3).map { _ in try follow(client) }
            for connection in held { #expect(connection.read(until: "hello") != nil) }
            let fourth = try client.get("/1/events")
            #expect(fourth.status == 503)
            #expect(fourth.text.contains("Too many event streams from this address (limit 3)."))
            var other = client
            other.source = "127.0.0.2"
            #expect(try follow(other).read(until: "hello") != nil)
        }
    }

    @Test func whatCannotBeFollowedIsRefused() throws {
        try serve { _, client in
            let wrong = try client.get("/1/events?wrong")
            #expect(wrong.status == 400)
            #expect(
                wrong.text == #"{"status": 400, "error": "BAD_REQUEST", "message": "types: expected share"}"#)
            #expect(try client.send("POST", "/1/events").status == 405)
        }
        try TestServer().run { _, client in
            let nothing = try client.get("/1/events")
            #expect(nothing.status == 404)
        }
    }

    @Test func aStreamEndsWhenItsSourceSaysSo() throws {
        try serve { _, client in
            let connection = try follow(client)
            #expect(connection.read(until: "hello") != nil)
            source.streams.first?.end()
            // The last chunk; the connection goes on.
            #expect(connection.read(until: "0\r\n\r\n") != nil)
            connection.write("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(connection.reply()?.status == 200)
        }
    }

    @Test func aServerThatStopsEndsItsStreams() throws {
        var left: HTTPClient.Connection?
        try serve { server, client in
            let connection = try follow(client)
            #expect(connection.read(until: "hello") != nil)
            left = connection
            server.stop(drainMillis: 1_000)
        }
        #expect(left?.read(until: "0\r\n\r\n") != nil)
        #expect(left?.isClosedByServer() == true)
        #expect(source.streams.first?.isClosed == true)
    }

    @Test func theHeadOfAStreamIsToldToo() throws {
        try serve { _, client in
            let reply = try client.send("HEAD", "/1/events")
            #expect(reply.status == 200)
            #expect(reply.header("Content-Type") == "text/event-stream")
            for _ in 0..<500 where source.streams.first?.isClosed != true { usleep(1_000) }
            #expect(source.streams.first?.isClosed == true)
        }
    }
}
