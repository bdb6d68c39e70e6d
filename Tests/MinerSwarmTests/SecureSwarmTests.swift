import Foundation
import Glibc
import TestSupport
import Testing

/// The built programs against each other over TLS.
struct SecureSwarmTests {
    private static func tls(_ report: [String: Any]) throws -> [String: Any] {
        try #require(report["tls"] as? [String: Any])
    }

    @Test(.timeLimit(.minutes(5)), arguments: [("1.3", "1.3"), ("1.3", "1.2"), ("1.2", "1.3")])
    func sharesAreAccepted(ofPool: String, ofSwarm: String) throws {
        let pool = try PoolProcess(["--job-interval", "0.3", "--tls", "--tls-max-version", ofPool])
        defer { pool.stop() }
        let swarm = try runSwarm(
            port: pool.port,
            [
                "--miners", "50", "--rate", "500", "--seconds", "2", "--churn", "10", "--strict", "--tls",
                "--tls-max-version", ofSwarm,
            ])
        #expect(swarm.status == 0)
        pool.stop()
        let (seen, told) = (pool.report(), swarm.report)
        let ok = try #require((told["shares"] as? [String: Any])?["ok"] as? Int)
        #expect(ok > 200)
        #expect((seen["shares"] as? [String: Any])?["accepted"] as? Int == ok)
        #expect((seen["shares"] as? [String: Any])?["rejected"] as? [String: Int] == [:])

        let made = try #require((told["connections"] as? [String: Any])?["made"] as? Int)
        let isNew = ofPool == "1.3" && ofSwarm == "1.3"
        let cipher = isNew ? "TLSv1.3 TLS_AES_128_GCM_SHA256" : "TLSv1.2 ECDHE-ECDSA-AES256-GCM-SHA384"
        #expect(try Self.tls(told)["secured"] as? [String: Int] == [cipher: made])
        #expect(try Self.tls(seen)["secured"] as? [String: Int] == [cipher: made])
        #expect(try Self.tls(seen)["broken"] as? [String: Int] == [:])
        // OpenSSL's own number.
        #expect(try Self.tls(told)["tickets_received"] as? Int == (isNew ? 2 * made : 0))
        let time = (told["connections"] as? [String: Any])?["handshake_millis"] as? [String: Double]
        #expect(try #require(time?["p50"]) > 0)
    }

    @Test(.timeLimit(.minutes(5)), arguments: [0, 5])
    func aPoolSendsTheTicketsThatAreAskedFor(count: Int) throws {
        let pool = try PoolProcess(["--tls", "--tickets", "\(count)"])
        defer { pool.stop() }
        let swarm = try runSwarm(
            port: pool.port, ["--miners", "8", "--rate", "20", "--seconds", "1", "--strict", "--tls"])
        #expect(swarm.status == 0)
        #expect(try Self.tls(swarm.report)["tickets_received"] as? Int == count * 8)
    }

    @Test(.timeLimit(.minutes(5))) func keysAreUpdatedByBothSidesAtOnce() throws {
        let pool = try PoolProcess(["--job-interval", "0.1", "--tls", "--key-update-every", "1"])
        defer { pool.stop() }
        let swarm = try runSwarm(
            port: pool.port,
            ["--miners", "10", "--in-flight", "--seconds", "2", "--strict", "--tls", "--key-update-every", "2"])
        #expect(swarm.status == 0)
        pool.stop()
        let ok = try #require((swarm.report["shares"] as? [String: Any])?["ok"] as? Int)
        #expect(ok > 100)
        #expect((pool.report()["shares"] as? [String: Any])?["accepted"] as? Int == ok)
        let (seen, told) = (try Self.tls(pool.report()), try Self.tls(swarm.report))
        // A login, and a share at a time; the pool answers each, and sends jobs besides.
        #expect(try #require(told["key_updates_requested"] as? Int) >= ok / 2)
        #expect(try #require(seen["key_updates_requested"] as? Int) >= ok)
        #expect(try #require(seen["key_updates_received"] as? Int) >= ok)
        #expect(try #require(told["key_updates_received"] as? Int) >= ok)
        #expect(seen["broken"] as? [String: Int] == [:])
    }

