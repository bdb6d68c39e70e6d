internal import Addresses

/// Who sends wrong tokens, and how often. Each address may try a number of different tokens, then one every few seconds:
/// beyond, its requests with a token are refused unseen, the right one too. A client that repeats one wrong token, such as
/// a dashboard with an old one, has tried one: it does not shut out others behind its address.
///
/// Time comes in as monotonic milliseconds.
struct TokenGuesses: Sendable {
    /// Different tokens that an address may try at once.
    static let attemptsMax = 30
    /// After which time it may try one more.
    static let attemptMillis: Int64 = 2_000
    /// Wrong tokens of an address that are known again. They are kept as hashes.
    static let remembered = 8
    /// Addresses that are remembered: the one that was silent for longest makes room.
    static let addressesMax = 1_024
    /// Between two lines of the log.
    static let reportMillis: Int64 = 60_000

    /// Requests that were refused, since this process began.
    struct Counts: Equatable, Sendable {
        /// They had no token.
        var missing: UInt64 = 0
        var wrong: UInt64 = 0
        /// Their token was not looked at.
        var throttled: UInt64 = 0
    }

    /// What the log says of one minute.
    struct Report: Equatable {
        var count: Int
        /// The address with the most, and how many it had.
        var address: Network
        var most: Int
        var addresses: Int
    }

    private struct Entry {
        var attempts = TokenGuesses.attemptsMax
        /// Since when the next attempt is being earned.
        var earningSince: Int64
        var lastAt: Int64
        var hashes: [Int] = []
        var unreported = 0
    }

    private(set) var counts = Counts()
    private var entries: [Network: Entry] = [:]
    private var reportedAt: Int64?

    /// A request without a token was refused.
    mutating func missed() { counts.missing += 1 }

    /// Whether a token of this client is looked at. When not, the request is counted as refused.
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

    /// This token was wrong.
    mutating func guessed(_ token: UnsafeRawBufferPointer, by client: Network?, at now: Int64) {
        counts.wrong += 1
        guard let client else { return }
        if entries[client] == nil { makeRoom() }
        var entry = entries[client] ?? Entry(earningSince: now, lastAt: now)
        entry.lastAt = now
        entry.unreported += 1
        // The seed of this hash is the process's own: no client can make two tokens alike.
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

    /// Call about once a second: what there is to tell, at most once a minute.
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
