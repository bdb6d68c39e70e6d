import ApiFixtures
import Foundation
import Glibc
import Linux
import TestSupport
import Testing

@testable import HTTPServing
@testable import TLSHandshake

/// A client whose TLS is OpenSSL's, with blocking calls.
private final class SecureClient {
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
                received = take(stream.read(unread))
                return
            case .failed, .secured: throw TestFailure("handshake: \(step.state)")
            }
            let bytes = connection.receive()
            guard !bytes.isEmpty else { throw TestFailure("closed in the handshake") }
            step = handshake.receive(bytes)
        }
    }

    private func take(_ read: TLSStream.Received) -> [UInt8] {
        connection.write(read.output)
        if read.end == .closed { isClosed = true }
        return read.plaintext
    }

    func write(_ text: String) { connection.write(stream!.write(Array(text.utf8))) }

    /// The next `write` begins with a KeyUpdate that asks for another.
    func updateKeys() { _ = stream!.requestKeyUpdate() }

    func endWriting() {
        connection.write(stream!.close())
        shutdown(connection.descriptor, Int32(SHUT_WR))
    }

    /// - Returns: whether there was anything: false when the server closes.
    private func fill(_ received: inout [UInt8]) -> Bool {
        let bytes = connection.receive()
        if !bytes.isEmpty { received += take(stream!.read(bytes)) }
        return !bytes.isEmpty
    }

    /// The next response with a body of an announced length.
    func reply() -> HTTPClient.Reply? {
        HTTPClient.takeReply(of: &received) { received in
            // A record may have no content for us: a ticket, a close_notify.
            let count = received.count
            while received.count == count, fill(&received) {}
        }
    }

    func get(_ path: String) -> HTTPClient.Reply? {
        write("GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")
        return reply()
    }

    func hasBegunReply() -> Bool {
        while received.isEmpty { guard fill(&received) else { return false } }
        return true
    }

    func readToEnd() { while fill(&received) {} }
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
        let context = try Self.context()
        try TestServer(bodyBytes: bodyBytes, change).run { server, client in
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
                    #expect(secure.get("/")?.body.count == 100)
                }
                // Two requests in one record.
                secure.write(String(repeating: "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", count: 2))
                #expect(secure.reply()?.body.count == 2)
                #expect(secure.reply()?.body.count == 2)
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
            #expect(secure.reply()?.body.count == 6 << 20)
            secure.readToEnd()
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
            let isWhole = secure.reply() != nil
            #expect(!isWhole)
            #expect(try client.get("/healthz").status == 200)
        }
    }

    /// A kernel that gathers small packets would hold the end of a response back until the client has acknowledged the
    /// rest, which its kernel delays by 40 ms.
    @Test func theEndOfAResponseIsNotHeldBack() throws {
        let (listener, port) = try Loopback.listening()
        defer { close(listener) }
        let client = try #require(Loopback.connected(to: port))
        defer { close(client) }
        let handshake = try #require(Handshake(server: try Self.context()))
        let relay = TLSRelay(accept(listener, nil, nil), handshake, of: nil, answerMillis: 0) { _ in false }
        defer { relay.close() }
        var (isOn, size) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
        #expect(getsockopt(relay.client, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, &size) == 0)
        #expect(isOn != 0)
    }

    @Test func keysMayBeUpdatedButNotWithoutEnd() throws {
        try serve { _, client in
            let secure = try SecureClient(client)
            for _ in 0..<60 {
                secure.updateKeys()
                #expect(secure.get("/healthz")?.status == 200)
            }
            secure.write("GET /healthz HTTP/1.1\r\nX: ")
            for _ in 0..<10 {
                secure.updateKeys()
                secure.write("y")
            }
            secure.write("\r\n\r\n")
            #expect(secure.reply() == nil)
            #expect(try client.get("/healthz").status == 200)
        }
    }

    @Test func aClientThatEndsItsSideGetsItsResponse() throws {
        try serve(bodyBytes: 1 << 20) { _, client in
            let secure = try SecureClient(client)
            secure.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            secure.endWriting()
            #expect(secure.reply()?.body.count == 1 << 20)
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
            #expect(secure.get("/healthz")?.status == 200)
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
                #expect(kept.get("/healthz")?.status == 200)
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
            #expect(secure.get("/healthz") == nil)
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
            for secure in many { #expect(secure.get("/healthz")?.status == 200) }
            let status = try SecureClient(other).get("/healthz")?.status
            #expect(status == 200)
            #expect(many[0].get("/healthz") == nil)
            #expect(kept.get("/healthz")?.status == 200)
            #expect(many[1].get("/healthz")?.status == 200)
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
            #expect(secure.hasBegunReply())
            nonisolated(unsafe) let server = server
            Thread { server.stop(drainMillis: 5_000) }.start()
            #expect(secure.reply()?.body.count == 12 << 20)
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
