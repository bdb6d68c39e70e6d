import Foundation
import Glibc
import TestSupport
import Testing

/// What an operator configures, and what happens when the surroundings fail.
extension ServiceTests {
    @Suite(.serialized, .timeLimit(.minutes(2)))
    struct Operator {
        // MARK: - Miners

        @Test func aWrongPasswordIsToldBeforeTheConnectionEnds() throws {
            let service = try Service(shards: 1, millrace: ["--access-password", "sesame"])
            let stranger = try LineMiner(port: service.minerPort)
            // More than we read at once: closing now would reset, and the reset overtake the reply.
            stranger.sendLogin("hand", pass: "wrong", andThen: String(repeating: "x", count: 500_000))
            let refusal = stranger.reply(to: 1)?["error"] as? [String: Any]
            #expect(refusal?["message"] as? String == "Permission denied")
            #expect(stranger.ending() == .end)
            let friend = try service.miner(pass: "sesame")
            #expect(try friend.submit(difficulty: 1_000) == "OK")
            let log = service.millrace.log
            #expect(log.contains("wrong access password"))
            #expect(!log.contains("sesame") && !log.contains("wrong\""))
        }

        @Test(arguments: [false, true])
        func aLowerDifficultyIsTheMinersOwn(isCounted: Bool) throws {
            let service = try Service(
                shards: 1, pool: ["--difficulty", "65537"],
                millrace: ["--custom-diff", "2000"] + (isCounted ? ["--custom-diff-stats"] : []))
            let miner = try service.miner("plain")
            #expect(miner.job?["target"] as? String == target(2_000))
            let other = try service.miner("choosy+5000")
            #expect(other.job?["target"] as? String == target(5_000))
            let modest = try service.miner("above+70000")
            #expect(modest.job?["target"] as? String == target(65_537))

            #expect(try miner.submit(difficulty: 1_000) == "Low difficulty share")
            #expect(try miner.submit(difficulty: 3_000) == "OK")
            #expect(try miner.submit(difficulty: 300_000) == "OK")
            #expect(eventually(within: 3) { service.pool.accepted == 1 })
            #expect(eventually(within: 6) { service.accepted == 1 })
            // Refused shares are told once a second.
            #expect(eventually(within: 6) { service.worker("plain")?[5] as? Int == 1 })
            let row = try #require(service.worker("plain"))
            // name, address, connections, accepted, rejected, invalid, hashes
            #expect(row[3] as? Int == (isCounted ? 2 : 1))
            #expect(row[6] as? Int == (isCounted ? 4_000 : 65_537))
            let results = service.document("/")?["results"] as? [String: Any]
            #expect(results?["hashes_total"] as? Int == 65_537)
            #expect(service.worker("choosy+5000")?[3] as? Int == 0)
        }

        /// As pools write it: four bytes, lowest first.
        private func target(_ difficulty: UInt64) -> String {
            let word = UInt32((UInt64.max / difficulty) >> 32)
            return (0..<4).map { byte in
                let text = String(UInt8(truncatingIfNeeded: word >> (8 * byte)), radix: 16)
                return text.count == 1 ? "0" + text : text
            }.joined()
        }