    @Test(.timeLimit(.minutes(5))) func onlyTheRightFingerprintIsAccepted() throws {
        let pool = try PoolProcess(["--tls"])
        defer { pool.stop() }
        let found = try #require(try Self.tls(pool.report())["fingerprint"] as? String)
        let digits = Array(found.uppercased())
        let written = stride(from: 0, to: digits.count, by: 2).map { String(digits[$0..<$0 + 2]) }
            .joined(separator: ":")
        let right = try runSwarm(
            port: pool.port, ["--miners", "3", "--seconds", "1", "--strict", "--tls", "--tls-fingerprint", written])
        #expect(right.status == 0)
        #expect((right.report["logins"] as? [String: Any])?["ok"] as? Int == 3)

        let expected = String(found.dropLast()) + (found.hasSuffix("0") ? "1" : "0")
        let wrong = try runSwarm(
            port: pool.port, ["--miners", "3", "--seconds", "1", "--strict", "--tls", "--tls-fingerprint", expected])
        #expect(wrong.status == 1)
        #expect((wrong.report["logins"] as? [String: Any])?["ok"] as? Int == 0)
        let reasons = try #require(try Self.tls(wrong.report)["failed"] as? [String: Int])
        #expect(Array(reasons.keys) == ["certificate fingerprint is \(found), expected \(expected)"])
        #expect(try #require(reasons.values.first) >= 3)
        pool.stop()
        let refusals = try #require(try Self.tls(pool.report())["failed"] as? [String: Int])
        #expect(refusals["peer sent alert 42 (bad certificate)"] == reasons.values.first)
    }

    @Test(.timeLimit(.minutes(5))) func aPeerWithoutTLSIsCountedWithTheReason() throws {
        let secure = try PoolProcess(["--tls"])
        defer { secure.stop() }
        let plainSwarm = try runSwarm(port: secure.port, ["--miners", "2", "--seconds", "0.5", "--strict"])
        #expect(plainSwarm.status == 1)
        #expect(plainSwarm.report["tls"] == nil)
        secure.stop()
        let failed = try #require(try Self.tls(secure.report())["failed"] as? [String: Int])
        #expect(failed["peer does not speak TLS: it sent text"] == 2)

        let plain = try PoolProcess([])
        defer { plain.stop() }
        let secureSwarm = try runSwarm(
            port: plain.port, ["--miners", "2", "--seconds", "0.5", "--strict", "--tls"])
        #expect(secureSwarm.status == 1)
        #expect(
            try Self.tls(secureSwarm.report)["failed"] as? [String: Int]
                == ["peer closed the connection during the handshake": 2])
        plain.stop()
        #expect(plain.report()["tls"] == nil)
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["pool.example", "a.b.c.example.org", "xn--bcher-kva.example"])
    func theServersNameIsInTheHello(name: String) throws {
        let (listening, port) = try Loopback.listening()
        defer { close(listening) }
        let swarm = try Spawned(
            Checkout.program("millrace-swarm"),
            ["--connect", "127.0.0.1:\(port)", "--quiet", "--miners", "1", "--tls", "--sni", name])
        defer { swarm.end(with: SIGKILL) }
        let connection = accept(listening, nil, nil)
        defer { close(connection) }
        var hello = [UInt8](repeating: 0, count: 4096)
        let count = recv(connection, &hello, hello.count, 0)
        #expect(count > 100 && hello[0] == 0x16)
        // The end of the extension server_name: the kind of name, its length, the name.
        let shown = Data([0, 0, UInt8(name.utf8.count)]) + Data(name.utf8)
        #expect(Data(hello).range(of: shown) != nil)
    }

    @Test func optionsThatDoNotFitAreRefused() throws {
        let target = ["--connect", "127.0.0.1:3333"]
        for options in [
            ["--tls", "--tls-fingerprint", "abc"], ["--tls-fingerprint", String(repeating: "a", count: 64)],
            ["--tls", "--tls-max-version", "1.1"], ["--sni", "a.example"], ["--tls", "--bad", "all"],
            ["--tls", "--key-update-every", "-1"],
        ] {
            #expect(try run("millrace-swarm", target + options) == 64, "\(options)")
        }
    }
}
