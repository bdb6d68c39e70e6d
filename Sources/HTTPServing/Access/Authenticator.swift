internal import Synchronization

/// Checks the access token of requests, and slows down addresses that guess it.
package final class Authenticator: Sendable {
    private let token: AccessToken?
    private let guesses = Mutex(TokenGuesses())

    /// - Parameter token: nil = none is needed.
    package init(token: AccessToken?) {
        self.token = token
    }

    /// Whether clients need a token.
    package var needsToken: Bool { token != nil }

    /// Throws 401 if the token is missing, 403 if it is wrong, 429 if the address has guessed too often.
    package func check(_ head: RequestHead) throws(HTTPError) {
        guard let token else { return }
        guard let sent = head.authorization else {
            guesses.withLock { $0.countMissing() }
            throw HTTPError(.unauthorized)
        }
        if let client = head.client, !guesses.withLock({ $0.mayTry(client, at: head.time) }) {
            throw HTTPError(.tooManyRequests)
        }
        guard !token.isSent(in: sent) else { return }
        // The pointer is used within the call only.
        nonisolated(unsafe) let bytes = sent
        guesses.withLock { $0.countWrong(bytes, from: head.client, at: head.time) }
        throw HTTPError(.forbidden)
    }

    /// Requests that were refused because of their token, since the process started.
    package var refusedCounts: TokenGuesses.Counts { guesses.withLock { $0.counts } }

    /// The wrong tokens since the last report; nil if there are none, or the last report is less than a minute old.
    /// Call about once a second.
    /// - Parameter now: monotonic milliseconds.
    package func report(at now: Int64) -> TokenGuesses.Report? { guesses.withLock { $0.report(at: now) } }
}
