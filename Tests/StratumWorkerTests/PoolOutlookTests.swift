import Logging
import StratumSession
import Testing

@testable import StratumWorker

@Suite struct PoolOutlookTests {
    private var outlook = PoolOutlook(pools: ["a:1", "b:2", "c:3"])

    private func at(_ seconds: UInt64) -> Instant { Instant(microseconds: 1_000_000_000 + seconds * 1_000_000) }

    @Test mutating func theFirstPoolAtTheStartIsNoNews() {
        #expect(outlook.active("a:1", at: at(0)) == nil)
        #expect(outlook.active("a:1", at: at(1)) == nil)
    }

    @Test mutating func aBackupAtTheStartIsNews() {
        outlook.failed("a:1", "connection refused")
        #expect(outlook.active("b:2", at: at(2))?.text == "now mining at b:2 (a:1: connection refused, 1 try)")
        #expect(outlook.active("a:1", at: at(62))?.text == "back at a:1 after 60 s")
    }

    @Test mutating func aBackupIsToldWithTheReasonsAgainstTheBetterOnes() {
        _ = outlook.active("a:1", at: at(0))
        outlook.failed("a:1", "connection refused")
        outlook.failed("a:1", "connection refused")
        #expect(
            outlook.active("b:2", at: at(3))
                == .init(level: .notice, text: "now mining at b:2 (a:1: connection refused, 2 tries)"))
        outlook.failed("b:2", "closed by the pool")
        #expect(
            outlook.active("c:3", at: at(9))?.text
                == "now mining at c:3 (a:1: connection refused, 2 tries; b:2: closed by the pool, 1 try)")
        #expect(outlook.active("a:1", at: at(423))?.text == "back at a:1 after 7 min")
        #expect(outlook.active("a:1", at: at(424)) == nil)
    }

    @Test mutating func anOutageIsToldAtOnceEachMinuteAndAtItsEnd() {
        _ = outlook.active("a:1", at: at(0))
        #expect(outlook.second(hasPool: true, waiting: 0, refused: 5, at: at(1)) == nil)
        outlook.failed("a:1", "connection refused")
        for second in 2..<4 as Range<UInt64> {
            #expect(outlook.second(hasPool: false, waiting: 40, refused: 5, at: at(second)) == nil)
        }
        #expect(
            outlook.second(hasPool: false, waiting: 40, refused: 5, at: at(4))
                == .init(
                    level: .error,
                    text: "no pool for 2 s: 40 miners waiting, 0 shares refused since; a:1: connection refused, 1 try"))
        for second in 5..<64 as Range<UInt64> {
            #expect(outlook.second(hasPool: false, waiting: 40, refused: 5 + second, at: at(second)) == nil)
        }
        outlook.failed("a:1", "no answer within 20 s")
        #expect(
            outlook.second(hasPool: false, waiting: 1, refused: 715, at: at(64))?.text
                == "no pool for 62 s: 1 miner waiting, 710 shares refused since; a:1: no answer within 20 s, 2 tries")
        #expect(
            outlook.second(hasPool: true, waiting: 0, refused: 715, at: at(73))
                == .init(level: .notice, text: "mining again after 71 s without a pool; 710 shares refused meanwhile"))
        #expect(outlook.second(hasPool: true, waiting: 0, refused: 715, at: at(74)) == nil)
    }

    @Test(arguments: ["connection refused", "login refused: \"bad wallet\"", "no answer within 10 s"])
    mutating func aFirstPoolThatFailsWhileABackupServesIsALimitation(_ reason: String) {
        var outlook = PoolOutlook(pools: ["a:1", "b:2", "c:3"])
        #expect(outlook.limitation(used: ["a:1"], isNeeded: true) == nil)
        for _ in 0..<3 { outlook.failed("a:1", reason) }
        outlook.failed("c:3", "no route")
        _ = outlook.active("b:2", at: at(0))
        #expect(outlook.limitation(used: ["b:2"], isNeeded: true) == "a:1 cannot be used (\(reason)); mining at b:2")
        #expect(outlook.failures(of: "a:1")?.tries == 3 && outlook.failures(of: "a:1")?.reason == reason)
        #expect(outlook.failures(of: "c:3") == nil)  // after the pool in use: not tried any more
        #expect(outlook.limitation(used: ["a:1", "b:2"], isNeeded: true) == nil)
        #expect(outlook.limitation(used: [], isNeeded: false) == nil)
        _ = outlook.active("a:1", at: at(9))
        #expect(outlook.failures(of: "a:1") == nil && outlook.limitation(used: ["a:1"], isNeeded: true) == nil)
    }

    @Test mutating func thatNoPoolCanBeUsedIsALimitationOnceItIsTold() {
        var outlook = PoolOutlook(pools: ["a:1", "b:2"])
        outlook.failed("a:1", "connection refused")
        outlook.failed("b:2", "no answer")
        _ = outlook.second(hasPool: false, waiting: 1, refused: 0, at: at(0))
        #expect(outlook.limitation(used: [], isNeeded: true) == nil)
        _ = outlook.second(hasPool: false, waiting: 1, refused: 0, at: at(3))
        #expect(
            outlook.limitation(used: [], isNeeded: true) == "none can be used (a:1: connection refused; b:2: no answer)"
        )
    }

    @Test mutating func aFirstAttemptThatIsUnderWayIsNoOutage() {
        for second in 0..<10 as Range<UInt64> {
            #expect(outlook.second(hasPool: false, waiting: 3, refused: 0, at: at(second)) == nil)
        }
        #expect(outlook.second(hasPool: true, waiting: 0, refused: 0, at: at(10)) == nil)
    }
}
