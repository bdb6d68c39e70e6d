internal import StratumProtocol

/// How a practice pool behaves towards its clients: everything that decides about an answer, and nothing else.
struct PoolRules: Sendable {
    var target = ShareTarget(difficulty: 1_000, bytes: 4)
    var algorithm = "rx/0"
    var hasAlgo = true
    var hasKeepalive = true
    /// Reserves the fourth nonce byte, as nicehash.com and xmrig-proxy in nicehash mode do.
    var hasNicehash = false
    /// Every login is refused with this text.
    var loginError: String?
    /// The login reply carries the job; without it the job follows later, by itself.
    var loginCarriesJob = true
    var rejection = Rejection()
    /// A share that passes all other checks still waits for its hash to be computed.
    var verifiesHashes = false
}

/// Refuses shares that are right: what a proxy must relay and count, never hide.
struct Rejection: Sendable {
    /// 0…100: the chance of a good share to be refused.
    var percent: Double = 0
    /// Every n-th good share is refused; 0 = none.
    var every: UInt64 = 0
    var text = "Rejected by the practice pool"

    private var goodShares: UInt64 = 0

    init() {}

    /// Decides about the next good share.
    mutating func strikes(using generator: inout some RandomNumberGenerator) -> Bool {
        goodShares += 1
        if every > 0, goodShares.isMultiple(of: every) { return true }
        return percent > 0 && Double.random(in: 0..<100, using: &generator) < percent
    }
}

/// The target that a pool's jobs carry, and the difficulty that a miner reads out of it.
///
/// A 4-byte target holds only the upper half of the full one, so the difficulty that miners work at, and that is
/// counted, is not exactly the one asked for. Computed here anew, not with the proxy's own arithmetic: the pool is to
/// notice when that is wrong.
struct ShareTarget: Equatable, Sendable {
    /// What a share's hash must reach, and what it counts.
    let difficulty: UInt64
    /// Hexadecimal text, little endian.
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

    /// The last eight bytes of a hash are the number that counts, little endian.
    func isMet(byHash hash: InlineArray<32, UInt8>) -> Bool {
        var tail: UInt64 = 0
        for index in 0..<8 { tail |= UInt64(hash[24 + index]) << UInt64(index * 8) }
        return tail == 0 || UInt64.max / tail >= difficulty
    }
}
