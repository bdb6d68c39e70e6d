import Foundation
import Glibc
import TestSupport
import Testing

/// What an address may do on the machine, over all shards, restarts and crashes. A balancer's header says the addresses: loopback
/// itself is never banned.
extension ServiceTests {
    @Suite(.serialized, .timeLimit(.minutes(2)))
    struct AddressLimitTests {
        private let place = Scratch()
        private let service: Service
        private let port: UInt16
        /// Of connections without a header.
        private let plainPort: UInt16
        private var denied: URL { place.file("denied") }

        init() throws {
            (port, plainPort) = (try Loopback.freePort(), try Loopback.freePort())
            try place.write("# empty\n", to: "denied")
            try AddressLimitTests.write("", port, plainPort, to: place)
            service = try Service(
                shards: 2, millrace: ["--config", place.file("config.json").path], minerPort: port)
        }

        private static func write(
            _ more: String, connections: Int = 3, _ port: UInt16, _ plainPort: UInt16, to place: Scratch
        ) throws {
            let bind = #"{"host": "127.0.0.1", "port": \#(port), "proxy-protocol": ["127.0.0.1"]}"#
            let file = place.file("denied").path
            let limits = """
                "connections": \(connections), "waiting": 2, "logins": 10, "burst": 5, "faults": 10, "deny": ["203.0.113.0/24"],
                "allow": ["192.0.2.50", "203.0.113.50"], "deny-file": "\(file)"\(more)
                """
            try place.write(
                #"{"bind": [\#(bind), "127.0.0.1:\#(plainPort)"], "watch": false, "millrace": {"limits": {\#(limits)}}}"#,
                to: "config.json")
        }

        private func connection(from address: String) throws -> LineMiner {
            let miner = try LineMiner(port: port)
            miner.send("PROXY TCP4 \(address) 127.0.0.1 4000 3333\r\n")
            return miner
        }

        /// A miner from there that is logged in; nil when it is refused.
        private func miner(from address: String) throws -> LineMiner? {
            let miner = try connection(from: address)
            return miner.isLetIn("miner") ? miner : nil
        }

        private func letsIn(_ address: String) -> Bool { (try? miner(from: address)).flatMap(\.self) != nil }

        private func peer(_ address: String) -> [String: Any]? {
            (service.document("/1/peers")?["peers"] as? [[String: Any]])?.first { $0["address"] as? String == address }
        }

        private func refused(_ reason: String, of address: String) -> Int {
            (peer(address)?["refused"] as? [String: Int])?[reason] ?? 0
        }

