import Testing

@testable import HTTPServing

@Suite struct BindRetryTests {
    @Test func itIsQuickAtFirstThenRare() {
        var retry = BindRetry()
        var (now, pauses): (Int64, [Int64]) = (1_000, [])
        #expect(retry.isDue(at: now))
        for _ in 0..<7 {
            let pause = retry.failed(at: now)
            pauses.append(pause)
            #expect(!retry.isDue(at: now + pause - 1))
            now += pause
            #expect(retry.isDue(at: now))
        }
        #expect(pauses == [2_000, 2_000, 2_000, 2_000, 2_000, 10_000, 10_000])
    }
}
