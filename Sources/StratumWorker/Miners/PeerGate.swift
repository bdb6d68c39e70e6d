internal import Addresses
internal import Configuration
internal import DaemonKit
internal import Logging
internal import Peers

/// Decides by address which connections are accepted: the address table (`PeerTable`) with the limits of the
/// configuration. The core of the shard does not know a connection that is refused here.
final class PeerGate {
    /// The address of a connection in the table.
    struct Source {
        let peer: PeerTable.Peer
        let network: Network
        /// On the allow list, so that no limit applies.
        let isExempt: Bool
        /// It counts as waiting, because it has not logged in within a second.
        var isSlow = false
    }

    enum Verdict {
        /// Accepted; `after` is the delay before its login is read, in microseconds.
        case admitted(Source?, after: UInt64)
        case refused(PeerRefusal)
    }

    let column: PeerColumn
    let limits: PeerLimits
    /// In a dry run, refusals are counted and logged, but all connections are accepted.
    let isDryRun: Bool
    private let table: PeerTable
    private var lists = AddressLists()
    private var listVersion: UInt64 = 0
    /// Addresses with bytes that their miners have not read, as last reported.
    private var behind: [PeerTable.Peer] = []

    /// - Parameter descriptor: the table's descriptor; nil when the supervisor has no table.
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

    /// Clears this shard's column: it has no connections, or has not counted them yet.
    func forgetConnections() { column.clear() }

    /// Called once a second. Reads the lists that the supervisor has written.
    func readLists() {
        let version = table.listVersion
        guard version != listVersion, let lists = table.lists(of: version) else { return }
        self.lists = lists
        listVersion = version
    }

    /// - Parameter now: microseconds of the table's clock.
    func judge(_ address: IPAddress, at now: UInt64) -> Verdict {
        if lists.denied.contains(address) { return .refused(.denied) }
        guard let source = source(of: address, at: now) else { return .admitted(nil, after: 0) }
        guard !source.isExempt else { return .admitted(source, after: 0) }
        switch table.admit(source.peer, source.network, limits, at: now) {
        case .admitted(let delay): return .admitted(source, after: delay)
        case .refused(let reason): return .refused(reason)
        }
    }

    /// The row of an address; nil when it is not tracked.
    func source(of address: IPAddress, at now: UInt64) -> Source? {
        let network = Network(address)
        return table.peer(network, at: now).map {
            Source(peer: $0, network: network, isExempt: lists.allowed.contains(address))
        }
    }

    func count(_ refusal: PeerRefusal, of address: IPAddress) {
        table.count(refusal, of: table.find(Network(address)), isDry: isDryRun)
    }

    /// Whether one more connection of the address may wait for its login.
    func mayWait(_ source: Source) -> Bool { source.isExempt || table.mayWait(source.peer, limits) }

    /// - Returns: the length in seconds of a ban that starts now; nil when there is none.
    func fault(_ source: Source, at now: UInt64) -> Int? {
        guard !source.isExempt, !isDryRun else { return nil }
        return table.fault(source.peer, source.network, limits, at: now)
    }

    /// A pool accepted a share from the address.
    func proved(_ source: Source, at now: UInt64) { table.proved(source.peer, at: now) }

    // MARK: - Quarantines shared by all shards

    /// Salt for the keys of miners in the table; the same in all shards.
    var conductSalt: UInt64 { table.conductSalt }

    func conduct(of key: UInt64, at now: UInt64) -> KnownConduct? { table.conduct(of: key, at: now) }

    func know(_ conduct: KnownConduct, of key: UInt64) { table.know(conduct, of: key) }

    /// Reports the bytes queued for miners that do not read.
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

    /// Addresses whose queued bytes are reported. The limit keeps the linear search short.
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