        @Test(arguments: zip(["rig_id", "user", "agent", "none"], ["rack7", "hand", "hand/1", nil] as [String?]))
        func aRowIsNamedAsConfigured(mode: String, name: String?) throws {
            let service = try Service(shards: 1, millrace: ["--workers", mode])
            let miner = try service.miner("hand", fields: #","rigid":"rack7""#)
            #expect(try miner.submit(difficulty: 1_000) == "OK")
            #expect(eventually(within: 6) { service.accepted == 1 })
            let rows = service.document("/1/workers")?["workers"] as? [[Any]] ?? []
            #expect(rows.compactMap { $0.first as? String } == [name].compactMap(\.self))
        }

        @Test func minersMayComeOverIPv6() throws {
            let port = try Loopback.freePort()
            let service = try Service(shards: 2, millrace: ["--bind", "[::1]:\(port)"])
            let miner = try LineMiner(ipv6Port: port)
            try miner.logIn("six")
            #expect(try miner.submit(difficulty: 1_000) == "OK")
            #expect(eventually(within: 6) { service.worker("six")?[1] as? String == "::1" })
        }

        @Test func aMinerThatDoesNotReadIsDroppedAndTheOthersNoticeNothing() throws {
            let service = try Service(shards: 1)
            let good = try service.miner("good")
            let worker = try #require(service.children("millrace-worker").first)
            let deaf = try service.miner("deaf")
            let ping = #"{"id":7,"jsonrpc":"2.0","method":"keepalived","params":{"id":"0"}}"# + "\n"
            let pings = String(repeating: ping, count: 1_000)
            // The kernel takes some megabytes of replies before ours begin to wait.
            var rounds = 0
            while rounds < 1_000, deaf.send(pings) { rounds += 1 }
            #expect(rounds < 1_000, "it was never dropped")
            #expect(try good.submit(difficulty: 1_000) == "OK")
            #expect(service.children("millrace-worker") == [worker])
            #expect(ProcessFiles.memory(of: worker) < 64 * 1_024)
        }

        @Test func withoutDescriptorsThoseWhoAreHereGoOn() throws {
            let service = try Service(shards: 1)
            let miner = try service.miner("early")
            let worker = try #require(service.children("millrace-worker").first)
            try limitDescriptors(of: worker, to: 128)
            // It looks once a second.
            usleep(1_300_000)
            let crowd = (0..<300).compactMap { _ in Loopback.connected(to: service.minerPort) }
            #expect(eventually(within: 3) { service.millrace.log.contains("cannot accept another miner") })
            #expect(try miner.submit(difficulty: 1_000) == "OK")
            // There is still room for what is no miner.
            service.pool.kill()
            try service.replacePool()
            #expect(miner.hasNewJob(within: 5))
            #expect(try miner.submit(difficulty: 1_000) == "OK")
            for descriptor in crowd { close(descriptor) }
            #expect(try eventually(within: 5) { try LineMiner(port: service.minerPort).isLetIn("late") })
            #expect(service.millrace.log.components(separatedBy: "cannot accept another miner").count == 2)
            #expect(service.children("millrace-worker") == [worker])
        }

        @Test func aShardThatCannotAcceptWaitsInsteadOfSpinning() throws {
            let service = try Service(shards: 1)
            let miner = try service.miner("early")
            let worker = try #require(service.children("millrace-worker").first)
            // libzmq aborts at a connection that it cannot accept: here the collector must have its own already.
            try #require(eventually(within: 5) { service.worker("early") != nil })
            try limitDescriptors(of: worker, to: 4)
            // The kernel takes it; nobody greets it yet.
            let late = try LineMiner(port: service.minerPort)
            defer { withExtendedLifetime(late) {} }
            #expect(eventually(within: 3) { service.millrace.log.contains("cannot accept another miner") })
            let before = try #require(processorTicks(of: worker))
            for _ in 0..<5 {
                #expect(try miner.submit(difficulty: 1_000) == "OK")
                usleep(200_000)
            }
            #expect(try #require(processorTicks(of: worker)) - before < 30, "of 100 a second")
            try limitDescriptors(of: worker, to: 1_024)
            #expect(
                try eventually(within: 5) { try LineMiner(port: service.minerPort).isLetIn("later") },
                "\(service.millrace.log)")
            #expect(service.children("millrace-worker") == [worker])
        }

        /// The soft limit only, so that it may be raised again by anybody.
        private func limitDescriptors(of pid: pid_t, to count: Int) throws {
            let change = try Command(
                URL(filePath: "/usr/bin/prlimit"), ["--pid", "\(pid)", "--nofile=\(count):"])
            try #require(change.code == 0)
        }

        /// Processor time of a process so far, in hundredths of a second.
        private func processorTicks(of pid: pid_t) -> Int? {
            let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)
            guard let fields = stat?.split(separator: ")").last?.split(separator: " ") else { return nil }
            return [11, 12].reduce(0) { $0 + (Int(fields[$1]) ?? 0) }
        }

