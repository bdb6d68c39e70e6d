public import Addresses

extension PeerTable {
    /// Whether a connection is accepted.
    public enum Admission: Equatable, Sendable {
        /// The time in microseconds until its login may be read.
        case admitted(after: UInt64)
        case refused(PeerRefusal)
    }

    /// Decides whether a connection of this address is accepted, and when its login may be read.
    public func admit(_ peer: Peer, _ network: Network, _ limits: PeerLimits, at now: UInt64) -> Admission {
        let record = record(peer.index)
        if words[record + Field.bannedUntil] > now, !network.isLoopback { return .refused(.banned) }
        if limits.connections > 0, counts(of: peer).connections >= limits.connections { return .refused(.connections) }
        guard limits.logins > 0 else { return .admitted(after: 0) }
        let cost = 1_000_000 / UInt64(limits.logins)
        let delay = spend(
            cost, of: UInt64(limits.burst) * cost, atMost: PeerLimits.delayMax, from: record + Field.loginsPaid, at: now
        )
        return delay.map { .admitted(after: $0) } ?? .refused(.logins)
    }

    /// Whether one more connection of the address may take longer than a second to log in.
    public func mayWait(_ peer: Peer, _ limits: PeerLimits) -> Bool {
        limits.waiting == 0 || counts(of: peer).waiting < limits.waiting
    }

    /// Spends an amount of an allowance that recovers with time.
    /// - Parameters:
    ///   - burst: how much may be spent at once.
    ///   - delayMax: the longest wait; if it would be longer, nothing is spent.
    ///   - word: the index of the word with the time up to which everything is paid for.
    /// - Returns: the time to wait in microseconds; nil when it would be longer than `delayMax`.
    private func spend(_ cost: UInt64, of burst: UInt64, atMost delayMax: UInt64, from word: Int, at now: UInt64)
        -> UInt64?
    {
        while true {
            let paid = words[word]
            let next = max(paid, now) + cost
            let ahead = next - now
            let delay = ahead > burst ? ahead - burst : 0
            guard delay <= delayMax else { return nil }
            if words.replace(paid, by: next, at: word) { return delay }
        }
    }

    /// Counts a refusal, for the address and in total.
    /// - Parameters:
    ///   - peer: nil for an address that is not tracked.
    ///   - isDry: `millrace.limits.dry-run` is on, so the connection is accepted all the same.
    public func count(_ refusal: PeerRefusal, of peer: Peer?, isDry: Bool) {
        words.add(1, at: (isDry ? Place.dryRefusals : Place.refusals) + Int(refusal.rawValue))
        if let peer, isCurrent(peer) { words.add(1, at: record(peer.index) + Field.refusals + Int(refusal.rawValue)) }
    }

    /// Connections refused since the table was made.
    public func refused(_ refusal: PeerRefusal, isDry: Bool = false) -> UInt64 {
        words[(isDry ? Place.dryRefusals : Place.refusals) + Int(refusal.rawValue)]
    }

    /// How often an address found no place.
    public var untracked: UInt64 { words[Place.untracked] }

    // MARK: - Bans

    /// Counts a protocol fault of a connection. Too many within a minute ban the address, unless a miner there has had
    /// a share accepted in the last hour, or the address is loopback.
    /// - Returns: the length in seconds of a ban that begins now.
    public func fault(_ peer: Peer, _ network: Network, _ limits: PeerLimits, at now: UInt64) -> Int? {
        guard limits.faults > 0, isCurrent(peer) else { return nil }
        let record = record(peer.index)
        let cost = 60_000_000 / UInt64(limits.faults)
        guard spend(cost, of: 60_000_000, atMost: 0, from: record + Field.faultsPaid, at: now) == nil,
            !network.isLoopback, words[record + Field.bannedUntil] <= now
        else { return nil }
        let provenAt = words[record + Field.provenAt]
        guard provenAt == 0 || now > provenAt + PeerLimits.provenLife else { return nil }
        return ban(record, limits, at: now)
    }

    /// A pool has accepted a share of a miner at the address.
    public func proved(_ peer: Peer, at now: UInt64) {
        if isCurrent(peer) { words[record(peer.index) + Field.provenAt] = now }
    }

    private func ban(_ record: Int, _ limits: PeerLimits, at now: UInt64) -> Int {
        let last = words[record + Field.bannedUntil]
        let isForgotten = last == 0 || now > last + PeerLimits.banSecondsMax * 1_000_000
        let before = isForgotten ? 0 : min(words[record + Field.bans], 16)
        let seconds = min(UInt64(limits.banSeconds) << before, PeerLimits.banSecondsMax)
        words[record + Field.bans] = before + 1
        words[record + Field.bannedUntil] = now + seconds * 1_000_000
        return Int(seconds)
    }

    /// Ends a ban and forgets earlier ones.
    /// - Returns: whether the address was banned.
    public func unban(_ network: Network, at now: UInt64) -> Bool {
        guard let peer = find(network) else { return false }
        let record = record(peer.index)
        let wasBanned = words[record + Field.bannedUntil] > now
        words[record + Field.bannedUntil] = 0
        words[record + Field.bans] = 0
        words[record + Field.faultsPaid] = 0
        return wasBanned
    }
}
