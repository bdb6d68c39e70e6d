import Testing

@testable import StratumSession

struct FailureReportsTests {
    private func second(_ number: UInt64) -> Instant { Instant(microseconds: 1_000_000_000 + number * 1_000_000) }

    @Test func theSameFailureIsToldOnceAMinute() {
        var reports = FailureReports()
        let told = (0..<130).filter { reports.isNews(.connectTimeout, at: second(UInt64($0))) }
        #expect(told == [0, 60, 120])
    }

    @Test func anotherFailureIsNewsAndSoIsTheSameAfterARecovery() {
        var reports = FailureReports()
        let first = reports.isNews(.connectTimeout, at: second(0))
        let other = reports.isNews(.noAnswer, at: second(1))
        let again = reports.isNews(.noAnswer, at: second(2))
        reports.recovered()
        let afterRecovery = reports.isNews(.noAnswer, at: second(3))
        #expect([first, other, again, afterRecovery] == [true, true, false, true])
    }

    @Test func aPoolThatFailsInANewWayEachTimeDoesNotFloodTheLog() {
        var reports = FailureReports()
        let told = (0..<1_000).filter { reports.isNews(.connection("reason \($0)"), at: second(UInt64($0) / 100)) }
        #expect(told.count == FailureReports.perWindowMax)
        let nextMinute = reports.isNews(.connection("later"), at: second(61))
        #expect(nextMinute)
    }
}
