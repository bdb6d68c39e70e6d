import Foundation
import Glibc
import TestSupport
import Testing

/// Shards that are emptied, added and removed under load.
extension ServiceTests {
    @Suite(.serialized, .timeLimit(.minutes(3)))
    struct ScalingProcessTests {
        private func load(_ seconds: Int) -> [String] {
            ["--miners", "200", "--rate", "300", "--seconds", "\(seconds)", "--retry-pause", "0.2"]
        }

        /// Miners by shard, as the API has them.
        private func miners(_ service: Service) -> [Int] {
            let rows = service.document("/1/shards")?["shards"] as? [[String: Any]] ?? []
            return rows.map { $0["miners"] as? Int ?? 0 }
        }

        private func waitForMiners(_ count: Int, _ service: Service) -> Bool {
            eventually(within: 5) { service.minersNow == count && miners(service).reduce(0, +) == count }
        }

        private func expectExactCounts(_ service: Service, _ report: SwarmReport) {
            #expect(report.logins.ok == report.connections.made)
            #expect(
                report.shares.refused == [:] && report.nonceConflicts == 0,
                "\(report.shares.refused)\n\(service.millrace.log)")
            #expect(eventually(within: 5) { service.pool.accepted == report.shares.ok }, "\(report)")
            #expect(eventually(within: 5) { service.accepted == report.shares.ok }, "\(report)")
            #expect(service.acceptedByWorkers == report.shares.ok)
            #expect(service.pool.rejected?.count == 0)
        }

        // MARK: - Draining

