import StratumSession
import Telemetry
import Testing

@testable import StratumWorker

@Suite struct LoopDelayTests {
    private let millisecond: UInt64 = 1_000_000

    @Test func aTurnIsAsLateAsItIsLong() {
        var delay = LoopDelay()
        delay.turnEnded(at: 1_000 * millisecond + 700_000, began: 1_000)
        #expect(delay.takeWorst() == 0)
        delay.turnEnded(at: 1_031 * millisecond, began: 1_000)
        delay.turnEnded(at: 1_036 * millisecond, began: 1_031)
        #expect(delay.takeWorst() == 30_000)
        #expect(delay.takeWorst() == 0)
    }

    @Test func aTickThatComesLateShowsThatTheProcessDidNotRun() {
        var delay = LoopDelay()
        delay.ticked(at: 5 * millisecond, period: 100)
        delay.ticked(at: 105 * millisecond, period: 100)
        #expect(delay.takeWorst() == 0)
        delay.ticked(at: 455 * millisecond, period: 100)
        #expect(delay.takeWorst() == 249_000)
        // The next measurement starts from zero.
        delay.ticked(at: 555 * millisecond, period: 100)
        #expect(delay.takeWorst() == 0)
    }

    @Test func clocksThatDisagreeDelayNothing() {
        var delay = LoopDelay()
        delay.turnEnded(at: 5, began: .max)
        delay.ticked(at: 10 * millisecond, period: 100)
        delay.ticked(at: 9 * millisecond, period: 100)
        #expect(delay.takeWorst() == 0)
    }
}

@Suite struct UpstreamGaugeTests {
    private func view(_ change: (inout UpstreamView) -> Void) -> UpstreamView {
        var view = UpstreamView(id: 3)
        change(&view)
        return view
    }

    @Test func momentsBecomeTimesOfDay() {
        let view = view {
            $0.loggedInAt = Instant(microseconds: 4_000_000)
            $0.jobAt = Instant(microseconds: 9_500_000)
        }
        let gauge = UpstreamGauge(view, at: Instant(microseconds: 10_000_000), time: 1_795_305_600_000)
        #expect(gauge.loggedInAt == 1_795_305_594_000)
        #expect(gauge.jobAt == 1_795_305_599_500)
        #expect(UpstreamGauge(self.view { _ in }, at: Instant(microseconds: 10), time: 9).loggedInAt == 0)
        #expect(UpstreamGauge(view, at: Instant(microseconds: 10_000_000), time: 5).jobAt == 0)
    }

    @Test func eachStateHasItsWord() {
        for (state, word) in [(.active, .active), (.sleeping, .sleeping), (.error, .error)]
            as [(UpstreamView.State, UpstreamGauge.State)]
        {
            let gauge = UpstreamGauge(view { $0.state = state }, at: Instant(microseconds: 0), time: 0)
            #expect(gauge.state == word)
            #expect(gauge.id == 3)
        }
    }
}
