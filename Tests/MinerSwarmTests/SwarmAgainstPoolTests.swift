import Testing

/// The built programs against each other: what the miners were told is what the pool has counted, to the unit.
struct SwarmAgainstPoolTests {
    @Test(.timeLimit(.minutes(5))) func thePoolAndTheMinersCountTheSame() throws {
        let pool = try PoolProcess(["--job-interval", "0.3", "--reject-every", "10"])
        defer { pool.stop() }
        let swarm = try runSwarm(
            port: pool.port,
            ["--miners", "200", "--rate", "1000", "--seconds", "2", "--churn", "20", "--keepalive", "1"])
        #expect(swarm.status == 0)
        pool.stop()

        let seen = pool.report()
        let shares = try #require(seen["shares"] as? [String: Any])
        let told = try #require(swarm.report["shares"] as? [String: Any])
        let ok = try #require(told["ok"] as? Int)
        let refused = try #require(told["refused"] as? [String: Int])
        #expect(ok > 500)
        #expect(shares["accepted"] as? Int == ok)
        #expect((shares["rejected"] as? [String: Int]) == ["injected": refused.values.reduce(0, +)])
        #expect(Array(refused.keys) == ["Rejected by the practice pool"])
        #expect(told["lost"] as? Int == 0)
        #expect(swarm.report["nonce_conflicts"] as? Int == 0 && swarm.report["nonce_reuses"] as? Int == 0)
        #expect((seen["protocol_faults"] as? [String: Int]) == [:])
        #expect((seen["logins"] as? Int ?? 0) > 200)
    }

    @Test(.timeLimit(.minutes(5))) func aReservedNonceByteIsKept() throws {
        let pool = try PoolProcess(["--job-interval", "0.3", "--nicehash", "--target-bytes", "8"])
        defer { pool.stop() }
        let swarm = try runSwarm(port: pool.port, ["--miners", "50", "--in-flight", "--seconds", "1", "--strict"])
        #expect(swarm.status == 0)
        pool.stop()
        let shares = try #require(pool.report()["shares"] as? [String: Any])
        let told = try #require(swarm.report["shares"] as? [String: Any])
        #expect(shares["accepted"] as? Int == told["ok"] as? Int)
    }

    @Test(.timeLimit(.minutes(5))) func malformedInputDoesNotStopThePool() throws {
        let pool = try PoolProcess(["--job-interval", "0.3"])
        defer { pool.stop() }
        let hostile = try runSwarm(port: pool.port, ["--bad", "all", "--inputs", "2000", "--seconds", "20"])
        #expect(hostile.status == 0)
        let honest = try runSwarm(port: pool.port, ["--miners", "10", "--rate", "100", "--seconds", "1", "--strict"])
        #expect(honest.status == 0)
        pool.stop()
        #expect(pool.exitStatus == 0)
    }

    @Test func onlyThisMachineIsServedOrAttacked() throws {
        #expect(try run("millrace-practice-pool", ["--host", "0.0.0.0"]) != 0)
        #expect(try run("millrace-swarm", ["--connect", "192.0.2.1:3333"]) != 0)
    }
}
