internal import Configuration
internal import EventLoop

/// The addresses of the pools: asked for once per `dns.ttl`, handed out in turn (behaviour.md §9).
///
/// When names cannot be looked up any more, the addresses of the last time are as good as any: a pool that we still talk
/// to must not become unreachable for new connections because of a name server.
final class PoolAddresses {
    typealias Lookup = (
        _ host: String, _ port: UInt16, AddressFamily, @escaping (Result<[SocketAddress], SystemFailure>) -> Void
    ) -> Void

    private struct Entry {
        var addresses: [SocketAddress] = []
        var next = 0
        var expiresAt: UInt64 = 0
        /// Who waits for the answer that is under way.
        var waiting: [(Result<SocketAddress, SystemFailure>) -> Void] = []
    }

    private let settings: Settings
    private let lookup: Lookup
    private let nanoseconds: () -> UInt64
    private var entries: [Entry]

    /// Asks the system, on `loop`.
    convenience init(_ settings: Settings, loop: Loop) {
        self.init(
            settings, nanoseconds: { loop.nanoseconds },
            lookup: { host, port, family, answered in
                Resolver.resolve(host: host, port: port, family: family, on: loop, answered: answered)
            })
    }

    /// - Parameter nanoseconds: a clock that never goes back.
    init(_ settings: Settings, nanoseconds: @escaping () -> UInt64, lookup: @escaping Lookup) {
        self.settings = settings
        self.nanoseconds = nanoseconds
        self.lookup = lookup
        entries = Array(repeating: Entry(), count: settings.pools.count)
    }

    /// Calls back with the pool's next address; perhaps before it returns.
    func next(for pool: Int, _ answered: @escaping (Result<SocketAddress, SystemFailure>) -> Void) {
        let host = settings.pools[pool].host
        let port = settings.pools[pool].port
        if let numeric = try? SocketAddress(host: host, port: port) { return answered(.success(numeric)) }
        if nanoseconds() < entries[pool].expiresAt { return answered(take(pool)) }
        entries[pool].waiting.append(answered)
        guard entries[pool].waiting.count == 1 else { return }
        lookup(host, port, family) { [weak self] result in
            self?.resolved(pool, result)
        }
    }

    private var family: AddressFamily {
        switch settings.dns.ipVersion {
        case 4: .ipv4
        case 6: .ipv6
        default: .any
        }
    }

    private func resolved(_ pool: Int, _ result: Result<[SocketAddress], SystemFailure>) {
        let waiting = entries[pool].waiting
        entries[pool].waiting = []
        switch result {
        case .failure(let failure):
            let isKnown = !entries[pool].addresses.isEmpty
            for answered in waiting { answered(isKnown ? take(pool) : .failure(failure)) }
        case .success(let addresses):
            entries[pool].addresses = addresses
            entries[pool].next = Int.random(in: addresses.indices)
            entries[pool].expiresAt = nanoseconds() + UInt64(settings.dns.ttlSeconds) * 1_000_000_000
            for answered in waiting { answered(take(pool)) }
        }
    }

    private func take(_ pool: Int) -> Result<SocketAddress, SystemFailure> {
        let addresses = entries[pool].addresses
        defer { entries[pool].next = (entries[pool].next + 1) % addresses.count }
        return .success(addresses[entries[pool].next])
    }
}
