internal import Addresses
internal import Configuration
internal import DaemonKit
internal import Logging
internal import Peers

/// Which addresses may connect: the machine's table (`PeerTable`) with the limits of the configuration. The shard's core never sees
/// it; a connection that is refused here is none for the core.
final class PeerGate {
    /// Whose connection it is.
    struct Source {
        let peer: PeerTable.Peer
        let network: Network
        /// On the list of those that no limit applies to.
        let isExempt: Bool
        /// It counts as waiting: a second has passed without its login.
        var isSlow = false
    }

    enum Verdict {
        /// Microseconds until its login is read.
        case admitted(Source?, after: UInt64)
        case refused(PeerRefusal)
    }

    let column: PeerColumn
    let limits: PeerLimits
    /// Refusals are counted and told, and nothing is refused.
    let isDryRun: Bool
    private let table: PeerTable
    private var lists = AddressLists()
    private var listVersion: UInt64 = 0
    /// Those with bytes that their miners have not taken, as told last.
    private var behind: [PeerTable.Peer] = []

    /// - Parameter descriptor: of the table; nil when the supervisor has none.
    init?(descriptor: Int32?, shard: Int, _ limits: Settings.Limits, _ log: Logger) {
        guard let table = descriptor.flatMap({ PeerTable(descriptor: $0) }) else {
            log.error(
                """
                no memory for the table of addresses: limits by address are off; raise ulimit -v and restart the service
                """)
            Degradation.set("limits", "no memory for the table of addresses; limits by address are off")
            return nil
        }
        self.table = table
        column = PeerColumn(table, shard: shard)
        self.limits = PeerLimits(limits)
        isDryRun = limits.isDryRun
        readLists()
    }

    /// This shard has no connections, or none that are counted yet.
    func forgetConnections() { column.clear() }

    /// Once a second: takes up what the supervisor has read.
    func readLists() {
        let version = table.listVersion
        guard version != listVersion, let lists = table.lists(of: version) else { return }
        self.lists = lists
        listVersion = version
    }

    /// - Parameter now: microseconds, as in the table.
    func judge(_ address: IPAddress, at now: UInt64) -> Verdict {
        if lists.denied.contains(address) { return .refused(.denied) }
        guard let source = source(of: address, at: now) else { return .admitted(nil, after: 0) }
        guard !source.isExempt else { return .admitted(source, after: 0) }
        switch table.admit(source.peer, source.network, limits, at: now) {
        case .admitted(let delay): return .admitted(source, after: delay)
        case .refused(let reason): return .refused(reason)
        }
    }

    /// The place of an address; nil when it is not tracked.
    func source(of address: IPAddress, at now: UInt64) -> Source? {
        let network = Network(address)
        return table.peer(network, at: now).map {
            Source(peer: $0, network: network, isExempt: lists.allowed.contains(address))
        }
    }

    func count(_ refusal: PeerRefusal, of address: IPAddress) {
        table.count(refusal, of: table.find(Network(address)), isDry: isDryRun)
    }

    /// Whether one more connection of the address may take so long for its login.
    func mayWait(_ source: Source) -> Bool { source.isExempt || table.mayWait(source.peer, limits) }

    /// - Returns: seconds of a ban that begins now.
    func fault(_ source: Source, at now: UInt64) -> Int? {
        guard !source.isExempt, !isDryRun else { return nil }
        return table.fault(source.peer, source.network, limits, at: now)
    }

    /// A pool has accepted a share from there.
    func proved(_ source: Source, at now: UInt64) { table.proved(source.peer, at: now) }

    // MARK: - Quarantines that other shards know of

    /// For the names of miners in the table, the same in all shards.
    var conductSalt: UInt64 { table.conductSalt }

    func conduct(of key: UInt64, at now: UInt64) -> KnownConduct? { table.conduct(of: key, at: now) }

    func know(_ conduct: KnownConduct, of key: UInt64) { table.know(conduct, of: key) }

    /// What waits for miners that do not read.
    func tellUnsent(_ waiting: some Sequence<(Source?, Int)>) {
        for peer in behind { column.unsent(0, by: peer) }
        var sums: [(peer: PeerTable.Peer, bytes: Int)] = []
        for case (let source?, let bytes) in waiting {
            if let index = sums.firstIndex(where: { $0.peer == source.peer }) {
                sums[index].bytes += bytes
            } else if sums.count < PeerGate.behindMax {
                sums.append((source.peer, bytes))
            }
        }
        for sum in sums { column.unsent(sum.bytes, by: sum.peer) }
        behind = sums.map(\.peer)
    }

    /// Addresses whose unsent bytes are told; the search is a walk.
    private static let behindMax = 64
}

extension PeerLimits {
    init(_ settings: Settings.Limits) {
        self.init()
        connections = settings.connections
        waiting = settings.waiting
        logins = settings.logins
        burst = settings.burst
        faults = settings.faults
        banSeconds = settings.banSeconds
    }
}
