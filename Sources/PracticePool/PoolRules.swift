internal import StratumProtocol

/// The behaviour of a practice pool towards its clients: everything that determines an answer.
struct PoolRules: Sendable {
    var target = ShareTarget(difficulty: 1_000, bytes: 4)
    var algorithm = "rx/0"
    var hasAlgo = true
    var hasKeepalive = true
    /// Reserve the fourth nonce byte, as nicehash.com and xmrig-proxy in nicehash mode do.
    var hasNicehash = false
    /// Refuse every login with this text.
    var loginError: String?
    /// Send the job in the login reply; otherwise it follows later as a notification.
    var loginCarriesJob = true
    var rejection = Rejection()
    /// Compute the hash of a share that passes all other checks.
    var verifiesHashes = false
}

/// Rejects good shares, which a proxy must relay and count.
struct Rejection: Sendable {
    /// The chance of a good share to be rejected, 0…100.
    var percent: Double = 0
    /// Reject every n-th good share; 0 = none.
    var every: UInt64 = 0
    var text = "Rejected by the practice pool"

    private var goodShares: UInt64 = 0

    init() {}

    /// Decides whether to reject the next good share.
    mutating func strikes(using generator: inout some RandomNumberGenerator) -> Bool {
        goodShares += 1
        if every > 0, goodShares.isMultiple(of: every) { return true }
        return percent > 0 && Double.random(in: 0..<100, using: &generator) < percent
    }
}

/// The target in a pool's jobs, and the difficulty that it represents for a miner.
///
/// A 4-byte target holds only the upper half of the full one, so the difficulty in use and in the counts differs
/// slightly from the requested one. Computed independently of the proxy's arithmetic, so that the pool detects errors
/// in it.
struct ShareTarget: Equatable, Sendable {
    /// The difficulty that a share must meet, and that it counts.
    let difficulty: UInt64
    /// Little-endian hexadecimal text.
    let text: [UInt8]

    /// - Parameters:
    ///   - difficulty: at least 1; with 4 bytes at most 2³²−1.
    ///   - bytes: 4 or 8.
    init(difficulty asked: UInt64, bytes: Int) {
        var text: [UInt8] = []
        if bytes == 8 {
            let full = UInt64.max / asked
            for shift in stride(from: 0, to: 64, by: 8) { text.append(hex: UInt8(truncatingIfNeeded: full >> shift)) }
            difficulty = UInt64.max / full
        } else {
            let short = UInt32.max / UInt32(asked)
            for shift in stride(from: 0, to: 32, by: 8) { text.append(hex: UInt8(truncatingIfNeeded: short >> shift)) }
            let full = UInt64.max / UInt64(UInt32.max / short)
            difficulty = UInt64.max / full
        }
        self.text = text
    }

    /// The last eight bytes of a hash, little-endian, are compared.
    func isMet(byHash hash: InlineArray<32, UInt8>) -> Bool {
        var tail: UInt64 = 0
        for index in 0..<8 { tail |= UInt64(hash[24 + index]) << UInt64(index * 8) }
        return tail == 0 || UInt64.max / tail >= difficulty
    }
}
