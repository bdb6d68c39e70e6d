import ApiFixtures
import Foundation
import Glibc
import TestSupport
import Testing

@testable import HTTPServing
@testable import TLSHandshake

/// A client whose TLS is OpenSSL's, with blocking calls.
private final class SecureClient {
    struct Response: Equatable {
        var status: Int
        var body: [UInt8]
    }

    let connection: HTTPClient.Connection
    private var stream: TLSStream?
    private var received: [UInt8] = []
    /// The peer has ended its side in good order.
    private(set) var isClosed = false

    /// - Parameter chunk: bytes of each write; 0 = no limit.
    init(_ client: HTTPClient, newest: TLSVersion = .tls13, chunk: Int = 0) throws {
        connection = try HTTPClient.Connection(client)
        let context = try ClientContext(.init(versions: [newest], keepsOpenSSL: true))
        let handshake = try #require(Handshake(client: context, host: "127.0.0.1"))
        var step = handshake.start()
        while true {
            for start in stride(from: 0, to: step.output.count, by: chunk == 0 ? max(1, step.output.count) : chunk) {
                connection.write(Array(step.output[start...].prefix(chunk == 0 ? step.output.count : chunk)))
            }
            switch step.state {
            case .ongoing: break
            case .streaming(let stream, let unread):
                self.stream = stream
                take(stream.read(unread))
                return
            case .failed, .secured: throw TestFailure("handshake: \(step.state)")
            }
            let bytes = try bytesOfServer()
            guard !bytes.isEmpty else { throw TestFailure("closed in the handshake") }
            step = handshake.receive(bytes)
        }
    }

    private func take(_ read: TLSStream.Received) {
        received += read.plaintext
        connection.write(read.output)
        if read.end == .closed { isClosed = true }
    }

    private func bytesOfServer() throws -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
            count = max(0, Glibc.read(connection.descriptor, buffer.baseAddress, buffer.count))
        }
    }

    func write(_ text: String) { connection.write(stream!.write(Array(text.utf8))) }
    func endWriting() {
        connection.write(stream!.close())
        shutdown(connection.descriptor, Int32(SHUT_WR))
    }

    /// - Returns: false when the server closes.
    private func fill() throws -> Bool {
        let bytes = try bytesOfServer()
        guard !bytes.isEmpty else { return false }
        take(stream!.read(bytes))
        return true
    }

    /// The next response with a body of an announced length.
    func reply() throws -> Response? {
        let end = Array("\r\n\r\n".utf8)
        while received.firstRange(of: end) == nil { guard try fill() else { return nil } }
        let split = received.firstRange(of: end)!
        let head = String(decoding: received[..<split.lowerBound], as: UTF8.self)
        received.removeSubrange(..<split.upperBound)
        let length = head.firstMatch(of: /Content-Length: ([0-9]+)/).flatMap { Int($0.1) } ?? 0
        while received.count < length { guard try fill() else { return nil } }
        defer { received.removeFirst(length) }
        return Response(status: Int(head.split(separator: " ")[1]) ?? 0, body: Array(received.prefix(length)))
    }

    func get(_ path: String) throws -> Response? {
        write("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
        return try reply()
    }

    func hasBegunReply() throws -> Bool {
        while received.isEmpty { guard try fill() else { return false } }
        return true
    }

    func readToEnd() throws { while try fill() {} }
}

