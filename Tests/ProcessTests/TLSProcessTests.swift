import Foundation
import Glibc
import TestSupport
import Testing

/// TLS towards miners and pools, as an operator meets it.
extension ServiceTests {
    @Suite(.serialized, .timeLimit(.minutes(3)))
    struct TLSProcessTests {
        private let place = Scratch()

        /// Makes a pair of files in the place of those that are there.
        private func makePair(_ name: String = "cert", days: Int = 30) throws {
            let (certificate, key) = (place.file("\(name).new").path, place.file("\(name)_key.new").path)
            let made = try Command(
                URL(filePath: "/usr/bin/openssl"),
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
                    "/CN=\(name)", "-days", "\(days)", "-keyout", key, "-out", certificate,
                ])
            try #require(made.code == 0, "\(made.complaints)")
            try #require(chmod(key, 0o600) == 0)
            try #require(rename(key, place.file("\(name)_key.pem").path) == 0)
            try #require(rename(certificate, place.file("\(name).pem").path) == 0)
        }

        private func fingerprint(at port: UInt16) throws -> String {
            let asked = try Command(
                URL(filePath: "/bin/sh"),
                [
                    "-c",
                    "openssl s_client -connect 127.0.0.1:\(port) </dev/null 2>/dev/null "
                        + "| openssl x509 -noout -fingerprint -sha256",
                ])
            return asked.output.split(separator: "=").last.map(String.init) ?? ""
        }

        private func certificateOptions() -> [String] {
            ["--tls-cert", place.file("cert.pem").path, "--tls-cert-key", place.file("cert_key.pem").path]
        }

        @Test func miningGoesThroughTheSamePortWithAndWithoutTLS() throws {
            let service = try Service()
            let load = ["--miners", "40", "--rate", "100", "--seconds", "4", "--strict"]
            let secure = try service.startSwarm(load + ["--tls"])
            let plain = try service.startSwarm(load + ["--login", "plain{n}", "--source", "127.0.0.2"])
            let reports = [try secure.finish(), try plain.finish()]
            #expect(reports.allSatisfy { $0.connections.lost == 0 && $0.shares.refused == [:] && $0.shares.ok > 100 })
            let sum = reports.reduce(0) { $0 + $1.shares.ok }
            #expect(eventually(within: 5) { service.accepted == sum }, "\(service.accepted ?? -1) of \(sum)")
        }

        @Test func minersWithAnOlderTLSComeBackAndNobodyElseNotices() throws {
            let service = try Service(pool: ["--job-interval", "60"])
            let load = ["--miners", "60", "--rate", "60", "--seconds", "20", "--retry-pause", "0.2"]
            let older = try service.startSwarm(
                load + ["--tls", "--tls-max-version", "1.2", "--login", "old{n}"], reaching: 60)
            let newer = try service.startSwarm(
                load + ["--tls", "--login", "new{n}", "--source", "127.0.0.2"], reaching: 60)
            try service.killShard(0)
            // A handshake under way ends with its process, so those of the first shard are to be back before.
            Thread.sleep(forTimeInterval: 1.5)
            #expect(eventually(within: 5) { service.minersNow == 120 }, "\(service.millrace.log)")
            let done = try service.verb("restart", "1")
            #expect(done.code == 0, "\(done.text)")
            let (old, new) = (try older.finish(), try newer.finish())
            #expect(new.connections.lost == 0 && new.shares.lost == 0 && new.shares.refused == [:])
            // One that comes back to the other shard before that is replaced, too, comes back twice.
            #expect((60...120).contains(old.connections.lost))
            #expect(old.connections.made == 60 + old.connections.lost, "\(old.connections)")
            #expect(old.logins.ok == old.connections.made)
            #expect(service.pool.rejected?.count == 0)
        }