        @Test func connectionsOfAllShardsAreCountedOverCrashesAndRestarts() throws {
            var miners = try (0..<3).map { _ in try #require(try miner(from: "198.51.100.1")) }
            #expect(try miner(from: "198.51.100.1") == nil)
            let other = try miner(from: "198.51.100.2")
            #expect(other != nil)
            try service.killShard(0)
            try service.killShard(1)
            #expect(try miner(from: "198.51.100.1") == nil)
            #expect(try service.verb("restart", "all").code == 0)
            #expect(try miner(from: "198.51.100.1") == nil)
            #expect(eventually(within: 5) { peer("198.51.100.1")?["connections"] as? Int == 3 })
            #expect(refused("connections", of: "198.51.100.1") == 3)
            for miner in miners { #expect(try miner.submit(difficulty: 1_000_000) == "OK") }
            miners.removeLast()
            #expect(eventually(within: 5) { peer("198.51.100.1")?["connections"] as? Int == 2 })
            #expect(try miner(from: "198.51.100.1") != nil)
            #expect(
                service.millrace.log.contains("refused 1 connection, the latest of 198.51.100.1: it has 3 connections"))
        }

        @Test func anAddressThatBreaksTheProtocolIsBannedUntilItIsLetInAgain() throws {
            for _ in 0..<14 { try connection(from: "198.51.100.3").send("GARBAGE\n\n{]\n") }
            #expect(eventually(within: 5) { (try? service.verb("bans"))?.text.contains("198.51.100.3") == true })
            #expect(try miner(from: "198.51.100.3") == nil)
            #expect(try miner(from: "198.51.100.4") != nil)
            try service.killShard(0)
            #expect(try service.verb("restart", "all").code == 0)
            #expect(try miner(from: "198.51.100.3") == nil)
            #expect(service.millrace.log.contains("banned 198.51.100.3 for 10 minutes"))
            #expect(try service.verb("unban", "198.51.100.9").code == 1)
            #expect(try service.verb("unban", "nonsense").code == 1)
            #expect(try service.verb("unban", "198.51.100.3").code == 0)
            #expect(try miner(from: "198.51.100.3") != nil)
            #expect(try service.verb("bans").text.contains("no address is banned"))
        }

        @Test func aMinerWithAnAcceptedShareKeepsItsAddressFromABan() throws {
            let honest = try #require(try miner(from: "198.51.100.5"))
            #expect(try honest.submit(difficulty: 1_000_000) == "OK")
            for _ in 0..<30 { try connection(from: "198.51.100.5").send("GARBAGE\n\n{]\n") }
            sleep(1)
            #expect(try service.verb("bans").text.contains("no address is banned"))
            #expect(try honest.submit(difficulty: 1_000_000) == "OK")
        }

        @Test func listsAreReadAgainAndReplaceNoProcess() throws {
            let shards = (0..<2).map { service.shard($0) }
            #expect(try miner(from: "203.0.113.7") == nil)
            #expect(try miner(from: "203.0.113.50") == nil, "denied comes first")
            #expect(try miner(from: "198.51.100.6") != nil)
            try place.write("198.51.100.6 # a scanner\n2001:db8::/32\nnonsense\n", to: "denied")
            // First the log: a miner may also be refused because others of its address are still there.
            #expect(eventually(within: 5) { service.millrace.log.contains(":3: expected an address or a prefix") })
            #expect(eventually(within: 5) { !letsIn("198.51.100.6") })
            try place.write("198.51.100.60\n", to: "denied")
            #expect(eventually(within: 5) { letsIn("198.51.100.6") })
            let exempt = try (0..<9).map { _ in try #require(try miner(from: "192.0.2.50")) }
            #expect(exempt.count == 9, "allowed addresses have no limit")
            #expect((0..<2).map { service.shard($0) } == shards)
        }

        @Test func aDryRunRefusesNothingAndCounts() throws {
            try AddressLimitTests.write(#", "dry-run": true"#, port, plainPort, to: place)
            #expect(try service.verb("reload").code == 0)
            let miners = try (0..<5).map { _ in try #require(try miner(from: "203.0.113.8")) }
            #expect(
                eventually(within: 5) {
                    (service.document("/1/peers")?["not_refused"] as? [String: Int])?["denied"] == 5
                })
            #expect((service.document("/1/peers")?["refused"] as? [String: Int])?["denied"] == 0)
            #expect(service.millrace.log.contains("dry run, not refused 1 connection, the latest of 203.0.113.8"))
            withExtendedLifetime(miners) {}
        }

        @Test func connectionsThatDoNotLogInAreBoundedByAddress() throws {
            let silent = try (0..<3).map { _ in try connection(from: "198.51.100.8") }
            #expect(eventually(within: 5) { refused("waiting", of: "198.51.100.8") == 1 })
            #expect(peer("198.51.100.8")?["waiting"] as? Int == 2)
            #expect(try miner(from: "198.51.100.8") != nil, "one that logs in at once is no waiting one")
            withExtendedLifetime(silent) {}
        }

        /// A burst of five, then ten a second: the others are let in later, in order, and none is refused.
        @Test func loginsBeyondTheBurstAreReadLater() throws {
            try AddressLimitTests.write("", connections: 0, port, plainPort, to: place)
            #expect(try service.verb("reload").code == 0)
            let miners = try (0..<25).map { _ in try LineMiner(port: plainPort) }
            for miner in miners { miner.sendLogin("late") }
            let began = ContinuousClock.now
            for miner in miners { #expect(miner.reply(to: 1, within: 6)?["error"] is NSNull) }
            #expect(ContinuousClock.now - began > .seconds(1))
            sleep(1)
            // Miners would not notice a crash.
            #expect(!service.millrace.log.contains("was killed by"))
        }
    }
}
