import Foundation
import Glibc
import TestSupport
import Testing

extension ServiceTests {
    /// One miner, one shard, and the moments at which a shard may end, made by hand.
    @Suite(.serialized, .timeLimit(.minutes(3)))
    struct CutPointProcessTests {
        private func service(_ pool: String...) throws -> Service { try Service(shards: 1, pool: pool) }

        /// The shard stands still while `body` happens, and is then killed.
        private func stopThenKill(_ service: Service, _ body: () throws -> Void) throws {
            let victim = try #require(service.shard(0))
            kill(victim, SIGSTOP)
            try body()
            usleep(100_000)
            try service.killShard(0)
            #expect(service.millrace.log.contains("took over"), "\(service.millrace.log)")
        }

        private func expectCounts(_ service: Service, accepted: Int, logins: Int = 1) {
            #expect(eventually(within: 3) { service.pool.accepted == accepted })
            #expect(eventually(within: 3) { service.accepted == accepted })
            #expect(service.pool.rejected?.count == 0)
            #expect(service.pool.logins == logins)
        }

        // MARK: - Miners

        @Test(arguments: [1, 70, -1]) func aLineThatWasHalfThereIsOneLineToTheSuccessor(cut: Int) throws {
            let service = try service()
            let miner = try service.miner()
            let share = try miner.share(difficulty: 1_000)
            let length = cut > 0 ? cut : share.line.utf8.count + cut
            miner.send(String(share.line.prefix(length)))
            usleep(100_000)
            try service.killShard(0)
            miner.send(String(share.line.dropFirst(length)))
            #expect(miner.outcome(of: share.id) == "OK", "\(service.millrace.log)")
            expectCounts(service, accepted: 1)
        }

        @Test func whatCameWhileNobodyReadIsRead() throws {
            let service = try service()
            let miner = try service.miner()
            let shares = try (0..<3).map { _ in try miner.share(difficulty: 1_000) }
            try stopThenKill(service) { miner.send(shares.map(\.line).joined()) }
            for share in shares { #expect(miner.outcome(of: share.id) == "OK") }
            expectCounts(service, accepted: 3)
        }

        @Test func whoCameWhileNobodyAcceptedIsLetIn() throws {
            let service = try service()
            var miner: LineMiner?
            try stopThenKill(service) {
                miner = try LineMiner(port: service.minerPort)
                miner?.sendLogin("late")
            }
            #expect(miner?.reply(to: 1)?["error"] is NSNull)
            #expect(try miner?.submit(difficulty: 1_000) == "OK")
            expectCounts(service, accepted: 1)
        }

        @Test(arguments: ["", "{\"id\":7,"]) func whoLeftMeanwhileIsNotWaitedFor(lastWords: String) throws {
            let service = try service()
            let stays = try service.miner("stays")
            var leaves: LineMiner? = try LineMiner(port: service.minerPort)
            try leaves?.logIn("leaves")
            #expect(eventually(within: 5) { service.minersNow == 2 })
            try stopThenKill(service) {
                leaves?.send(lastWords)
                leaves = nil
            }
            #expect(eventually(within: 5) { service.minersNow == 1 }, "\(service.millrace.log)")
            #expect(try stays.submit(difficulty: 1_000) == "OK")
        }

        // MARK: - The pool

        @Test func aShareUnderWayIsAnsweredOnceAndRemembered() throws {
            let service = try service("--reply-delay", "1500")
            let miner = try service.miner()
            let share = try miner.share(difficulty: 1_000)
            miner.send(share.line)
            usleep(100_000)
            try service.killShard(0)
            #expect(miner.outcome(of: share.id) == "OK", "\(service.millrace.log)")
            // It is known to have been handed in, and its answer does not come twice.
            try service.killShard(0)
            miner.send(share.line)
            #expect(miner.outcome(of: share.id) == "Duplicate share")
            expectCounts(service, accepted: 1)
        }

        @Test func thePoolsAnswerThatNobodyReadIsPassedOn() throws {
            let service = try service("--reply-delay", "300")
            let miner = try service.miner()
            let share = try miner.share(difficulty: 1_000)
            miner.send(share.line)
            usleep(100_000)
            try stopThenKill(service) { usleep(500_000) }
            #expect(miner.outcome(of: share.id) == "OK", "\(service.millrace.log)")
            expectCounts(service, accepted: 1)
        }

        @Test func aPoolThatWasLostMeanwhileCostsTheMinerNothingButItsJob() throws {
            let service = try service()
            let miner = try service.miner()
            #expect(try miner.submit(difficulty: 1_000) == "OK")
            try stopThenKill(service) { try service.replacePool() }
            #expect(miner.hasNewJob(within: 10), "\(service.millrace.log)")
            #expect(try miner.submit(difficulty: 1_000) == "OK")
            #expect(eventually(within: 3) { service.pool.accepted == 1 && service.pool.logins == 1 })
        }
    }
}
