import ApiFixtures
import Configuration
import Glibc
import TestSupport
import Testing

/// Nothing that a client sends may stop the program, and nothing of it may stay.
@Suite(.serialized, .timeLimit(.minutes(3))) struct HostilityProcessTests {
    private static let grammar = [
        "GET ", "HEAD ", "POST ", "OPTIONS ", "/", "*", "/1/workers", "/workers.json", "?", "%", "%00", " HTTP/1.1",
        " HTTP/9.9", "\r\n", "\n", "\r", ":", " ", "\t", "\0", "Host: x", "Content-Length: ", "0",
        "18446744073709551616",
        "-1", "Transfer-Encoding: chunked", "ffffffffffffffff", "Authorization: Bearer ", "Expect: 100-continue",
        "Connection: keep-alive", "Connection: close", "Upgrade: websocket", "\u{ff}\u{fe}", "{\"a\":[[[[[", "\r\n\r\n",
    ]

    /// Pieces of requests in any order, noise, or a long line.
    private func nonsense(_ random: inout some RandomNumberGenerator) -> [UInt8] {
        switch Int.random(in: 0..<8, using: &random) {
        case 0: (0..<Int.random(in: 1...2_000, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        case 1: Array("GET /".utf8) + [UInt8](repeating: .random(in: 0...255, using: &random), count: 50_000)
        default:
            (0..<Int.random(in: 1...30, using: &random)).flatMap { _ in
                Array(HostilityProcessTests.grammar.randomElement(using: &random)!.utf8)
            }
        }
    }

    /// The ends of thousands of connections may still be on their way, and count for our address until they are seen.
    private func isHealthySoon(_ client: HTTPClient) -> Bool {
        eventually(within: 5) { (try? HTTPClient.Connection(client).healthStatus()) == 200 }
    }

    @Test func thousandsOfMalformedRequestsLeaveNothingBehind() throws {
        var api = Settings.API(host: "127.0.0.1", port: 0)
        api.accessToken = "token"
        try GatewayProcess.run(api) { gateway in
            var random = SeededGenerator(seed: 0x6d69_6c6c_7261_6365)
            let client = try gateway.client()
            func attack(_ count: Int) throws {
                var open: [HTTPClient.Connection] = []
                for _ in 0..<count {
                    let connection = try HTTPClient.Connection(client)
                    connection.write(nonsense(&random))
                    // Some hang up at once, some stay half open for a while.
                    if Bool.random(using: &random) { open.append(connection) }
                    if open.count > 100 { open.removeFirst(50) }
                }
            }
            try attack(3_000)  // memory that it takes once
            #expect(isHealthySoon(client))
            let before = (memory: gateway.residentKilobytes, descriptors: gateway.openDescriptorCount)
            try attack(8_000)
            #expect(isHealthySoon(client))
            #expect(try client.get("/").status == 401)
            // A kilobyte a request would be a leak; buffers of connections that close late are none.
            #expect(gateway.residentKilobytes < before.memory + 8_192)
            #expect(eventually(within: 5) { gateway.openDescriptorCount < before.descriptors + 20 })
            #expect(gateway.stop(SIGTERM) == 0)
        }
    }

    @Test func aFloodOfConnectionsFromOneAddressIsBounded() throws {
        try GatewayProcess.run(Settings.API(host: "127.0.0.1", port: 0)) { gateway in
            let client = try gateway.client()
            var held = try (0..<600).map { _ in try HTTPClient.Connection(client) }
            #expect(gateway.openDescriptorCount < 450)
            // Another address still gets its answer.
            var other = client
            other.source = "127.0.0.2"
            #expect(try other.get("/").status == 200)
            held.removeAll()
            #expect(gateway.stop(SIGTERM) == 0)
        }
    }
}

extension HTTPClient.Connection {
    fileprivate func healthStatus() -> Int? {
        write("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        return reply()?.status
    }
}