        @Test func anAddressMayRequireTLS() throws {
            let port = try Loopback.freePort()
            try place.write(
                #"{"bind": [{"host": "127.0.0.1", "port": \#(port), "tls": true}]}"#, to: "config.json")
            let service = try Service(millrace: ["--config", place.file("config.json").path], minerPort: port)
            let plain = try LineMiner(port: port)
            plain.sendLogin("plain")
            #expect(plain.ending() != .none)
            let load = ["--miners", "10", "--rate", "20", "--seconds", "2", "--tls", "--strict"]
            #expect(try service.startSwarm(load).finish().shares.ok > 20)
            #expect(service.millrace.log.contains("speaks without TLS"), "\(service.millrace.log)")
        }

        /// Hellos that break off, that continue with garbage, and that a client has sent twice.
        private static let oddHellos: [[UInt8]] = [
            [0x16], [0x16, 3], [0x16, 3, 1, 2, 0], [0x16, 3, 1, 0xff, 0xff, 1], [0x16, 3, 1, 0, 4, 1, 0, 0, 0],
            [0x16, 3, 1, 0, 2, 0xff, 0xff] + Array(repeating: 0x16, count: 5_000),
            [0x16, 3, 3, 0, 1, 0, 0x17, 3, 3, 0, 1, 0], [0x16, 3, 1, 0, 0, 0x15, 3, 1, 0, 2, 2, 40],
        ]

        @Test func oddHellosCostNobodyAnything() throws {
            let service = try Service()
            let swarm = try service.startSwarm(
                ["--miners", "100", "--rate", "200", "--seconds", "8", "--tls", "--strict"], reaching: 100)
            var strangers: [Int32] = []
            defer { for descriptor in strangers { close(descriptor) } }
            for _ in 0..<12 {
                for hello in Self.oddHellos {
                    let descriptor = try #require(Loopback.connected(to: service.minerPort))
                    Loopback.send(hello, to: descriptor)
                    strangers.append(descriptor)
                }
            }
            let report = try swarm.finish()
            #expect(report.connections.lost == 0 && report.shares.refused == [:])
            #expect(!service.millrace.log.contains("was killed by"), "\(service.millrace.log)")
            #expect(service.millrace.log.contains("a TLS handshake with a miner failed"), "\(service.millrace.log)")
        }

        /// More than the handshakes that one shard begins at one time, of one address.
        @Test func aCrowdOfOneAddressLogsInAndNobodyIsClosed() throws {
            let service = try Service(shards: 1)
            let crowd = ["--miners", "1200", "--rate", "600", "--seconds", "15", "--tls", "--strict"]
            let report = try service.startSwarm(crowd).finish()
            #expect(report.connections.made == 1_200 && report.connections.lost == 0)
            #expect(report.logins.ok == 1_200)
            #expect(report.shares.refused == [:])
        }

        /// The first bytes of a real client.
        private func hello() throws -> [UInt8] {
            let (listener, port) = try Loopback.listening()
            defer { close(listener) }
            _ = try Command(
                URL(filePath: "/bin/sh"),
                ["-c", "timeout 1 openssl s_client -connect 127.0.0.1:\(port) </dev/null >/dev/null 2>&1; true"])
            let connection = accept(listener, nil, nil)
            defer { close(connection) }
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let count = read(connection, &bytes, bytes.count)
            return Array(bytes.prefix(max(0, count)))
        }

        @Test func clientsThatBeginAHandshakeAndFallSilentDoNotKeepOthersOut() throws {
            let service = try Service(shards: 1)
            let hello = try hello()
            try #require(hello.first == 0x16 && hello.count > 100, "\(hello)")
            var strangers: [Int32] = []
            defer { for descriptor in strangers { close(descriptor) } }
            for _ in 0..<900 {
                let descriptor = try #require(Loopback.connected(to: service.minerPort, from: "127.0.0.9"))
                Loopback.send(hello, to: descriptor)
                strangers.append(descriptor)
            }
            let load = ["--miners", "200", "--rate", "200", "--seconds", "8", "--tls", "--strict"]
            let report = try service.startSwarm(load).finish()
            #expect(report.connections.lost == 0 && report.logins.ok == 200 && report.shares.refused == [:])
            // Their places were needed.
            let metrics = try HTTPClient(port: service.apiPort).get("/metrics").text
            #expect(metrics.contains(/millrace_tls_handshakes_total{[^}]*result="too_many"} [1-9]/))
        }

        @Test func aRenewedCertificateIsShownToNewMiners() throws {
            try makePair()
            let service = try Service(shards: 1, millrace: certificateOptions())
            let swarm = try service.startSwarm(
                ["--miners", "50", "--rate", "100", "--seconds", "10", "--tls"], reaching: 100)
            let first = try fingerprint(at: service.minerPort)
            try makePair()
            let isRenewed = eventually(within: 5) { (try? fingerprint(at: service.minerPort)) != first }
            #expect(isRenewed, "\(service.millrace.log)")
            let second = try fingerprint(at: service.minerPort)
            // A key that does not fit: the previous pair stays.
            try makePair("other")
            try #require(rename(place.file("other_key.pem").path, place.file("cert_key.pem").path) == 0)
            let isTold = eventually(within: 5) {
                service.millrace.log.contains("the changed TLS certificate cannot be used, the previous one stays")
            }
            #expect(isTold, "\(service.millrace.log)")
            #expect(try fingerprint(at: service.minerPort) == second)
            let report = try swarm.finish()
            #expect(report.connections.lost == 0 && report.shares.refused == [:])
        }

        @Test func aPoolWithAnotherCertificateIsNotUsed() throws {
            let wrong = String(repeating: "ab", count: 32)
            let service = try Service(pool: ["--tls"], millrace: ["--tls", "--tls-fingerprint", wrong])
            let isTold = eventually(within: 10) {
                service.millrace.log.contains("certificate fingerprint is ")
                    && service.millrace.log.contains("expected \(wrong)")
            }
            #expect(isTold, "\(service.millrace.log)")
            #expect(service.pool.logins == 0)
        }

        @Test func aPinnedPoolIsUsedAndKeysAreNotShown() throws {
            let pool = try PracticePool(["--tls"], in: place)
            try #require(eventually(within: 5) { (pool.report["tls"] as? [String: Any])?["fingerprint"] != nil })
            let tls = try #require(pool.report["tls"] as? [String: Any])
            let fingerprint = try #require(tls["fingerprint"] as? String)
            let service = try Service(
                millrace: [
                    "--url", "stratum+ssl://127.0.0.1:\(pool.port)", "--user", "practice", "--tls-fingerprint",
                    fingerprint.uppercased(),
                ], namesPool: false)
            let report = try service.startSwarm(
                ["--miners", "10", "--rate", "50", "--seconds", "3", "--tls", "--strict"]
            ).finish()
            #expect(eventually(within: 3) { pool.accepted == report.shares.ok })
            #expect(!service.millrace.log.contains("PRIVATE KEY"))
        }
    }
}
