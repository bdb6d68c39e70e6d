import ApiFixtures
import Configuration
import Control
import Foundation
import Telemetry
import TestSupport
import Testing

@testable import ApiDocuments

/// The documents that need more than the snapshot.
@Suite struct ServiceDocumentTests {
    @Test func aFarmInAllDocuments() throws {
        let view = ServiceView.ofFarm
        try Golden.expect(CurrentDocuments.miners(of: view), equals: "miners.json")
        try Golden.expect(CurrentDocuments.shards(of: view), equals: "shards.json")
        try Golden.expect(CurrentDocuments.upstreams(of: view), equals: "upstreams.json")
        try Golden.expect(#require(CurrentDocuments.worker(named: "rack7-03", of: view)), equals: "worker.json")
        try Golden.expect(CurrentDocuments.peers(of: .ofFarm), equals: "peers.json")
    }

    @Test func addressesAreSortedByWhatTheyDo() throws {
        func addresses(_ query: String) throws -> [String?] {
            let body = CurrentDocuments.peers(of: .ofFarm, list: try ListQuery(parsing: query))
            return try #require(object(body)["peers"] as? [[String: Any]]).map { $0["address"] as? String }
        }
        #expect(try addresses("sort=-refused&limit=1") == ["203.0.113.9"])
        #expect(try addresses("sort=-invalid&limit=1") == ["192.0.2.7"])
        #expect(try addresses("sort=-banned&limit=1") == ["203.0.113.9"])
        #expect(try addresses("sort=address&offset=1&limit=1") == ["2001:db8:0:7::/64"])
        #expect(throws: QueryFault.self) { try addresses("sort=name") }
    }

    @Test func withoutATableThereAreNoAddresses() throws {
        let document = try object(CurrentDocuments.peers(of: nil))
        #expect(document["total"] as? Int == 0 && (document["peers"] as? [Any])?.isEmpty == true)
    }

    @Test func thePageOfAList() throws {
        let list = try ListQuery<WorkerColumn>(parsing: "sort=-hashrate&limit=1")
        try Golden.expect(
            CurrentDocuments.workers(of: .ofFarm, naming: .rigID, list: list), equals: "workers-page.json")
    }

    @Test func theHistoryOfAWorker() throws {
        let head = HistoryDocument.Head(
            worker: "rack7-03", step: 60, from: 1_790_085_840, to: 1_790_086_000)
        let points = [
            HistoryPoint(time: 1_790_085_840, accepted: 3, rejected: 0, invalid: 1, hashes: 741_000),
            HistoryPoint(time: 1_790_085_960, accepted: 2, hashes: 100_000),
        ]
        try Golden.expect(HistoryDocument.body(head, points: points), equals: "history.json")
    }

    @Test func asLongAsNobodyWasHeardEverythingIsNull() throws {
        try Golden.expect(CurrentDocuments.shards(of: .ofNobody), equals: "shards-unknown.json")
        let miners = try object(CurrentDocuments.miners(of: .ofNobody))
        #expect((miners["miners"] as? [Any])?.isEmpty == true)
        #expect(CurrentDocuments.worker(named: "rack7-03", of: .ofNobody) == nil)
    }

    @Test func withoutTheSupervisorTheCollectorsNumbersStand() throws {
        var view = ServiceView.ofFarm
        view.status = nil
        let shard = try firstShard(of: view)
        #expect(shard["miners"] as? Int == 172 && shard["live"] as? Bool == true)
        for key in ["state", "pid", "uptime", "restarts", "restart_causes", "last_death"] {
            #expect(shard[key] is NSNull, "\(key)")
        }
    }

    @Test func withoutTheCollectorTheSupervisorsWordStands() throws {
        var view = ServiceView.ofFarm
        view.snapshotNumber = 0
        view.snapshot = Snapshot()
        let shard = try firstShard(of: view)
        #expect(shard["state"] as? String == "ready" && shard["pid"] as? Int == 4_713)
        #expect(shard["miners"] is NSNull && shard["live"] is NSNull && shard["loop_delay_ms"] is NSNull)
        for key in ["shares", "upstreams", "events"] {
            let values = try #require(shard[key] as? [String: Any])
            #expect(values.values.allSatisfy { $0 is NSNull }, "\(key)")
        }
    }

    /// A shard that has just been added, one that is just being removed.
    @Test func aShardThatOnlyOneOfThemKnowsIsListed() throws {
        var view = ServiceView.ofFarm
        view.status?.children.removeAll { $0.shard == 0 }
        view.status?.children.append(ChildStatus(kind: .shard, shard: 2, state: .starting))
        let shards = try #require(object(CurrentDocuments.shards(of: view))["shards"] as? [[String: Any]])
        #expect(shards.map { $0["id"] as? Int } == [0, 1, 2])
        #expect(shards.map { $0["state"] as? String } == [nil, "ready", "starting"])
        #expect(shards.map { $0["miners"] as? Int } == [172, 128, nil])
        #expect(shards[2]["pid"] is NSNull && shards[2]["uptime"] is NSNull)
    }

    @Test func aShardThatWasScaledAwayIsNotListed() throws {
        var view = ServiceView.ofFarm
        view.status?.children.removeAll { $0.shard == 1 }
        let shards = try #require(object(CurrentDocuments.shards(of: view))["shards"] as? [[String: Any]])
        #expect(shards.map { $0["id"] as? Int } == [0])
    }

    @Test func whatTheSupervisorRefusedIsShownLineByLine() throws {
        var view = ServiceView.ofFarm
        view.status?.configuration.lastRefusal = ["config.json:3:5: error: \"pools\"", "no pool is left"]
        view.snapshot.database.state = .failing
        view.snapshot.database.message = "disk full"
        let document = try object(CurrentDocuments.shards(of: view))
        let configuration = try #require(document["configuration"] as? [String: Any])
        #expect(configuration["last_refusal"] as? [String] == view.status?.configuration.lastRefusal)
        let database = try #require(document["database"] as? [String: Any])
        #expect(database["state"] as? String == "failing" && database["message"] as? String == "disk full")
    }

    /// The only window that an hour-old loss leaves incomplete is one longer than that.
    @Test(
        arguments: [(0, []), (30, ["1m", "10m", "1h", "12h", "24h"]), (3_599, ["1h", "12h", "24h"]), (90_000, [])]
            as [(UInt64, [String])])
    func onlyWindowsThatReachBackToALossAreIncomplete(secondsAgo: UInt64, windows: [String]) throws {
        var view = ServiceView.ofFarm
        view.snapshot.results.lastLossAt = secondsAgo == 0 ? 0 : view.snapshot.time - secondsAgo * 1_000
        let statistics = try #require(
            try object(CurrentDocuments.shards(of: view))["statistics"] as? [String: Any])
        #expect(statistics["incomplete_windows"] as? [String] == windows)
    }

