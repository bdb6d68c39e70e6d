internal import Configuration
internal import EventLoop

/// The addresses of pools. A name is looked up once per `dns.ttl`, and its addresses are used in turn.
///
/// With `dns.ip_version` 6 the IPv6 addresses come first. IPv4 is used for a host without IPv6, or whose IPv6 address
/// could not be reached. With 4, only IPv4 is used.
///
/// When a lookup fails, the previous addresses stay in use: a failed name server must not prevent new connections to a
/// pool.
final class PoolAddresses {
    typealias Lookup = (
        _ host: String, _ port: UInt16, AddressFamily, @escaping (Result<[SocketAddress], SystemFailure>) -> Void
    ) -> Void

    private struct Host: Hashable {
        let name: String
        let port: UInt16
    }

    private struct Entry {
        /// Preferred addresses come first.
        var addresses: [SocketAddress] = []
        var preferredCount = 0
        var next = 0
        /// A preferred address could not be reached; the next one is not a preferred one.
        var wasUnreachable = false
        var expiresAt: UInt64 = 0
        /// Callers that wait for the lookup in progress.
        var waiting: [(Result<SocketAddress, SystemFailure>) -> Void] = []
    }

    /// The number of hosts kept: the pools of a configuration, and the hosts they may redirect to.
    static let hostsMax = 4 * Settings.poolsMax

    private let dns: Settings.DNS
    private let lookup: Lookup
    private let nanoseconds: () -> UInt64
    private var entries: [Host: Entry] = [:]

    /// Looks names up with the system's resolver, on `loop`.
    convenience init(_ dns: Settings.DNS, loop: Loop) {
        self.init(
            dns, nanoseconds: { loop.nanoseconds },
            lookup: { host, port, family, answered in
                Resolver.resolve(host: host, port: port, family: family, on: loop, answered: answered)
            })
    }

    /// - Parameter nanoseconds: a monotonic clock.
    init(_ dns: Settings.DNS, nanoseconds: @escaping () -> UInt64, lookup: @escaping Lookup) {
        self.dns = dns
        self.nanoseconds = nanoseconds
        self.lookup = lookup
    }

    /// Calls back with the host's next address, possibly before it returns.
    func next(for name: String, port: UInt16, _ answered: @escaping (Result<SocketAddress, SystemFailure>) -> Void) {
        if let numeric = try? SocketAddress(host: name, port: port) { return answered(.success(numeric)) }
        let host = Host(name: name, port: port)
        makeRoom(for: host)
        if nanoseconds() < entries[host]?.expiresAt ?? 0, let known = nextAddress(of: host) {
            return answered(.success(known))
        }
        entries[host, default: Entry()].waiting.append(answered)
        guard entries[host]?.waiting.count == 1 else { return }
        lookup(name, port, dns.ipVersion == 4 ? .ipv4 : .any) { [weak self] result in self?.resolved(host, result) }
    }

    /// An address that `next` returned could not be reached.
    func failed(_ name: String, port: UInt16) {
        let host = Host(name: name, port: port)
        guard let entry = entries[host], entry.preferredCount < entry.addresses.count else { return }
        entries[host]?.wasUnreachable = true
    }

    /// The number of hosts kept.
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
            if let address = nextAddress(of: host) {
                answered(.success(address))
            } else if case .failure(let failure) = result {
                answered(.failure(failure))
            }
        }
    }

    /// - Returns: nil when no address is known.
    private func nextAddress(of host: Host) -> SocketAddress? {
        guard var entry = entries[host], !entry.addresses.isEmpty else { return nil }
        defer { entries[host] = entry }
        if entry.wasUnreachable {
            // The other addresses are tried once, then the preferred ones again.
            entry.wasUnreachable = false
            return entry.addresses[entry.preferredCount...].randomElement()
        }
        defer { entry.next = (entry.next + 1) % entry.preferredCount }
        return entry.addresses[entry.next]
    }
}
