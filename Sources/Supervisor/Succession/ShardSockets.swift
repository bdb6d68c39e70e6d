internal import Configuration
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Logging

/// The listening sockets for miners: one for each shard and address. The supervisor opens and keeps them, so that a
/// connection that arrives while a shard is being replaced waits in the queue instead of being refused.
///
/// The kernel spreads new connections over all sockets of an address. A shard that has failed must therefore lose its
/// sockets; otherwise its part of the miners would wait in vain.
///
/// When the addresses change (`rebound`), each shard gets the new sockets with its next process. The former addresses
/// are served until every shard has the new ones (`closeFormer`), also by the new processes.
struct ShardSockets {
    /// An address and its sockets.
    private struct Place {
        /// The address as the configuration has it.
        var wanted: Settings.Bind
        /// The address with the port that the system chose for port 0.
        let address: SocketAddress
        /// By shard; -1 when closed.
        var descriptors: [Int32]

        var bind: Settings.Bind {
            var bind = wanted
            (bind.host, bind.port) = (address.host, address.port)
            return bind
        }
    }

    private var places: [Place] = []
    /// Addresses that were removed from the configuration.
    private var former: [Place] = []
    private(set) var shards: Int

    init(binds: [Settings.Bind], shards: Int, log: Logger) throws(StartFailure) {
        self.shards = shards
        var usable: [(Settings.Bind, SocketAddress)] = []
        for bind in binds {
            if let address = try self.usable(bind, log: log) { usable.append((bind, address)) }
        }
        for (bind, address) in usable { places.append(try open(bind, address, listens: true) { _ in true }) }
        try checkThatSomeAreLeft(binds)
    }

    /// The bound addresses, with the ports that the system chose for port 0.
    var binds: [Settings.Bind] { places.map(\.bind) }

    /// Addresses that were removed from the configuration and are still served.
    var formerBinds: [Settings.Bind] { former.map(\.bind) }

    /// The open sockets of a shard: those of `binds` in order, then those of `formerBinds`.
    func descriptors(of shard: Int) -> [Int32] {
        (places + former).map { $0.descriptors[shard] }.filter { $0 >= 0 }
    }

    /// Opens the closed sockets of a shard.
    mutating func open(shard: Int) throws(StartFailure) {
        for index in places.indices where places[index].descriptors[shard] < 0 {
            places[index].descriptors[shard] = try ShardSockets.open(places[index].address)
        }
    }

    /// Closes the sockets of a shard. The kernel then gives its part of new connections to the other shards.
    mutating func close(shard: Int) {
        for descriptor in descriptors(of: shard) { Glibc.close(descriptor) }
        for index in places.indices { places[index].descriptors[shard] = -1 }
        for index in former.indices { former[index].descriptors[shard] = -1 }
    }

    // MARK: - Change of addresses

    /// Returns the sockets for these addresses. An address that stays keeps its sockets. Sockets of new addresses are
    /// bound but do not listen; the processes that inherit them start to listen. Throws the reason; then nothing has
    /// changed.
    func rebound(to binds: [Settings.Bind], log: Logger) throws(StartFailure) -> ShardSockets {
        var next = self
        let present = places + former
        next.places = []
        do throws(StartFailure) {
            for bind in binds {
                let known = present.first { $0.wanted.hasSameAddress(as: bind) || $0.bind.hasSameAddress(as: bind) }
                if var place = known {
                    place.wanted.proxyProtocol = bind.proxyProtocol
                    next.places.append(place)
                } else if let address = try usable(bind, log: log) {
                    next.places.append(
                        try open(bind, address, listens: false) { shard in !descriptors(of: shard).isEmpty })
                }
            }
            try next.checkThatSomeAreLeft(binds)
        } catch {
            next.closeNew(since: self)
            throw StartFailure(exitCode: error.exitCode, message: "bind: \(error.message)")
        }
        next.former = present.filter { place in
            !next.places.contains { $0.bind.hasSameAddress(as: place.bind) }
        }
        return next
    }

    /// Closes the sockets that `rebound` opened, when the change is refused.
    func closeNew(since earlier: ShardSockets) {
        for descriptor in Set(places.flatMap(\.descriptors)).subtracting(earlier.open) where descriptor >= 0 {
            Glibc.close(descriptor)
        }
    }

    mutating func closeFormer() {
        for descriptor in former.flatMap(\.descriptors) where descriptor >= 0 { Glibc.close(descriptor) }
        former = []
    }

    // MARK: - Number of shards

    /// Changes the number of shards. New shards have no sockets yet (see `open`).
    mutating func resize(to shards: Int) {
        for shard in min(shards, self.shards)..<self.shards { close(shard: shard) }
        let missing = [Int32](repeating: -1, count: max(shards - self.shards, 0))
        for index in places.indices {
            places[index].descriptors = Array(places[index].descriptors.prefix(shards)) + missing
        }
        for index in former.indices {
            former[index].descriptors = Array(former[index].descriptors.prefix(shards)) + missing
        }
        self.shards = shards
    }

    // MARK: - Upgrade of the supervisor

