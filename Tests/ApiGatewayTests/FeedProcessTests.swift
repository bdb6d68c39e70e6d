import ApiFixtures
import Configuration
import EventBus
import Foundation
import Glibc
import Linux
import Telemetry
import TestSupport
import Testing

@testable import ApiDocuments
@testable import ApiGateway
@testable import HTTPServing

/// The built gateway between a collector's stream and its clients.
@Suite(.serialized, .timeLimit(.minutes(2))) struct FeedProcessTests {
    private let api = Settings.API(host: "127.0.0.1", port: 0)

    /// A client that has surely been taken in: it has heard the first line.
    private func client(
        _ gateway: GatewayProcess, _ collector: CollectorSide, _ query: String = ""
    ) throws -> EventClient {
        let client = try EventClient(try gateway.client(), query)
        try #require(client.read { !$0.reading.retries.isEmpty }, "\(client.head)")
        return client
    }

    @Test func eventsArriveInOrderAndAfterACutGoOnWithoutMissingOrDoublingAny() throws {
        try CollectorSide.run { collector in
            try GatewayProcess.run(api, in: collector.runDirectory) { gateway in
                collector.join(Stream.joined(1, "rack7"))
                var shares: [Int] = []
                var lastID: String?
                for round in 0..<5 {
                    let client = try EventClient(try gateway.client(), lastID: lastID)
                    if round == 0 { #expect(client.read { $0.reading.retries == ["2000"] }) }
                    collector.shares(500)
                    #expect(client.read { $0.shareNumbers.last == collector.next - 1 })
                    #expect(client.told.allSatisfy { $0.name != "gap" })
                    #expect(client.told.last?.object["worker"] as? String == "rack7")
                    shares += client.shareNumbers
                    lastID = client.reading.lastID
                    collector.shares(300)  // while nobody listens
                }
                let first = try #require(shares.first)
                #expect(shares == Array(first...first + shares.count - 1))
                #expect(shares.count >= 5 * 500 + 4 * 300 - 1)
            }
        }
    }

    @Test func aClientOfAKilledGatewayGoesOnAtTheNext() throws {
        try CollectorSide.run { collector in
            collector.join(Stream.joined(1, "rack7"))
            var shares: [Int] = []
            var lastID: String?
            for _ in 0..<3 {
                try GatewayProcess.run(api, in: collector.runDirectory) { gateway in
                    let client =
                        try lastID.map { try EventClient(try gateway.client(), lastID: $0) }
                        ?? client(gateway, collector)
                    collector.shares(1_000)
                    #expect(client.read { $0.shareNumbers.last == collector.next - 1 })
                    #expect(client.told.allSatisfy { $0.name != "gap" })
                    shares += client.shareNumbers
                    lastID = client.reading.lastID
                    #expect(gateway.stop(SIGKILL) == -SIGKILL)
                }
                collector.shares(1_000)  // while there is none
            }
            let first = try #require(shares.first)
            #expect(shares == Array(first...first + shares.count - 1))
            #expect(shares.count >= 5_000)
        }
    }

    @Test func whatTheCollectorHasForgottenIsAGap() throws {
        try CollectorSide.run(logBytesMax: 1) { collector in
            var lastID: String?
            try GatewayProcess.run(api, in: collector.runDirectory) { gateway in
                let client = try client(gateway, collector)
                collector.shares(1)
                #expect(client.read { $0.reading.lastID != nil })
                lastID = client.reading.lastID
                gateway.stop(SIGKILL)
            }
            collector.shares(20_000)
            try GatewayProcess.run(api, in: collector.runDirectory) { gateway in
                let client = try EventClient(try gateway.client(), lastID: lastID)
                #expect(client.read { $0.shareNumbers.last == collector.next - 1 })
                let seen = try #require(lastID.flatMap(EventID.init)?.sequence)
                #expect(client.told.first?.name == "gap")
                #expect(client.told.first?["missed"] == client.shareNumbers[0] - Int(seen) - 1)
            }
        }
    }

    @Test func aClientThatNeverReadsHoldsUpNobody() throws {
        try CollectorSide.run { collector in
            try GatewayProcess.run(api, in: collector.runDirectory) { gateway in
                let reader = try client(gateway, collector, "?types=share,joined&worker=rare")
                let deaf = try (0..<8).map { _ in try EventClient(try gateway.client()) }
                let http = try gateway.client()
                #expect(try http.get("/1/summary").status == 200)  // they have been heard
                // Tests that run beside this one may have descriptors that the gateway inherits.
                let descriptors = gateway.openDescriptorCount
                // 14 MB of text for each: more than the sockets hold.
                for round in 1...10 as ClosedRange<UInt64> {
                    collector.shares(5_000)
                    collector.join(Stream.joined(round, "rare"))
                    let start = MonotonicClock.milliseconds
                    #expect(reader.read { $0.told.count { $0.name == "joined" } == Int(round) })
                    #expect(try http.get("/1/summary").status == 200)
                    #expect(MonotonicClock.milliseconds - start < 5_000)  // a debug build on a busy machine
                }
                #expect(gateway.residentKilobytes < 100_000)
                #expect(gateway.openDescriptorCount < descriptors + 16)
                // And do not keep the process.
                let start = MonotonicClock.milliseconds
                #expect(gateway.stop(SIGTERM) == 0)
                #expect(MonotonicClock.milliseconds - start < 1_500)
                withExtendedLifetime(deaf) {}
            }
        }
    }

    @Test func aStreamEndsWhenTheGatewayLeaves() throws {
        try CollectorSide.run { collector in
            try GatewayProcess.run(api, in: collector.runDirectory) { gateway in
                let client = try client(gateway, collector)
                gateway.signal(SIGTERM)
                #expect(client.isClosedByServer())
                #expect(gateway.waitForEnd() == 0)
            }
        }
    }

    @Test func rowsOfMinersFollowJoinsLeavesAndGauges() throws {
        try CollectorSide.run { collector in
            for key in 1...20 as ClosedRange<UInt64> { collector.join(Stream.joined(key, "rig-\(key)")) }
            collector.leave(7)
            try GatewayProcess.run(api, in: collector.runDirectory) { gateway in
                let http = try gateway.client()
                func shows(_ condition: (String) -> Bool) throws -> Bool {
                    for _ in 0..<300 {
                        if condition(try http.get("/1/miners").text) { return true }
                        usleep(10_000)
                    }
                    return false
                }
                #expect(try shows { $0.contains("of-rig-20\"") && !$0.contains("of-rig-7\"") })
                collector.leave(20)
                collector.gauge(MinerGauge(key: 3, sentBytes: 123_456_789, receivedBytes: 8, difficulty: 9))
                #expect(try shows { $0.contains("123456789") && !$0.contains("of-rig-20\"") })
            }
        }
    }

    @Test func wishesAreReadOrRefusedInWords() throws {
        try CollectorSide.run { collector in
            try GatewayProcess.run(api, in: collector.runDirectory) { gateway in
                let http = try gateway.client()
                for query in ["types=share,nothing", "types=", "worker=a&worker=b"] {
                    let reply = try http.get("/1/events?\(query)")
                    #expect(reply.status == 400, "\(query)")
                    #expect(reply.text.contains("expected"))
                }
                collector.join(Stream.joined(1, "a b"))
                collector.join(Stream.joined(2, "other"))
                let client = try EventClient(http, "?types=share&worker=a%20b")
                for _ in 0..<50 where client.told.count < 3 {
                    collector.shares(1, of: 2)
                    collector.shares(1, of: 1)
                    _ = client.read(seconds: 0.1) { $0.told.count >= 3 }
                }
                #expect(client.told.count >= 3)
                #expect(client.told.allSatisfy { $0.object["worker"] as? String == "a b" })
                #expect(client.head.contains("Content-Type: text/event-stream"))
            }
        }
    }

    @Test func theTokenIsAskedForAndTheSummaryComesOnceASecond() throws {
        var api = api
        api.accessToken = "s3cret"
        try CollectorSide.run { collector in
            try GatewayProcess.run(api, in: collector.runDirectory) { gateway in
                let http = try gateway.client()
                #expect(try http.get("/1/events").status == 401)
                let client = try EventClient(http, headers: "Authorization: Bearer s3cret\r\n")
                for sequence in 1...500 as ClosedRange<UInt64> where client.reading.events.count < 2 {
                    var snapshot = Snapshot.ofFarm
                    snapshot.sequence = sequence
                    snapshot.results.accepted = sequence
                    gateway.publisher.publish(snapshot)
                    _ = client.read(seconds: 0.1) { $0.reading.events.count > 1 }
                }
                let accepted = client.reading.events.compactMap { $0["accepted"] }
                #expect(accepted.count >= 2)
                #expect(accepted == accepted.sorted())
                #expect(client.reading.events.allSatisfy { $0.id == nil })
            }
        }
    }

    @Test func historyIsNotThereWithoutADatabaseAndDisturbsNothing() throws {
        try GatewayProcess.run(api) { gateway in
            let http = try gateway.client()
            #expect(try http.get("/1/history").status == 503)
            #expect(try http.get("/1/history?step=0").status == 400)
            #expect(try http.get("/1/summary").status == 200)
        }
    }
}