    @Test func aPoolThatWeDoNotKnowHasNoName() throws {
        var view = ServiceView.ofFarm
        view.snapshot.pools = ["a:1"]
        let body = CurrentDocuments.upstreams(of: view)
        let upstreams = try #require(object(body)["upstreams"] as? [[String: Any]])
        #expect(upstreams.map { $0["pool"] as? String } == ["a:1", "a:1", nil])
    }

    @Test func aClockThatIsSetBackDoesNotTrap() throws {
        var view = ServiceView.ofFarm
        view.time = 5
        let shard = try firstShard(of: view)
        #expect(shard["uptime"] as? Int == 0)
        view.snapshot.pools = []
        _ = CurrentDocuments.upstreams(of: view)
    }

    @Test func noPasswordIsShown() throws {
        let rows = try #require(object(CurrentDocuments.miners(of: .ofFarm))["miners"] as? [[Any]])
        #expect(rows.count == 3 && rows.allSatisfy { $0[7] is NSNull })
    }

    /// The list beside the table has the order and the number of its rows.
    @Test func theTLSOfMinersFollowsTheirRows() throws {
        var view = ServiceView.ofFarm
        view.miners[0].gauge.tls = TLSCode(version: "TLSv1.2", cipher: "AES128-SHA")
        view.miners[1].gauge.tls = TLSCode(version: "TLSv1.3", cipher: "TLS_CHACHA20_POLY1305_SHA256")
        view.miners[2].gauge.tls = TLSCode(rawValue: 200)
        let all: [[String?]] = [["TLSv1.2", nil], ["TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256"], ["TLS", nil]]
        for (query, expected) in [
            ("", all), ("sort=-id", all.reversed()), ("offset=1&limit=1", [all[1]]), ("offset=3", []),
        ] {
            let document = try object(CurrentDocuments.miners(of: view, list: ListQuery(parsing: query)))
            let tls = try #require(document["tls"] as? [[Any]])
            #expect(tls.map { $0.map { $0 as? String } } == expected, "\(query)")
            #expect((document["miners"] as? [[Any]])?.count == tls.count)
        }
    }