        @Test func theMinersOfADrainedShardMoveInATrickleAndNobodyElseNotices() throws {
            let service = try Service(pool: ["--job-interval", "2"])
            let swarm = try service.startSwarm(load(12))
            try #require(swarm.hasReached(300) && waitForMiners(200, service))
            let (neighbour, leaving) = (service.shard(0), miners(service)[1])
            try #require((1..<200).contains(leaving))

            let began = Date()
            let drain = try service.startVerb("drain", "1", "--within", "3")
            // Whoever comes meanwhile is served, by either.
            var visits = 0
            while drain.isRunning {
                guard let descriptor = Loopback.connected(to: service.minerPort) else {
                    Issue.record("refused after \(visits) visits")
                    break
                }
                #expect(LineMiner(descriptor: descriptor).isLetIn("visitor"), "visit \(visits)")
                visits += 1
            }
            #expect(visits > 100)
            #expect(drain.wait(atMost: 1) == 0 && drain.log.contains("shard 1: drained"), "\(drain.log)")
            #expect((2...8).contains(Date().timeIntervalSince(began)))
            #expect(drain.log.contains("miners left"))
            #expect(service.shard(1) == nil && service.shard(0) == neighbour && service.anchors.count == 1)
            #expect(waitForMiners(200, service))

            let last = try service.verb("drain", "0")
            #expect(last.code == 1 && last.text == "no other shard is ready to take the miners\n")
            let shown = try service.verb("shards").text
            #expect(shown.contains("shard 1  drained"), "\(shown)")
            // Nobody is given to the empty place, and neither a crash nor another restart fills it.
            for _ in 0..<30 { #expect(try LineMiner(port: service.minerPort).isLetIn("visitor")) }
            #expect(try service.verb("restart", "all").code == 0)
            #expect(service.shard(1) == nil && service.isReady(shard: 0))
            #expect(try service.verb("restart", "1").code == 0)
            #expect(service.isReady(shard: 1) && service.anchors.count == 2)

            let report = try swarm.finish()
            #expect(report.connections.lost == leaving)
            expectExactCounts(service, report)
        }

        @Test func theLastEventsOfAShardThatHasMovedOutliveItsProcess() throws {
            let service = try Service(pool: ["--job-interval", "2"])
            let swarm = try service.startSwarm(load(9))
            try #require(swarm.hasReached(300) && waitForMiners(200, service))
            let collector = try #require(service.children("millrace-collector").first)
            let leaving = try #require(service.shard(1))
            kill(collector, SIGSTOP)
            let scale = try service.startVerb("scale", "1")
            let hasMoved = eventually(within: 10) {
                service.millrace.log.contains("all miners and pool connections moved to another shard")
            }
            kill(leaving, SIGKILL)
            let isFollowed = eventually(within: 5) { service.shard(1).map { $0 != leaving } ?? false }
            usleep(500_000)
            kill(collector, SIGCONT)
            #expect(hasMoved && isFollowed, "\(service.millrace.log)")
            #expect(scale.wait(atMost: 20) == 0, "\(scale.log)\n\(service.millrace.log)")
            let report = try swarm.finish()
            #expect(report.connections.lost == 0)
            expectExactCounts(service, report)
        }

        @Test func sharesUnderWayAreAnsweredBeforeTheirMinersAreSentAway() throws {
            let service = try Service(pool: ["--reply-delay", "700"])
            let crowd = try (0..<12).map { _ in try LineMiner(port: service.minerPort) }
            for miner in crowd { try miner.logIn() }
            let shares = try crowd.map { try $0.share(difficulty: 2_000) }
            for (miner, share) in zip(crowd, shares) { miner.send(share.line) }
            usleep(100_000)
            let program = try service.startVerb("drain", "1", "--within", "2")
            for (miner, share) in zip(crowd, shares) { #expect(miner.outcome(of: share.id) == "OK") }
            #expect(program.wait(atMost: 10) == 0, "\(program.log)")
            let endings = crowd.map { $0.ending(within: 0.1) }
            #expect(!endings.contains(.reset), "\(endings)")
            #expect(Set([LineMiner.ExitReason.end, .none]) == Set(endings), "\(endings)")
        }

        @Test func whoIsLeftAtTheLimitIsReset() throws {
            let service = try Service(pool: ["--reply-delay", "3000"])
            let crowd = try (0..<12).map { _ in try LineMiner(port: service.minerPort) }
            for miner in crowd { try miner.logIn() }
            for miner in crowd { miner.send(try miner.share(difficulty: 2_000).line) }
            let done = try service.verb("drain", "1", "--within", "1", "--json")
            #expect(done.code == 0 && done.text.contains("\"result\":\"done\""), "\(done.text)")
            let endings = crowd.map { $0.ending(within: 0.1) }
            #expect(Set([LineMiner.ExitReason.reset, .none]) == Set(endings), "\(endings)")
        }

        // MARK: - More and fewer

        @Test func shardsAreAddedAndRemovedUnderLoadAndTheCountsStayExact() throws {
            let service = try Service(pool: ["--job-interval", "2"])
            let swarm = try service.startSwarm(load(20))
            try #require(swarm.hasReached(300))

            let more = try service.verb("scale", "4", "--json")
            #expect(more.code == 0, "\(more.text)")
            #expect((0..<4).allSatisfy(service.isReady) && service.anchors.count == 4)
            #expect(swarm.current?.connections.lost == 0)
            let second = try service.startSwarm(load(8) + ["--login", "second"])
            try #require(second.hasReached(300) && waitForMiners(400, service))
            let spread = miners(service)
            #expect(spread.count == 4 && spread.allSatisfy { $0 > 0 }, "\(spread)")

            usleep(600_000)  // the pool writes its report twice a second
            let logins = service.pool.logins
            let fewer = try service.verb("scale", "2", "--within", "3")
            #expect(fewer.code == 0 && fewer.text.contains("shard 1: ready"), "\(fewer.text)")
            #expect(service.children("millrace-worker").count == 2 && service.anchors.count == 2)
            #expect(eventually(within: 5) { miners(service).count == 2 }, "\(miners(service))")
            #expect(try service.verb("status").text.contains("shard 2") == false)
            // Who has moved was there before: no second login, and no peak.
            let most = (service.document("/")?["miners"] as? [String: Any])?["max"] as? Int
            #expect(most == 400)

            let (later, report) = (try second.finish(), try swarm.finish())
            // The miners of the shards that went live in those that stayed.
            #expect(report.connections.lost + later.connections.lost == 0, "\(service.millrace.log)")
            #expect(report.shares.lost + later.shares.lost == 0)
            #expect(service.millrace.log.contains("shard 3 (process "))
            #expect(service.pool.logins == logins, "the pool was logged in to again")
            #expect(waitForMiners(0, service))
            var all = report
            all.shares.ok += later.shares.ok
            all.logins.ok += later.logins.ok
            all.connections.made += later.connections.made
            all.shares.refused.merge(later.shares.refused) { $0 + $1 }
            expectExactCounts(service, all)
        }

        @Test func afterScalingUpTheMinersAreSpreadOverAllShards() throws {
            // No new job before each pool session has accepted a share: a late share is never the first of a session.
            let service = try Service(shards: 1, pool: ["--job-interval", "6"])
            let swarm = try service.startSwarm([
                "--miners", "800", "--rate", "400", "--seconds", "24", "--retry-pause", "0.2",
            ])
            try #require(swarm.hasReached(300) && waitForMiners(800, service))
            #expect(try service.verb("scale", "3").code == 0)
            usleep(600_000)  // the pool writes its report twice a second
            let logins = service.pool.logins
            let done = try service.verb("rebalance")
            #expect(done.code == 0 && done.text.contains("shard 2: "), "\(done.text)\n\(service.millrace.log)")
            #expect(
                eventually(within: 5) {
                    let spread = miners(service)
                    return spread.reduce(0, +) == 800 && spread.allSatisfy { $0 > 100 }
                }, "\(miners(service))")
            // In the middle of the next one somebody is killed, who gives or who takes.
            for shard in [1, 0, 2] {
                let verb = try service.startVerb("rebalance")
                usleep(.random(in: 0..<300_000))
                if let process = service.shard(shard) { kill(process, SIGKILL) }
                #expect(verb.wait(atMost: 20) == 0, "\(verb.log)\n\(service.millrace.log)")
                #expect(eventually(within: 10) { service.isReady(shard: shard) }, "\(service.millrace.log)")
            }
            #expect(try service.verb("scale", "1").code == 0, "\(service.millrace.log)")
            #expect(service.pool.logins == logins, "the pool was logged in to again")
            let most = (service.document("/")?["miners"] as? [String: Any])?["max"] as? Int
            #expect(most == 800)
            let report = try swarm.finish()
            #expect(report.connections.lost == 0 && report.shares.lost == 0, "\(service.millrace.log)")
            expectExactCounts(service, report)
        }

        @Test func whereNothingCanMoveRebalancingSaysHowItIs() throws {
            let service = try Service()
            let done = try service.verb("rebalance")
            #expect(done.code == 0 && done.text == "shard 0: 0 miners\nshard 1: 0 miners\n", "\(done.text)")
            #expect(try service.verb("drain", "1", "--within", "0").code == 0)
            #expect(try service.verb("rebalance").code == 0)
        }

        @Test func theSameCanBeAskedForOverHTTP() throws {
            let service = try Service(
                shards: 1, millrace: ["--http-access-token", "TOKEN", "--http-no-restricted"])
            func post(_ path: String, _ body: String = "") throws -> Int {
                try service.send("POST", path, body: body).status
            }
            #expect(try post("/1/shards/0/drain") == 409)
            #expect(try post("/1/scale", #"{"shards": 0}"#) == 400)
            #expect(try post("/1/scale", #"{"shards": 2}"#) == 202)
            #expect(eventually(within: 10) { service.isReady(shard: 1) }, "\(service.millrace.log)")
            #expect(try eventually(within: 5) { try post("/1/shards/0/drain", #"{"within": 0}"#) == 202 })
            #expect(eventually(within: 5) { service.shard(0) == nil }, "\(service.millrace.log)")
            let before = service.shard(1)
            #expect(try post("/1/shards/all/restart") == 202)
            #expect(eventually(within: 5) { service.shard(1) != before && service.isReady(shard: 1) })
            #expect(service.shard(0) == nil)
            #expect(try post("/1/shards/0/restart") == 202)
            #expect(eventually(within: 5) { service.isReady(shard: 0) })
        }

        @Test func anUpgradeLeavesTheNumberOfShardsAndTheEmptyPlacesAsTheyAre() throws {
            let service = try Service(installs: true)
            #expect(try service.verb("scale", "3").code == 0)
            #expect(try service.verb("drain", "1", "--within", "0").code == 0)
            try service.install()
            let upgraded = try service.verb("upgrade")
            #expect(upgraded.code == 0, "\(upgraded.text)")
            #expect(service.shard(1) == nil && service.isReady(shard: 0) && service.isReady(shard: 2))
            for _ in 0..<20 { #expect(try LineMiner(port: service.minerPort).isLetIn("visitor")) }
            #expect(try service.verb("scale", "1", "--within", "0").code == 0)
            #expect(service.children("millrace-worker").count == 1 && service.anchors.count == 1)
        }

        @Test func theNumberInTheFileIsPutInForceByAReload() throws {
            let place = Scratch()
            let file = place.file("config.json")
            func write(_ shards: Int) throws {
                try Data("{\"millrace\": {\"shards\": \(shards)}, \"watch\": false}".utf8).write(to: file)
            }
            try write(2)
            let service = try Service(millrace: ["--config", file.path], namesShards: false)
            try write(3)
            #expect(try service.verb("reload").code == 0)
            #expect(eventually(within: 10) { service.isReady(shard: 2) }, "\(service.millrace.log)")
            try write(1)
            #expect(try service.verb("reload").code == 0)
            #expect(
                eventually(within: 10) { service.children("millrace-worker").count == 1 }, "\(service.millrace.log)")
            let beyond = try service.verb("scale", "257")
            #expect(beyond.code == 1 && beyond.text == "expected a number of shards from 1 to 256, found 257\n")
        }
    }
}
