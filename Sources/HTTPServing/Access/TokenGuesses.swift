package import Addresses

/// Counts wrong tokens by address.
///
/// An address may try a number of different tokens, then one every few seconds. Above, its requests with a token are
/// refused without checking the token, the right one included. A client that repeats one wrong token, such as a
/// dashboard with an old one, has tried one token: it does not block other clients behind its address.
///
/// Times are monotonic milliseconds.
package struct TokenGuesses: Sendable {
    /// Different tokens that an address may try at once.
    static let attemptsMax = 30
    /// Time after which it may try one more.
    static let attemptMillis: Int64 = 2_000
    /// Wrong tokens of an address that are recognised when they are repeated. They are kept as hashes.
    static let remembered = 8
    /// Addresses in the table. The one that was silent for longest is removed.
    static let addressesMax = 1_024
    /// Time between two reports.
    static let reportMillis: Int64 = 60_000

    /// Refused requests since the process started.
    package struct Counts: Equatable, Sendable {
        /// Without a token.
        package var missing: UInt64 = 0
        /// With a wrong token.
        package var wrong: UInt64 = 0
        /// With a token that was not checked.
        package var throttled: UInt64 = 0
    }

    /// The refused requests since the last report.
    package struct Report: Equatable, Sendable {
        package var count: Int
        /// The address with the most.
        package var address: Network
        /// The requests of `address`.
        package var most: Int
        /// Addresses with at least one.
        package var addresses: Int
    }

    private struct Entry {
        var attempts = TokenGuesses.attemptsMax
        /// The time from which the next attempt is earned.
        var earningSince: Int64
        var lastAt: Int64
        var hashes: [Int] = []
        var unreported = 0
    }

    private(set) var counts = Counts()
    private var entries: [Network: Entry] = [:]
    private var reportedAt: Int64?

    /// Counts a request that was refused because it had no token.
    mutating func countMissing() { counts.missing += 1 }

    /// Whether a token of this client is checked. If not, the request is counted as refused.
    mutating func mayTry(_ client: Network, at now: Int64) -> Bool {
        guard var entry = entries[client] else { return true }
        let earned = (now - entry.earningSince) / TokenGuesses.attemptMillis
        if earned > 0 {
            entry.attempts = min(entry.attempts + Int(earned), TokenGuesses.attemptsMax)
            entry.earningSince += earned * TokenGuesses.attemptMillis
        }
        if entry.attempts <= 0 {
            counts.throttled += 1
            entry.lastAt = now
            entry.unreported += 1
        }
        entries[client] = entry
        return entry.attempts > 0
    }

    /// Counts a request with a wrong token.
    mutating func countWrong(_ token: UnsafeRawBufferPointer, from client: Network?, at now: Int64) {
        counts.wrong += 1
        guard let client else { return }
        if entries[client] == nil { makeRoom() }
        var entry = entries[client] ?? Entry(earningSince: now, lastAt: now)
        entry.lastAt = now
        entry.unreported += 1
        // The seed of this hash differs in each process: a client cannot find two tokens with the same hash.
        var hasher = Hasher()
        hasher.combine(bytes: token)
        let hash = hasher.finalize()
        if !entry.hashes.contains(hash) {
            if entry.attempts == TokenGuesses.attemptsMax { entry.earningSince = now }
            entry.attempts -= 1
            if entry.hashes.count == TokenGuesses.remembered { entry.hashes.removeFirst() }
            entry.hashes.append(hash)
        }
        entries[client] = entry
    }

    private mutating func makeRoom() {
        guard entries.count >= TokenGuesses.addressesMax,
            let oldest = entries.min(by: { $0.value.lastAt < $1.value.lastAt })
        else { return }
        entries[oldest.key] = nil
    }

    /// What to log, at most once a minute. Call about once a second.
    mutating func report(at now: Int64) -> Report? {
        if let reportedAt, now - reportedAt < TokenGuesses.reportMillis { return nil }
        let told = entries.filter { $0.value.unreported > 0 }
        guard let most = told.max(by: { $0.value.unreported < $1.value.unreported }) else { return nil }
        reportedAt = now
        for client in told.keys { entries[client]?.unreported = 0 }
        return Report(
            count: told.values.reduce(0) { $0 + $1.unreported }, address: most.key, most: most.value.unreported,
            addresses: told.count)
    }
}
