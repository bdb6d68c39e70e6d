import ApiFixtures
import Glibc
import Linux
import TestSupport
import Testing

@testable import HTTPServing

/// The server with limits so small that they can be reached, and the time in the test's hands.
@Suite(.serialized, .timeLimit(.minutes(1))) struct HTTPServerTests {
    private func serve(
        _ change: (inout HTTPLimits) -> Void = { _ in }, bodyBytes: Int = 0,
        _ body: (HTTPServer, HTTPClient) throws -> Void
    ) throws {
        try TestServer(bodyBytes: bodyBytes, change).run(body)
    }

    @Test func headersThatTrickleAreCutAtTheDeadline() throws {
        try serve { server, client in
            let slow = try HTTPClient.Connection(client)
            slow.write("GET / HT")
            #expect(try client.get("/").status == 200)  // the slow one has been accepted before
            slow.write("TP/1.1\r\nX: ")
            server.enforceDeadlines(at: MonotonicClock.milliseconds + 9_000)
            slow.write("y\r\n\r\n")
            #expect(slow.reply()?.status == 200)
            slow.write("GET / HTTP/1.1\r\nX: ")
            // The server may hear only after us that its answer has been taken, and until then its deadline is another.
            for _ in 0..<20 {
                server.enforceDeadlines(at: MonotonicClock.milliseconds + 31_000)
                usleep(5_000)
            }
            #expect(slow.isClosedByServer())
            #expect(try client.get("/").status == 200)
        }
    }

    @Test func anAnswerThatNobodyTakesIsCutAtTheDeadline() throws {
        // More than the buffers of both sockets hold, so that the server cannot be done with it.
        try serve(bodyBytes: 32 << 20) { server, client in
            let slow = try HTTPClient.Connection(client)
            slow.write("GET / HTTP/1.1\r\n\r\n")
            #expect(try client.get("/healthz").status == 200)
            usleep(100_000)
            server.enforceDeadlines(at: MonotonicClock.milliseconds + 61_000)
            #expect(slow.reply() == nil)
            #expect(try client.get("/healthz").status == 200)
        }
    }

    @Test func oneAddressCannotTakeAllConnections() throws {
        try serve {
            $0.connections = 16
            $0.connectionsPerAddress = 4
        } _: { _, client in
            let held = try (0..<4).map { _ in try HTTPClient.Connection(client) }
            for connection in held {
                connection.write("GET /healthz HTTP/1.1\r\n\r\n")
                #expect(connection.reply()?.status == 200)
            }
            // The oldest one makes room.
            let fifth = try HTTPClient.Connection(client)
            #expect(held[0].isClosedByServer())
            for connection in held.dropFirst() + [fifth] {
                connection.write("GET /healthz HTTP/1.1\r\n\r\n")
                #expect(connection.reply()?.status == 200)
            }
        }
    }

    @Test func aFewAddressesFullOfHalfRequestsDoNotKeepAHealthCheckOut() throws {
        try serve {
            $0.connections = 32
            $0.connectionsPerAddress = 16
        } _: { _, client in
            var held: [HTTPClient.Connection] = []
            for number in 0..<90 {
                var attacker = client
                attacker.source = "127.0.0.\(2 + number % 3)"
                held.append(try HTTPClient.Connection(attacker))
                held.last?.write(
                    ["GET /", "GET / HTTP/1.1\r\nX: ", "PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{"][number % 3])
                guard number % 10 == 9 else { continue }
                #expect(try client.get("/healthz").status == 200)
                #expect(try client.get("/readyz").status == 200)
            }
            // One that came before and waits for its next request is left alone.
            let kept = try HTTPClient.Connection(client)
            kept.write("GET /healthz HTTP/1.1\r\n\r\n")
            #expect(kept.reply()?.status == 200)
            for number in 0..<30 {
                var attacker = client
                attacker.source = "127.0.0.\(2 + number % 3)"
                held.append(try HTTPClient.Connection(attacker))
            }
            kept.write("GET /healthz HTTP/1.1\r\n\r\n")
            #expect(kept.reply()?.status == 200)
        }
    }

    /// Bytes and end of a connection in one wake-up: what the library's epoll mode does not notice.
    @Test func clientsThatHangUpInTheMiddleDoNotKeepTheirPlace() throws {
        try serve {
            $0.connections = 8
            $0.connectionsPerAddress = 8
        } _: { _, client in
            for _ in 0..<100 {
                for request in ["GET / H", "GET / HTTP/1.1\r\nX", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nab"] {
                    try HTTPClient.Connection(client).write(request)
                }
            }
            #expect(try client.get("/healthz").status == 200)
        }
    }

    @Test(arguments: [
        ("GET /" + String(repeating: "a", count: 40_000) + " HTTP/1.1\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 80_000) + "\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
        ("GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        ("GET /\r\n\r\n", 400),
    ])
    func tooMuchOrWrongIsRefusedInWords(request: String, status: Int) throws {
        try serve { _, client in
            let connection = try HTTPClient.Connection(client)
            connection.write(request)
            let got = connection.reply()?.status
            #expect(got == status, "\(request.prefix(40))")
            #expect(connection.isClosedByServer())
        }
    }

    @Test(arguments: [
        ("GET /" + String(repeating: "a", count: 9_000) + " HTTP/1.1\r\n\r\n", "414 URI_TOO_LONG"),
        ("GET /?" + String(repeating: "a", count: 9_000) + " HTTP/1.1\r\n\r\n", "414 URI_TOO_LONG"),
        (
            "GET / HTTP/1.1\r\nX: " + String(repeating: "a", count: 17_000) + "\r\n\r\n",
            "431 REQUEST_HEADER_FIELDS_TOO_LARGE"
        ),
    ])
    func aLittleTooMuchIsRefusedInOurWords(request: String, answer: String) throws {
        let words = answer.split(separator: " ")
        try serve { _, client in
            let connection = try HTTPClient.Connection(client)
            connection.write(request)
            let reply = connection.reply()
            #expect(reply?.text == "{\"status\": \(words[0]), \"error\": \"\(words[1])\"}")
            #expect(reply?.header("Content-Type") == "application/json")
        }
    }
}