    /// What another program needs to continue with them.
    struct Handed: Codable, Equatable {
        var binds: [Settings.Bind]
        /// By shard, then in the order of `binds`; -1, or no entry, for a closed socket.
        var descriptors: [[Int32]]
        /// The configured form of `binds`; nil when it is the same.
        var wanted: [Settings.Bind]?
        /// Addresses that were removed from the configuration and are still served.
        var formerBinds: [Settings.Bind]?
        var formerDescriptors: [[Int32]]?

        var open: [Int32] { (descriptors + (formerDescriptors ?? [])).flatMap { $0 }.filter { $0 >= 0 } }
    }

    var handed: Handed {
        Handed(
            binds: binds, descriptors: ShardSockets.byShard(places, shards), wanted: places.map(\.wanted),
            formerBinds: formerBinds, formerDescriptors: ShardSockets.byShard(former, shards))
    }

    init(adopting handed: Handed) throws(SystemFailure) {
        shards = handed.descriptors.count
        places = try ShardSockets.places(handed.binds, handed.wanted ?? handed.binds, handed.descriptors)
        let formerBinds = handed.formerBinds ?? []
        former = try ShardSockets.places(formerBinds, formerBinds, handed.formerDescriptors ?? [])
    }

    private static func byShard(_ places: [Place], _ shards: Int) -> [[Int32]] {
        (0..<shards).map { shard in places.map { $0.descriptors[shard] } }
    }

    private static func places(
        _ binds: [Settings.Bind], _ wanted: [Settings.Bind], _ byShard: [[Int32]]
    ) throws(SystemFailure) -> [Place] {
        var places: [Place] = []
        for (index, bind) in binds.enumerated() {
            places.append(
                Place(
                    wanted: index < wanted.count ? wanted[index] : bind,
                    address: try SocketAddress(host: bind.host, port: bind.port),
                    descriptors: byShard.map { index < $0.count ? $0[index] : -1 }))
        }
        return places
    }

    // MARK: - Opening

    private var open: Set<Int32> {
        Set((places + former).flatMap(\.descriptors)).subtracting([-1])
    }

    /// The address; nil, after a warning, when this machine has no such address. Throws when it cannot be bound.
    ///
    /// Any process of this user can silently share a port that was opened for sharing. So each address is first bound
    /// exclusively, except when this process already has a socket on its port, which would conflict.
    private func usable(_ bind: Settings.Bind, log: Logger) throws(StartFailure) -> SocketAddress? {
        do throws(SystemFailure) {
            let address = try SocketAddress(host: bind.host, port: bind.port)
            let isOurs = (places + former).contains { $0.address.port == bind.port }
            Glibc.close(try ListeningSocket.open(address, sharedPort: isOurs, listens: !isOurs))
            return address
        } catch {
            guard bind.isBeyond(error) else { throw ShardSockets.failure(bind.name, bind.port, error) }
            log.warning("\(bind.name): this machine has no IPv6 (\(error)); address skipped")
            return nil
        }
    }

    private func checkThatSomeAreLeft(_ binds: [Settings.Bind]) throws(StartFailure) {
        guard places.isEmpty, let first = binds.first else { return }
        throw StartFailure(
            exitCode: .cannotListen, message: "\(first.name): this machine has no IPv6, and there is no other")
    }

    /// Opens all sockets of an address, or none.
    private func open(
        _ wanted: Settings.Bind, _ address: SocketAddress, listens: Bool, for isMeant: (Int) -> Bool
    ) throws(StartFailure) -> Place {
        var address = address
        var descriptors: [Int32] = []
        do throws(StartFailure) {
            for shard in 0..<shards {
                guard isMeant(shard) else {
                    descriptors.append(-1)
                    continue
                }
                let descriptor = try ShardSockets.open(address, listens: listens)
                descriptors.append(descriptor)
                address = (try? ListeningSocket.address(of: descriptor)) ?? address
            }
        } catch {
            for descriptor in descriptors where descriptor >= 0 { Glibc.close(descriptor) }
            throw error
        }
        return Place(wanted: wanted, address: address, descriptors: descriptors)
    }

    private static func open(_ address: SocketAddress, listens: Bool = true) throws(StartFailure) -> Int32 {
        do throws(SystemFailure) {
            return try ListeningSocket.open(address, sharedPort: true, listens: listens, awaitsFirstBytes: true)
        } catch {
            throw failure(address.description, address.port, error)
        }
    }

    private static func failure(_ name: String, _ port: UInt16, _ cause: SystemFailure) -> StartFailure {
        let advice =
            switch -cause.code {
            case EADDRINUSE: " (is another proxy running? `ss -ltnp 'sport = :\(port)'` shows it)"
            case EACCES: " (ports below 1024 need CAP_NET_BIND_SERVICE)"
            case EADDRNOTAVAIL: " (no interface of this machine has it)"
            default: ""
            }
        return StartFailure(exitCode: .cannotListen, message: "\(name): \(cause)\(advice)")
    }
}

extension Settings.Bind {
    /// Whether the failure means that IPv6 is disabled or not built into the kernel.
    fileprivate func isBeyond(_ failure: SystemFailure) -> Bool {
        switch -failure.code {
        case EAFNOSUPPORT, EPROTONOSUPPORT: host.contains(":")
        case EADDRNOTAVAIL: ["::", "::1"].contains(host)  // another address may be a typing error
        default: false
        }
    }
}
