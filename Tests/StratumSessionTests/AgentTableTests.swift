import StratumProtocol
import Testing

@testable import StratumSession

struct AgentTableTests {
    @Test func eachAgentHasOneNumber() {
        var agents = AgentTable()
        #expect(agents.number(of: "XMRig/6.26.0") == 0)
        #expect(agents.number(of: "SRBMiner/2.4.1") == 1)
        #expect(agents.number(of: "XMRig/6.26.0") == 0)
        #expect(agents[0] == "XMRig/6.26.0" && agents[1] == "SRBMiner/2.4.1" && agents[2] == nil)
        #expect(agents.number(of: "short") == nil)
        #expect(agents.agents.count == 2)
    }

    /// By bytes: an agent goes out as it came in.
    @Test func agentsThatMerelyLookAlikeAreTwo() {
        var agents = AgentTable()
        #expect(agents.number(of: "caf\u{e9} miner") == 0)
        #expect(agents.number(of: "cafe\u{301} miner") == 1)
    }

    @Test func strangersCannotMakeItGrowForEver() {
        var agents = AgentTable()
        for number in 0..<AgentTable.countMax { #expect(agents.number(of: "agent number \(number)") == UInt8(number)) }
        #expect(agents.number(of: "one too many") == nil)
        #expect(agents.number(of: "agent number 255") == 255)
    }

    private func join(_ harness: ShardHarness, agent: String) -> Miner {
        let miner = harness.connect()
        miner.owed.insert(1)
        harness.send(
            #"{"id":1,"method":"login","params":{"login":"farm","pass":"x","agent":"\#(agent)","algo":["cn/r"]}}"#,
            from: miner)
        return miner
    }

    /// In a shard: kept once, written once, and the same for those who come with one agent too many.
    @Test func minersAreIntroducedWithTheirOwnAgents() throws {
        let harness = ShardHarness()
        let names = (0..<300).map { "XMRig/6.26.\($0)" } + [String](repeating: "XMRig/6.26.0", count: 100)
        let miners = names.map { join(harness, agent: $0) }
        let successor = try read(written(harness.shard))
        for (miner, name) in zip(miners, names) {
            #expect(harness.shard.introduction(of: miner.id)?.agent == name)
            #expect(successor.introduction(of: miner.id)?.agent == name)
        }
        #expect(harness.shard.agents.agents.count == AgentTable.countMax)
    }

    /// A number that nobody has is damage: no introduction, and no trap.
    @Test func aDamagedTableLosesIntroductionsAtMost() throws {
        let (harness, miner) = ShardHarness.withMiner()
        var successor = try read(written(harness.shard))
        successor.agents = AgentTable()
        #expect(successor.introduction(of: miner.id) == nil)
    }

    @Test func anAbsorbingShardHasItsOwnNumbers() throws {
        let (here, there) = (ShardHarness(), ShardHarness(serial: 9))
        let stays = join(here, agent: "XMRig/6.26.0")
        let moves = (join(there, agent: "SRBMiner/2.4.1"), join(there, agent: "XMRig/6.26.0"))
        try here.absorb(there)
        #expect(here.shard.introduction(of: stays.id)?.agent == "XMRig/6.26.0")
        #expect(here.shard.introduction(of: moves.0.id)?.agent == "SRBMiner/2.4.1")
        #expect(here.shard.introduction(of: moves.1.id)?.agent == "XMRig/6.26.0")
        #expect(here.shard.agents.agents.count == 2)
    }
}