/// HTTPS beside HTTP on one port.
@Suite(.serialized, .timeLimit(.minutes(2))) struct HTTPSTests {
    private static let scratch = Scratch()

    /// A context with a new pair.
    private static func context(_ name: String = "cert") throws -> ServerContext {
        let (certificate, key) = (scratch.file("\(name).pem").path, scratch.file("\(name)_key.pem").path)
        let now = Int64(Date().timeIntervalSince1970)
        try GeneratedPair.make(name: name, certificateFile: certificate, keyFile: key, now: now)
        let settings = ServerContext.Settings(certificateFile: certificate, keyFile: key, keepsOpenSSL: true)
        return try ServerContext(settings, now: now)
    }

    private func serve(
        _ change: (inout HTTPLimits) -> Void = { _ in }, bodyBytes: Int = 100,
        _ body: (HTTPServer, HTTPClient) throws -> Void
    ) throws {
        var test = TestServer()
        change(&test.limits)
        test.application.answer = { path in
            .document([UInt8](repeating: 0x20, count: path == "/healthz" ? 2 : bodyBytes))
        }
        let context = try Self.context()
        try test.run { server, client in
            server.use(context)
            try body(server, client)
        }
    }

    @Test func onePortServesWithAndWithoutTLS() throws {
        try serve { _, client in
            for version in [TLSVersion.tls13, .tls12] {
                let secure = try SecureClient(client, newest: version)
                let plain = try HTTPClient.Connection(client)
                for _ in 0..<3 {
                    plain.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    #expect(plain.reply()?.body.count == 100)
                    #expect(try secure.get("/")?.body.count == 100)
                }
                // Two requests in one record.
                secure.write(String(repeating: "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", count: 2))
                #expect(try secure.reply()?.body.count == 2)
                #expect(try secure.reply()?.body.count == 2)
            }
        }
    }

    @Test func aHelloMayArriveByteByByte() throws {
        try serve { _, client in
            let status = try SecureClient(client, chunk: 1).get("/")?.status
            #expect(status == 200)
        }
    }

    @Test func aLongBodyArrivesWholeAtASlowReader() throws {
        try serve(bodyBytes: 6 << 20) { _, client in
            let secure = try SecureClient(client)
            secure.write("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            // The buffers of all sockets between are full by then.
            usleep(200_000)
            #expect(try client.get("/healthz").status == 200)
            #expect(try secure.reply()?.body.count == 6 << 20)
            try secure.readToEnd()
            #expect(secure.isClosed, "with a close_notify")
        }
    }

    @Test func aClientThatReadsNothingIsGivenUp() throws {
        func change(_ limits: inout HTTPLimits) { limits.answerMillis = 300 }
        try serve(change, bodyBytes: 24 << 20) { server, client in
            let secure = try SecureClient(client)
            secure.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            usleep(100_000)
            // The server's own end is closed by this; the relay has the rest, and a deadline of its own.
            server.enforceDeadlines(at: MonotonicClock.milliseconds + 61_000)
            usleep(1_600_000)
            let isWhole = try secure.reply() != nil
            #expect(!isWhole)
            #expect(try client.get("/healthz").status == 200)
        }
    }

    @Test func aClientThatEndsItsSideGetsItsResponse() throws {
        try serve(bodyBytes: 1 << 20) { _, client in
            let secure = try SecureClient(client)
            secure.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            secure.endWriting()
            #expect(try secure.reply()?.body.count == 1 << 20)
        }
    }

    @Test func withoutACertificateOnlyTLSIsRefused() throws {
        try serve { server, client in
            server.use(nil)
            #expect(throws: TestFailure.self) { _ = try SecureClient(client) }
            #expect(try client.get("/healthz").status == 200)
            // Connections keep the certificate that they began with.
            server.use(try Self.context())
            let secure = try SecureClient(client)
            server.use(nil)
            #expect(try secure.get("/healthz")?.status == 200)
            server.use(try Self.context("other"))
            let status = try SecureClient(client).get("/healthz")?.status
            #expect(status == 200)
        }
    }

    /// Hellos that break off, and what is none.
    private static let odd: [[UInt8]] = [
        [0x16], [0x16, 3], [0x16, 3, 1, 2, 0], [0x16, 3, 1, 0xff, 0xff, 1], [0x16, 3, 1, 0, 4, 1, 0, 0, 0],
        [0x16] + Array(repeating: 0x16, count: 70_000), [0x16, 3, 3, 0, 1, 0, 0x17, 3, 3, 0, 1, 0],
    ]

    @Test func oddBytesCostNobodyAnything() throws {
        try serve { _, client in
            let kept = try SecureClient(client)
            for bytes in Self.odd {
                for _ in 0..<8 {
                    let connection = try HTTPClient.Connection(client)
                    connection.write(bytes)
                }
                #expect(try client.get("/healthz").status == 200)
                #expect(try kept.get("/healthz")?.status == 200)
            }
        }
    }

    @Test func handshakesThatAreNotFinishedEndAtTheDeadline() throws {
        try serve { server, client in
            let silent = try HTTPClient.Connection(client)
            let begun = try HTTPClient.Connection(client)
            begun.write([0x16, 3, 1])
            #expect(try client.get("/healthz").status == 200)
            server.enforceDeadlines(at: MonotonicClock.milliseconds + 9_000)
            let secure = try SecureClient(client)
            for _ in 0..<20 {
                server.enforceDeadlines(at: MonotonicClock.milliseconds + 11_000)
                usleep(2_000)
            }
            #expect(silent.isClosedByServer())
            #expect(begun.isClosedByServer())
            // It has sent no request either.
            #expect(try secure.get("/healthz") == nil)
            #expect(try client.get("/healthz").status == 200)
        }
    }

    @Test func unfinishedHandshakesDoNotKeepAHealthCheckOut() throws {
        try serve {
            $0.connections = 32
            $0.connectionsPerAddress = 16
        } _: { _, client in
            var held: [HTTPClient.Connection] = []
            for number in 0..<90 {
                var attacker = client
                attacker.source = "127.0.0.\(2 + number % 3)"
                held.append(try HTTPClient.Connection(attacker))
                if number % 2 == 0 { held.last?.write([0x16, 3, 1, 2, 0]) }
                guard number % 10 == 9 else { continue }
                #expect(try client.get("/healthz").status == 200)
                let status = try SecureClient(client).get("/healthz")?.status
                #expect(status == 200)
            }
        }
    }

    @Test func theAddressWithTheMostTLSConnectionsGivesWay() throws {
        try serve {
            $0.tlsConnections = 8
        } _: { _, client in
            var other = client
            other.source = "127.0.0.2"
            let kept = try SecureClient(other)
            let many = try (0..<7).map { _ in try SecureClient(client) }
            for secure in many { #expect(try secure.get("/healthz")?.status == 200) }
            let status = try SecureClient(other).get("/healthz")?.status
            #expect(status == 200)
            #expect(try many[0].get("/healthz") == nil)
            #expect(try kept.get("/healthz")?.status == 200)
            #expect(try many[1].get("/healthz")?.status == 200)
        }
    }

    /// libmicrohttpd would close connections at its own limit.
    @Test func moreConnectionsThanAllLimitsLeaveRoomForHealthChecks() throws {
        try serve {
            $0.connections = 16
            $0.connectionsPerAddress = 16
        } _: { _, client in
            var held: [HTTPClient.Connection] = []
            for number in 0..<200 {
                var attacker = client
                attacker.source = "127.0.0.\(2 + number % 40)"
                held.append(try HTTPClient.Connection(attacker))
                held.last?.write("GET / HTTP/1.1\r\nX: ")
            }
            #expect(try client.get("/healthz").status == 200)
            let status = try SecureClient(client).get("/healthz")?.status
            #expect(status == 200)
        }
    }

    @Test func itMayStopInTheMiddle() throws {
        for round in 0..<20 {
            try serve(bodyBytes: 1 << 20) { server, client in
                let clients = try (0..<4).map { _ in try SecureClient(client) }
                let begun = try HTTPClient.Connection(client)
                begun.write([0x16, 3, 1])
                for (number, secure) in clients.enumerated() {
                    secure.write(number % 2 == 0 ? "GET / HTTP/1.1\r\nHost: x\r\n\r\n" : "GET /\r\n\r\nGET / HT")
                }
                if round % 2 == 0 { usleep(2_000) }
                server.stop(drainMillis: round % 4 == 0 ? 300 : 0)
                #expect(begun.isClosedByServer())
                #expect(throws: TestFailure.self) { _ = try client.get("/healthz") }
            }
        }
    }

    @Test func aResponseUnderWayIsFinishedWhenItStops() throws {
        try serve(bodyBytes: 12 << 20) { server, client in
            let secure = try SecureClient(client)
            secure.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            // More than the buffers of all sockets hold, so it is not finished.
            #expect(try secure.hasBegunReply())
            nonisolated(unsafe) let server = server
            Thread { server.stop(drainMillis: 5_000) }.start()
            #expect(try secure.reply()?.body.count == 12 << 20)
        }
    }
}

@Suite struct HandshakeTimeTests {
    @Test func theShareOfEachPeriodIsLimited() {
        var time = HandshakeTime()
        let whole = time.remaining(at: 5)
        #expect(whole == 20_000)
        time.spend(15_000)
        #expect(time.remaining(at: 50_000) == 5_000)
        time.spend(9_000)
        #expect(time.remaining(at: 99_999) == -4_000)
        #expect(time.remaining(at: 100_005) == whole)
    }
}
