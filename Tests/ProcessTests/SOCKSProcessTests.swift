import Foundation
import Glibc
import TestSupport
import Testing

/// Pools behind a SOCKS5 proxy, as an operator meets them.
extension ServiceTests {
    @Suite(.serialized, .timeLimit(.minutes(3)))
    struct SOCKSProcessTests {
        private static let path = "/usr/bin/microsocks"
        private static let isInstalled = access(path, X_OK) == 0
        private let place = Scratch()
        private let proxyPort: UInt16

        init() throws { proxyPort = try Loopback.freePort() }

        private func proxy(_ options: [String] = [], at address: String = "127.0.0.1") throws -> Program {
            let proxy = try Program(
                "microsocks", ["-i", address, "-p", "\(proxyPort)"] + options, in: place,
                from: URL(filePath: "/usr/bin"))
            let isUp = eventually(within: 5) { Loopback.connected(to: proxyPort, at: address).map { close($0) } != nil }
            try #require(isUp, "\(proxy.log)")
            return proxy
        }

        /// It may have inherited a mask that blocks SIGTERM.
        private func end(_ proxy: Program) {
            kill(proxy.pid, SIGKILL)
            _ = proxy.wait(atMost: 5)
        }

        /// - Parameter socks: as in the configuration; the name of the pool is for the proxy to resolve.
        private func service(_ socks: String, pool: [String] = []) throws -> Service {
            let port = try Loopback.freePort()
            try place.write(#"{"bind": ["127.0.0.1:\#(port)"], "retry-pause": 1}"#, to: "config.json")
            return try Service(
                pool: pool,
                millrace: ["--config", place.file("config.json").path, "--http-no-restricted", "--proxy", socks]
                    + (pool.contains("--tls") ? ["--tls"] : []), minerPort: port)
        }

        @Test(.enabled(if: isInstalled, "the package microsocks is not installed"), arguments: [false, true])
        func connectionsThroughAProxyAreKept(tls: Bool) throws {
            let proxy = try proxy(["-u", "me", "-P", "sesame"])
            defer { end(proxy) }
            let service = try service(
                "me:sesame@127.0.0.1:\(proxyPort)", pool: ["--job-interval", "2"] + (tls ? ["--tls"] : []))
            let swarm = try service.startSwarm(
                ["--miners", "40", "--rate", "200", "--seconds", "7", "--strict"], reaching: 40)
            let logins = service.pool.logins
            let restarted = try service.verb("restart", "all")
            #expect(restarted.code == 0, "\(restarted.text)")
            for shard in [0, 1] {
                try service.killShard(shard)
                Thread.sleep(forTimeInterval: 0.5)
            }
            let report = try swarm.finish()
            #expect(report.connections.lost == 0)
            #expect(report.shares.ok > 800 && report.shares.ok == report.shares.sent, "\(report.shares)")
            #expect(service.pool.logins == logins, "no pool had a second login: \(service.millrace.log)")
            #expect(eventually(within: 5) { service.accepted == report.shares.ok })
            // The password is shown nowhere.
            let shown = try service.send("GET", "/1/config").text
            #expect(shown.contains(#""socks5": "***""#), "\(shown)")
            let line = (try? Data(contentsOf: URL(filePath: "/proc/\(service.millrace.pid)/cmdline"))) ?? Data()
            for text in [shown, service.millrace.log, String(decoding: line, as: UTF8.self)] {
                #expect(!text.contains("sesame"))
            }
        }

        @Test(.enabled(if: isInstalled, "the package microsocks is not installed"))
        func aProxyThatFailsIsNamed() throws {
            let service = try service("me:wrong@127.0.0.1:\(proxyPort)")
            let name = "SOCKS5 proxy 127.0.0.1:\(proxyPort): "
            #expect(eventually(within: 10) { service.millrace.log.contains(name + "connection refused") })
            let strict = try proxy(["-u", "me", "-P", "sesame"])
            #expect(eventually(within: 10) { service.millrace.log.contains(name + "it refused the user or password") })
            end(strict)
            let open = try proxy()
            defer { end(open) }
            // The pool is reached once the proxy lets the service through.
            #expect(eventually(within: 10) { service.pool.logins == 1 }, "\(service.millrace.log) \(open.log)")
            service.pool.kill()
            #expect(eventually(within: 10) { service.millrace.log.contains(name + "it could not connect: ") })
        }

        @Test(.enabled(if: isInstalled, "the package microsocks is not installed"))
        func aProxyMayHaveAnIPv6Address() throws {
            let proxy = try proxy(at: "::1")
            defer { end(proxy) }
            let service = try service("socks5://[::1]:\(proxyPort)")
            #expect(eventually(within: 10) { service.pool.logins == 1 }, "\(service.millrace.log)")
        }
    }
}
