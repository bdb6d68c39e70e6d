internal import Configuration
internal import EventLoop

/// The addresses of pools: looked up once per `dns.ttl`, handed out in turn.
///
/// With `dns.ip_version` 6 the IPv6 addresses come first. A host without any, and one whose IPv6 address could not be
/// reached, is tried by IPv4. With 4, IPv4 alone is used.
///
/// When a name cannot be looked up any more, the addresses of the last time serve on: a pool that we still talk to must
/// not become unreachable for new connections because of a name server.
final class PoolAddresses {
    typealias Lookup = (
        _ host: String, _ port: UInt16, AddressFamily, @escaping (Result<[SocketAddress], SystemFailure>) -> Void
    ) -> Void

    private struct Host: Hashable {
        let name: String
        let port: UInt16
    }

    private struct Entry {
        /// Those to prefer come first.
        var addresses: [SocketAddress] = []
        var preferredCount = 0
        var next = 0
        /// A preferred address could not be reached, so the next one is of the others.
        var wasUnreachable = false
        var expiresAt: UInt64 = 0
        /// Waiting for the answer that is under way.
        var waiting: [(Result<SocketAddress, SystemFailure>) -> Void] = []
    }

    /// Hosts that are remembered: the pools of a configuration, and where they may have sent us.
    static let hostsMax = 4 * Settings.poolsMax

    private let dns: Settings.DNS
    private let lookup: Lookup
    private let nanoseconds: () -> UInt64
    private var entries: [Host: Entry] = [:]

    /// Asks the system, on `loop`.
    convenience init(_ dns: Settings.DNS, loop: Loop) {
        self.init(
            dns, nanoseconds: { loop.nanoseconds },
            lookup: { host, port, family, answered in
                Resolver.resolve(host: host, port: port, family: family, on: loop, answered: answered)
            })
    }

    /// - Parameter nanoseconds: a clock that never goes back.
    init(_ dns: Settings.DNS, nanoseconds: @escaping () -> UInt64, lookup: @escaping Lookup) {
        self.dns = dns
        self.nanoseconds = nanoseconds
        self.lookup = lookup
    }

    /// Calls back with the host's next address; perhaps before it returns.
    func next(for name: String, port: UInt16, _ answered: @escaping (Result<SocketAddress, SystemFailure>) -> Void) {
        if let numeric = try? SocketAddress(host: name, port: port) { return answered(.success(numeric)) }
        let host = Host(name: name, port: port)
        makeRoom(for: host)
        if nanoseconds() < entries[host]?.expiresAt ?? 0, let known = take(host) { return answered(.success(known)) }
        entries[host, default: Entry()].waiting.append(answered)
        guard entries[host]?.waiting.count == 1 else { return }
        lookup(name, port, dns.ipVersion == 4 ? .ipv4 : .any) { [weak self] result in self?.resolved(host, result) }
    }

    /// An address that was handed out could not be reached.
    func failed(_ name: String, port: UInt16) {
        let host = Host(name: name, port: port)
        guard let entry = entries[host], entry.preferredCount < entry.addresses.count else { return }
        entries[host]?.wasUnreachable = true
    }

    /// How many hosts are remembered.
    var hostCount: Int { entries.count }

    private func makeRoom(for host: Host) {
        guard entries[host] == nil, entries.count >= PoolAddresses.hostsMax else { return }
        guard let victim = entries.first(where: { $0.value.waiting.isEmpty }) else { return }
        entries[victim.key] = nil
    }

    private func resolved(_ host: Host, _ result: Result<[SocketAddress], SystemFailure>) {
        guard var entry = entries[host] else { return }
        let waiting = entry.waiting
        entry.waiting = []
        if case .success(let found) = result {
            let preferred = dns.ipVersion == 6 ? found.filter(\.isIPv6) : found
            entry.addresses = preferred + (dns.ipVersion == 6 ? found.filter { !$0.isIPv6 } : [])
            entry.preferredCount = preferred.isEmpty ? found.count : preferred.count
            entry.next = Int.random(in: 0..<entry.preferredCount)
            entry.wasUnreachable = false
            entry.expiresAt = nanoseconds() + UInt64(dns.ttlSeconds) * 1_000_000_000
        }
        entries[host] = entry
        for answered in waiting {
            if let address = take(host) {
                answered(.success(address))
            } else if case .failure(let failure) = result {
                answered(.failure(failure))
            }
        }
    }

    /// - Returns: nil when no address is known.
    private func take(_ host: Host) -> SocketAddress? {
        guard var entry = entries[host], !entry.addresses.isEmpty else { return nil }
        defer { entries[host] = entry }
        if entry.wasUnreachable {
            // The others get one chance, then it is the turn of the preferred ones again.
            entry.wasUnreachable = false
            return entry.addresses[entry.preferredCount...].randomElement()
        }
        defer { entry.next = (entry.next + 1) % entry.preferredCount }
        return entry.addresses[entry.next]
    }
}