    @Test func theTLSOfAPoolConnection() throws {
        var view = ServiceView.ofFarm
        view.snapshot.openUpstreams[1].gauge.tls = TLSCode(version: "TLSv1.2", cipher: "CAMELLIA128-SHA")
        view.snapshot.openUpstreams[2].gauge.tls = TLSCode(version: "TLSv1.2", cipher: "ECDHE-RSA-AES256-GCM-SHA384")
        let upstreams = try #require(object(CurrentDocuments.upstreams(of: view))["upstreams"] as? [[String: Any]])
        #expect(upstreams.map { $0["tls"] as? String } == ["TLSv1.3", "TLSv1.2", "TLSv1.2"])
        #expect(
            upstreams.map { $0["cipher"] as? String }
                == ["TLS_AES_256_GCM_SHA384", nil, "ECDHE-RSA-AES256-GCM-SHA384"])
    }

    @Test func theTLSOfAShard() throws {
        var view = ServiceView.ofFarm
        view.snapshot.shards[0].tls.kept = .max
        view.snapshot.shards[0].tls.notKept = .max
        view.snapshot.shards[0].tls.certificateExpires = .max
        var tls = try #require(firstShard(of: view)["tls"] as? [String: Any])
        #expect(tls["connections"] as? UInt64 == UInt64(UInt32.max) * 2 && tls["not_kept"] as? UInt32 == .max)
        #expect(tls["certificate_expires"] as? UInt64 == .max)
        view.snapshot.shards[0].tls = TLSFigures()
        tls = try #require(firstShard(of: view)["tls"] as? [String: Any])
        #expect(tls["connections"] as? Int == 0 && tls["certificate_sha256"] is NSNull)
        #expect(tls["certificate_expires"] is NSNull)
        view.snapshotNumber = 0
        tls = try #require(firstShard(of: view)["tls"] as? [String: Any])
        #expect(tls.count == 4 && tls.values.allSatisfy { $0 is NSNull })
    }

    @Test func aWorkerListsAtMostSoManyConnections() throws {
        var view = ServiceView.ofFarm
        view.miners = (0..<1_000).map {
            MinerRow(miner: MinerJoined(key: UInt64($0), worker: "rack7-03", ip: "10.0.0.1", agent: ""))
        }
        let worker = try object(#require(CurrentDocuments.worker(named: "rack7-03", of: view)))
        #expect((worker["miners"] as? [Any])?.count == CurrentDocuments.workerMinersMax)
    }

    private func object(_ body: [UInt8]) throws -> [String: Any] {
        try #require(JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
    }

    private func firstShard(of view: ServiceView) throws -> [String: Any] {
        try #require((object(CurrentDocuments.shards(of: view))["shards"] as? [[String: Any]])?.first)
    }
}
