import Foundation
import Glibc
import TestSupport
import Testing

/// Miners behind a real HAProxy have addresses of their own.
extension ServiceTests {
    @Suite(.serialized, .timeLimit(.minutes(2)))
    struct ProxyProtocolTests {
        private static let hasHAProxy = access("/usr/sbin/haproxy", X_OK) == 0

        private let place = Scratch()
        private let service: Service
        private let port: UInt16
        private var file: URL { place.file("config.json") }

        init() throws {
            port = try Loopback.freePort()
            try ProxyProtocolTests.write(#"["127.0.0.1"]"#, port, to: place)
            service = try Service(
                shards: 1, millrace: ["--config", place.file("config.json").path], minerPort: port)
        }

        private static func write(_ senders: String, _ port: UInt16, to place: Scratch) throws {
            let bind = #"{"host": "127.0.0.1", "port": \#(port), "proxy-protocol": \#(senders)}"#
            try place.write(#"{"bind": [\#(bind)], "watch": false}"#, to: "config.json")
        }

        /// By login.
        private var addresses: [String: String] {
            let rows = service.document("/1/miners")?["miners"] as? [[Any]] ?? []
            let pairs = rows.compactMap { row in (row[6] as? String).map { ($0, row[1] as? String ?? "") } }
            return Dictionary(pairs, uniquingKeysWith: { $1 })
        }

        private func shows(_ expected: [String: String]) -> Bool { eventually(within: 10) { addresses == expected } }

        /// Connects from another address of this machine.
        private func miner(at port: UInt16, from host: String) throws -> LineMiner {
            var descriptor: Int32?
            let isConnected = eventually(within: 5) {
                descriptor = Loopback.connected(to: port, from: host)
                return descriptor != nil
            }
            try #require(isConnected)
            return LineMiner(descriptor: try #require(descriptor))
        }

        private func miner(_ login: String, at port: UInt16, from host: String) throws -> LineMiner {
            let miner = try miner(at: port, from: host)
            try miner.logIn(login)
            return miner
        }

        @Test(.enabled(if: hasHAProxy, "the package haproxy is not installed"))
        func minersBehindHAProxyHaveTheirOwnAddressesOverRestartsAndCrashes() throws {
            let (first, second) = (try Loopback.freePort(), try Loopback.freePort())
            let configuration = try place.write(
                """
                defaults
                    mode tcp
                    timeout connect 5s
                    timeout client 1m
                    timeout server 1m
                listen one
                    bind 127.0.0.1:\(first)
                    server millrace 127.0.0.1:\(port) send-proxy check inter 200ms
                listen two
                    bind 127.0.0.1:\(second)
                    server millrace 127.0.0.1:\(port) send-proxy-v2 check inter 200ms

                """, to: "haproxy.cfg")
            let balancer = try Program(
                "haproxy", ["-db", "-f", configuration], in: place, from: URL(filePath: "/usr/sbin"))
            defer { _ = balancer.stop() }

            let one = try miner("one", at: first, from: "127.0.0.71")
            let two = try miner("two", at: second, from: "127.0.0.72")
            let expected = ["one": "127.0.0.71", "two": "127.0.0.72"]
            #expect(shows(expected), "\(addresses) \(service.millrace.log) \(balancer.log)")

            try service.killShard(0)
            #expect(shows(expected), "\(addresses)")
            #expect(try one.submit(difficulty: 1_000_000) == "OK" && two.submit(difficulty: 1_000_000) == "OK")
            #expect(try service.verb("restart", "0").code == 0)
            #expect(shows(expected), "\(addresses)")
            #expect(try one.submit(difficulty: 1_000_000) == "OK" && two.submit(difficulty: 1_000_000) == "OK")
            // New ones come through to what a crash has left as well.
            let three = try miner("three", at: second, from: "127.0.0.73")
            #expect(shows(expected.merging(["three": "127.0.0.73"]) { $1 }), "\(addresses)")
            #expect(try three.submit(difficulty: 1_000_000) == "OK")
            // The health checks of two backends are no reason for a line.
            #expect(!service.millrace.log.contains("closed "), "\(service.millrace.log)")
        }

        @Test func aHeaderHalfReadIsNotLostWithTheProcess() throws {
            let (killed, restarted) = (try LineMiner(port: port), try LineMiner(port: port))
            killed.send("PROXY TCP4 198.51.10")
            usleep(300_000)
            try service.killShard(0)
            restarted.send("\r\n\r\n\0\r\nQUIT\n!")
            usleep(300_000)
            killed.send("0.7 127.0.0.1 ")
            #expect(try service.verb("restart", "0").code == 0)
            killed.send("4000 3333\r\n")
            restarted.send("\u{11}\0\u{c}\u{a}\u{14}\u{1e}\u{28}\u{7f}\0\0\u{1}\u{1}\u{1}\u{1}\u{1}")
            try killed.logIn("killed")
            try restarted.logIn("restarted")
            #expect(shows(["killed": "198.51.100.7", "restarted": "10.20.30.40"]), "\(addresses)")
        }

        @Test func othersAreServedWithoutAHeaderAndRefusedWithOne() throws {
            let plain = try miner("plain", at: port, from: "127.0.0.80")
            #expect(shows(["plain": "127.0.0.80"]), "\(addresses)")
            let liar = try miner(at: port, from: "127.0.0.81")
            liar.send("PROXY TCP4 198.51.100.7 127.0.0.1 4000 3333\r\n")
            #expect(liar.ending() != .none)
            let silent = try LineMiner(port: port)
            silent.sendLogin("silent")
            #expect(silent.ending() != .none)
            let log = service.millrace.log
            #expect(log.contains("a load balancer at 127.0.0.81 sends a PROXY protocol header"), "\(log)")
            #expect(log.contains("closed 1 connection from balancers that \"proxy-protocol\" lists"), "\(log)")
            #expect(try plain.submit(difficulty: 1_000_000) == "OK")

            // Another list is in force for new connections, without another socket, and the others stay.
            try ProxyProtocolTests.write(#"["127.0.0.81", "127.0.0.82"]"#, port, to: place)
            let reload = try service.verb("reload")
            #expect(reload.code == 0, "\(reload.text)")
            let listed = try miner(at: port, from: "127.0.0.81")
            listed.send("PROXY TCP6 2001:DB8::7 ::1 4000 3333\r\n")
            try listed.logIn("listed")
            let unlisted = try LineMiner(port: port)
            try unlisted.logIn("unlisted")
            let expected = ["plain": "127.0.0.80", "listed": "2001:db8::7", "unlisted": "127.0.0.1"]
            #expect(shows(expected), "\(addresses)")
            #expect(try plain.submit(difficulty: 1_000_000) == "OK")
        }
    }
}
