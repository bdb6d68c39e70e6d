import Addresses
import Testing

@testable import HTTPServing

/// How often an address may send a wrong token.
@Suite struct TokenGuessesTests {
    private let one = Network("192.0.2.1")!
    private let two = Network("192.0.2.2")!

    private func guess(_ text: String, _ client: Network, _ guesses: inout TokenGuesses, at now: Int64) -> Bool {
        guard guesses.mayTry(client, at: now) else { return false }
        Array(text.utf8).withUnsafeBytes { guesses.countWrong($0, from: client, at: now) }
        return true
    }

    private func mayTry(_ client: Network, _ guesses: inout TokenGuesses, at now: Int64) -> Bool {
        guesses.mayTry(client, at: now)
    }

    @Test func guessingBecomesSlowForThatAddress() {
        var guesses = TokenGuesses()
        let tried = (0..<75_000).count { guess("guess \($0)", one, &guesses, at: 1_000) }
        #expect(tried == TokenGuesses.attemptsMax)
        #expect(guesses.counts == .init(missing: 0, wrong: 30, throttled: 74_970))
        #expect(mayTry(two, &guesses, at: 1_000))
        // One more every two seconds, and all of them after a minute.
        #expect(!mayTry(one, &guesses, at: 2_999))
        #expect(guess("late", one, &guesses, at: 3_000))
        #expect(!mayTry(one, &guesses, at: 3_001))
        let later = (0..<100).count { guess("later \($0)", one, &guesses, at: 200_000) }
        #expect(later == TokenGuesses.attemptsMax)
    }

    /// A dashboard with an old token, and the operator behind the same address.
    @Test func oneWrongTokenAgainAndAgainShutsNobodyOut() {
        var guesses = TokenGuesses()
        for second in 0..<10_000 {
            #expect(guess("old token", one, &guesses, at: Int64(second)))
            if second % 3_000 == 0 { #expect(guess("typo \(second)", one, &guesses, at: Int64(second))) }
        }
        #expect(guesses.counts.wrong == 10_004)
        #expect(mayTry(one, &guesses, at: 10_000))
    }

    @Test func aMinuteOfGuessesIsOneReport() {
        var guesses = TokenGuesses()
        #expect(guesses.report(at: 0) == nil)
        for number in 0..<50 { _ = guess("a\(number)", one, &guesses, at: 0) }
        for _ in 0..<7 { _ = guess("b", two, &guesses, at: 0) }
        #expect(guesses.report(at: 10) == .init(count: 57, address: one, most: 50, addresses: 2))
        _ = guess("c", two, &guesses, at: 20)
        for second in 1..<60 { #expect(guesses.report(at: Int64(second) * 1_000) == nil) }
        #expect(guesses.report(at: 60_010) == .init(count: 1, address: two, most: 1, addresses: 1))
        #expect(guesses.report(at: 999_999) == nil)
    }

    @Test func theTableOfGuessersIsBounded() {
        var guesses = TokenGuesses()
        _ = guess("x", one, &guesses, at: 0)
        for number in 0..<5_000 {
            let client = Network("10.\(number / 65_536).\(number / 256 % 256).\(number % 256)")!
            _ = guess("y", client, &guesses, at: Int64(number))
        }
        #expect(guesses.report(at: 5_000)?.addresses == TokenGuesses.addressesMax)
    }
}
