internal import Configuration
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Logging

/// The sockets that miners connect to: one for each shard and address, opened and kept here, so that a connection which
/// arrives while a shard is being replaced waits in its queue instead of being refused.
///
/// The kernel spreads new connections over all sockets of an address. A shard that has failed for good must therefore
/// lose its sockets, or its part of the miners would wait for nobody.
struct ShardSockets {
    /// The addresses that could be bound, with the ports that the system chose for port 0.
    let binds: [Settings.Bind]
    private let addresses: [SocketAddress]
    /// By shard, then in the order of `binds`; empty while closed.
    private var descriptors: [[Int32]]

    init(binds: [Settings.Bind], shards: Int, log: Logger) throws(StartFailure) {
        let wanted = try ShardSockets.usable(binds, log: log)
        var fixed: [SocketAddress] = []
        var first: [Int32] = []
        for address in wanted {
            let descriptor = try ShardSockets.open(address)
            first.append(descriptor)
            do {
                fixed.append(try ListeningSocket.address(of: descriptor))
            } catch {
                throw ShardSockets.failure(address, error)
            }
        }
        addresses = fixed
        self.binds = fixed.map { Settings.Bind(host: $0.host, port: $0.port) }
        descriptors = [first] + Array(repeating: [], count: shards - 1)
        for shard in 1..<max(shards, 1) { try open(shard: shard) }
    }

    /// What another program needs to go on with them.
    struct Handed: Codable, Equatable {
        var binds: [Settings.Bind]
        /// By shard, then in the order of `binds`.
        var descriptors: [[Int32]]
    }

    var handed: Handed { Handed(binds: binds, descriptors: descriptors) }

    init(adopting handed: Handed) throws(SystemFailure) {
        binds = handed.binds
        descriptors = handed.descriptors
        var addresses: [SocketAddress] = []
        for bind in handed.binds { addresses.append(try SocketAddress(host: bind.host, port: bind.port)) }
        self.addresses = addresses
    }

    /// The listening sockets of one shard, in the order of `binds`.
    func descriptors(of shard: Int) -> [Int32] { descriptors[shard] }

    /// Opens what was closed; does nothing when the shard has its sockets.
    mutating func open(shard: Int) throws(StartFailure) {
        guard descriptors[shard].isEmpty else { return }
        for address in addresses { descriptors[shard].append(try ShardSockets.open(address)) }
    }

    /// From now on the kernel gives the shard's part of the miners to the others.
    mutating func close(shard: Int) {
        for descriptor in descriptors[shard] { Glibc.close(descriptor) }
        descriptors[shard] = []
    }

    // MARK: - Opening

    /// Those of `binds` that this machine can serve; throws when one is taken, or when none is left.
    ///
    /// A shared port can be joined by any other process of our user, silently; so each address is first tried alone.
    private static func usable(_ binds: [Settings.Bind], log: Logger) throws(StartFailure) -> [SocketAddress] {
        var usable: [SocketAddress] = []
        var lastFailure: StartFailure?
        for bind in binds {
            do throws(SystemFailure) {
                let address = try SocketAddress(host: bind.host, port: bind.port)
                Glibc.close(try ListeningSocket.open(address, sharedPort: false))
                usable.append(address)
            } catch {
                let failure = failure(bind.name, bind.port, error)
                guard bind.isBeyond(error) else { throw failure }
                log.warning("\(bind.name): this machine has no IPv6 (\(error)); going on without")
                lastFailure = failure
            }
        }
        if usable.isEmpty, let lastFailure { throw lastFailure }
        return usable
    }

    private static func open(_ address: SocketAddress) throws(StartFailure) -> Int32 {
        do throws(SystemFailure) {
            return try ListeningSocket.open(address, sharedPort: true)
        } catch {
            throw failure(address, error)
        }
    }

    private static func failure(_ address: SocketAddress, _ cause: SystemFailure) -> StartFailure {
        failure(address.description, address.port, cause)
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
    /// True when the failure means that the machine has IPv6 switched off or not built in.
    fileprivate func isBeyond(_ failure: SystemFailure) -> Bool {
        switch -failure.code {
        case EAFNOSUPPORT, EPROTONOSUPPORT: host.contains(":")
        case EADDRNOTAVAIL: ["::", "::1"].contains(host)  // any other may be a typing error
        default: false
        }
    }
}
