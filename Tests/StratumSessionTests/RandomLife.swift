import Glibc
import StratumProtocol
import TestSupport

@testable import StratumSession

/// The seeds of so many random lives: a few with every test run, as many as you like with `MILLRACE_LIVES=1000`.
func lives(_ count: UInt64) -> [UInt64] {
    Array(1...(getenv("MILLRACE_LIVES").flatMap { UInt64(String(cString: $0)) } ?? count))
}

extension ShardHarness {
    /// One thing that happens by chance, anything that may.
    func live(_ dice: inout SeededGenerator) {
        let mining = miners.filter { $0.isConnected && !$0.jobs.isEmpty }
        let pool = dice.number(0...pools.count - 1)
        switch dice.number(0...99) {
        case 0..<8: join(dice.number(0...2) == 0 ? "farm+5000" : "farm")
        case 8..<12: if let miner = dice.one(of: mining) { leave(miner) }
        case 12..<52: if let miner = dice.one(of: mining) { submit(miner, &dice) }
        case 52..<55: if let miner = dice.one(of: mining) { keepalive(miner) }
        case 55..<57: if let miner = dice.one(of: mining) { login(miner) }
        case 57..<59:
            if let miner = dice.one(of: miners.filter(\.isConnected)) { send("nonsense", from: miner) }
        case 59..<64: newJob(pool: pool)
        case 64..<66: newJob(pool: pool) { $0.work -= 1 }
        case 66..<69: if let peer = dice.one(of: open(pool)) { drop(peer) }
        case 69..<75:
            pools[pool].verdict = dice.one(of: [.accept, .accept, .withhold, refusal])!
        case 75..<85:
            if let peer = dice.one(of: peers), let share = dice.one(of: peer.owed) {
                answer(share, of: peer, refusal: dice.number(0...3) == 0 ? "Low difficulty share" : nil)
            }
        case 85..<88: pools[pool].door = dice.one(of: [.open, .open, .closed, .silent])!
        case 88..<90:
            pools[pool].login = dice.one(of: [.welcome, .welcome, .withoutJob, .refused("no"), .unanswered])!
        case 90: newJob(pool: pool) { $0.reservedByte ^= 0x33 }
        case 92: changeList(&dice)
        case 91: if let peer = dice.one(of: peers) { send("{}{", from: peer) }
        default: pass(Milliseconds(UInt64(dice.number(1...300)) * 100))
        }
    }

    /// One thing that happens by chance, and for which nobody has to be placed anew.
    /// - Returns: false when time shall pass.
    func live(onlyWithThoseWhoAreThere dice: inout SeededGenerator) -> Bool {
        let mining = miners.filter { $0.isConnected && !$0.jobs.isEmpty }
        let pool = dice.number(0...pools.count - 1)
        switch dice.number(0...99) {
        case 0..<3: if let miner = dice.one(of: mining) { leave(miner) }
        case 3..<50: if let miner = dice.one(of: mining) { submit(miner, &dice) }
        case 50..<54: if let miner = dice.one(of: mining) { keepalive(miner) }
        case 54..<55: if let miner = dice.one(of: mining) { send("nonsense", from: miner) }
        case 55..<60: newJob(pool: pool)
        case 60..<62: newJob(pool: pool) { $0.work -= 1 }
        case 62..<65: if let peer = dice.one(of: open(pool)) { drop(peer) }
        case 65..<71:
            pools[pool].verdict = dice.one(of: [.accept, .accept, .withhold, refusal])!
        case 71..<81:
            if let peer = dice.one(of: peers), let share = dice.one(of: peer.owed) { answer(share, of: peer) }
        case 81..<84: pools[pool].door = dice.one(of: [.open, .open, .closed, .silent])!
        default: return false
        }
        return true
    }

    /// Pools come, go, come back, change places, or get another login.
    private func changeList(_ dice: inout SeededGenerator) {
        let numbers = (0..<dice.number(1...5)).map { _ in dice.number(0...5) }
        while pools.count < 6 { pools.append(PoolConduct()) }
        let isRenamed = dice.number(0...3) == 0
        let retries = dice.number(0...3)
        adopt { policy in
            policy.pools = numbers.map(ShardHarness.pool)
            if isRenamed { policy.pools[0].user = "another" }
            policy.retries = retries
        }
    }

    private func submit(_ miner: Miner, _ dice: inout SeededGenerator) {
        switch dice.number(0...19) {
        case 0: submit(miner, session: "0123456789abcdef")
        case 1: submit(miner, difficulty: 500)
        case 2: submit(miner, nonce: miner.lastNonce)
        case 3: submit(miner, algorithm: "rx/0")
        case 4: submit(miner, byte: UInt8(dice.number(0...255)), job: dice.one(of: miner.jobs)?.id)
        case 5..<9: submit(miner, job: dice.one(of: miner.jobs.suffix(3).map(\.id)))
        case 9..<11: if miner.job?.target == "711b0d00" { submit(miner, difficulty: 6_000) }
        default: submit(miner)
        }
    }
}