        // MARK: - Pools

        @Test func aBackupServesUntilTheFirstPoolIsBack() throws {
            let scratch = Scratch()
            let backup = try PracticePool(in: scratch)
            let service = try Service(
                shards: 1,
                millrace: ["--url", "127.0.0.1:\(backup.port)", "--user", "b", "--retries", "1", "--retry-pause", "1"])
            let miner = try service.miner()
            #expect(try miner.submit(difficulty: 1_000) == "OK")
            #expect(eventually(within: 3) { service.pool.accepted == 1 })
            service.pool.kill()
            #expect(miner.hasNewJob(within: 5), "\(service.millrace.log)")
            #expect(try miner.submit(difficulty: 1_000) == "OK")
            #expect(eventually(within: 3) { backup.accepted == 1 }, "\(backup.program.log)")
            try service.replacePool()
            #expect(miner.hasNewJob(within: 5), "\(service.millrace.log)")
            #expect(try miner.submit(difficulty: 1_000) == "OK")
            #expect(eventually(within: 3) { service.pool.accepted == 1 }, "by the new process")
            #expect(eventually(within: 6) { service.accepted == 3 })
        }

        @Test func aMinerThatComesBeforeThePoolGetsItsReplyWithTheFirstJob() throws {
            let service = try Service(shards: 1)
            service.pool.kill()
            #expect(eventually(within: 3) { service.millrace.log.contains("trying again") })
            let miner = try LineMiner(port: service.minerPort)
            miner.sendLogin("early")
            #expect(miner.reply(to: 1, within: 0.5) == nil)
            try service.replacePool()
            let reply = try #require(miner.reply(to: 1), "\(service.millrace.log)")
            #expect((reply["result"] as? [String: Any])?["status"] as? String == "OK")
            #expect(try miner.submit(difficulty: 1_000) == "OK")
        }

        @Test func aPoolThatFallsSilentIsGivenUpAfterTwentySeconds() throws {
            let service = try Service(shards: 1)
            let miner = try service.miner()
            #expect(try miner.submit(difficulty: 1_000) == "OK")
            kill(service.pool.program.pid, SIGUSR2)
            usleep(100_000)
            let start = Date()
            #expect(try miner.submit(difficulty: 1_000, within: 25) == "Bad gateway")
            #expect((19...23).contains(Date().timeIntervalSince(start)))
            #expect(eventually(within: 1) { service.millrace.log.contains("no answer within 20 s") })
            try service.replacePool()
            #expect(miner.hasNewJob(within: 5))
            #expect(try miner.submit(difficulty: 1_000) == "OK")
        }

        @Test func aPoolThatKeepsTheNonceByteServesOneMinerForEachConnection() throws {
            let service = try Service(shards: 1, pool: ["--nicehash"])
            let miners = try (0..<3).map { _ in try LineMiner(port: service.minerPort) }
            for (number, miner) in miners.enumerated() { try miner.logIn("m\(number)") }
            for miner in miners { #expect(try miner.submit(difficulty: 1_000) == "OK") }
            #expect(Set(miners.compactMap { $0.job?["blob"] as? String }).count == 3)
            #expect(eventually(within: 3) { service.pool.connections == 3 && service.pool.accepted == 3 })
            #expect(service.pool.rejected?.count == 0)
            #expect(service.millrace.log.components(separatedBy: "reserves the first nonce byte").count == 2)
        }

        // MARK: - The API

        @Test func withThePortOfTheAPITakenMiningGoesOn() throws {
            let blocker = try Loopback.listening()
            let service = try Service(shards: 1, occupiedAPIPort: blocker.port)
            #expect(
                eventually(within: 5) { service.millrace.log.contains("cannot serve") }, "\(service.millrace.log)")
            let miner = try service.miner()
            #expect(try miner.submit(difficulty: 1_000) == "OK")
            close(blocker.descriptor)
            #expect(eventually(within: 5) { service.accepted == 1 }, "\(service.millrace.log)")
        }
    }
}
