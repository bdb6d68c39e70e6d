public import Addresses

/// The counts and bans of one address.
public struct PeerReport: Equatable, Sendable {
    public let network: Network
    public var connections = 0
    /// Connections that have not logged in for more than a second.
    public var waiting = 0
    // In the last complete window of ten seconds (`PeerRate`).
    public var connects = 0
    public var logins = 0
    public var requests = 0
    public var goodShares = 0
    public var badShares = 0
    /// Bytes that wait to be sent to its miners.
    public var unsentBytes = 0
    /// Refusals by `PeerRefusal`, since the address has its place.
    public var refusals = [UInt64](repeating: 0, count: PeerRefusal.allCases.count)
    /// Seconds until the ban ends; 0 = not banned.
    public var bannedSeconds = 0
    /// Bans within a day, including the current one.
    public var bans = 0

    public init(network: Network) { self.network = network }

    public var refused: UInt64 { refusals.reduce(0, +) }
    /// Bad shares as a fraction of all shares in the last complete window; nil without shares.
    public var badRatio: Double? {
        goodShares + badShares > 0 ? Double(badShares) / Double(goodShares + badShares) : nil
    }
}

extension PeerTable {
    /// The reports of all addresses that have a place, unordered.
    public func reports(at now: UInt64) -> [PeerReport] {
        (0..<PeerTable.peersMax).compactMap { index in
            let tag = words[Place.tags + index]
            return tag == 0 ? nil : report(Peer(index: index, tag: tag), at: now)
        }
    }

    public func report(_ peer: Peer, at now: UInt64) -> PeerReport {
        let record = record(peer.index)
        var report = PeerReport(network: Network(high: words[record + Field.high], low: words[record + Field.low]))
        report.refusals = PeerRefusal.allCases.map { words[record + Field.refusals + Int($0.rawValue)] }
        let bannedUntil = words[record + Field.bannedUntil]
        if bannedUntil > now {
            report.bannedSeconds = Int((bannedUntil - now + 999_999) / 1_000_000)
            report.bans = Int(words[record + Field.bans])
        }
        for shard in 0..<shards {
            let row = row(peer.index, shard: shard)
            let counts = PeerCounts(words[row + PeerColumn.Field.counts], of: peer)
            guard counts.owns(words[row + PeerColumn.Field.counts]) else { continue }
            func rate(_ field: Int) -> Int { PeerRate(words[row + field], at: now).count }
            report.connections += counts.connections
            report.waiting += counts.waiting
            report.connects += rate(PeerColumn.Field.connects)
            report.logins += rate(PeerColumn.Field.logins)
            report.requests += rate(PeerColumn.Field.requests)
            report.goodShares += rate(PeerColumn.Field.goodShares)
            report.badShares += rate(PeerColumn.Field.badShares)
            report.unsentBytes += Int(words[row + PeerColumn.Field.unsent])
        }
        return report
    }
}
