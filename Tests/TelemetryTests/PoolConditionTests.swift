import Testing

@testable import Telemetry

/// What several shards say of one pool.
struct PoolConditionTests {
    private func condition(_ failures: UInt32, _ reason: String = "", guardedAt: UInt64 = 0) -> PoolCondition {
        var condition = PoolCondition()
        (condition.failures, condition.reason, condition.guardedAt) = (failures, reason, guardedAt)
        return condition
    }

    @Test func failuresAreAddedAndTheFirstReasonIsTold() {
        var all = condition(0)
        for one in [condition(2, "refused"), condition(0), condition(7, "silent")] { all.add(one) }
        #expect(all == condition(9, "refused"))
        all.add(condition(.max, ""))
        #expect(all.failures == .max)
    }

    @Test func theLongestGuardCounts() {
        var all = condition(0)
        for time in [UInt64(0), 500, 300, 400, 0] { all.add(condition(0, guardedAt: time)) }
        #expect(all.guardedAt == 300)
    }
}
