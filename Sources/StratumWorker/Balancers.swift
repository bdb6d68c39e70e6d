internal import Addresses
internal import Configuration
internal import EventLoop

/// Whose connections begin with a PROXY header: the senders that the operator trusts, address by address.
struct Balancers {
    private struct Place {
        let address: SocketAddress
        let senders: [AddressPrefix]
    }

    /// Empty when no address takes headers: then nothing is asked of a connection.
    private let places: [Place]

    init(_ binds: [Settings.Bind]) {
        let takesHeaders = binds.contains { !$0.proxySenders.isEmpty }
        places =
            !takesHeaders
            ? []
            : binds.compactMap { bind in
                guard let address = try? SocketAddress(host: bind.host, port: bind.port) else { return nil }
                return Place(address: address, senders: bind.proxySenders.compactMap { AddressPrefix($0) })
            }
    }

    func include(_ connection: TCPStream) -> Bool {
        guard !places.isEmpty, let local = connection.local, let peer = connection.peer else { return false }
        return include(peer: peer, local: local)
    }

    /// - Parameter local: where the connection came to. As in the kernel, the very address comes before "all addresses".
    func include(peer: SocketAddress, local: SocketAddress) -> Bool {
        let place =
            places.first { $0.address == local }
            ?? places.first {
                $0.address.isAny && $0.address.isIPv6 == local.isIPv6 && $0.address.port == local.port
            }
        guard let place, let address = IPAddress(peer.host) else { return false }
        return place.senders.contains { $0.contains(address) }
    }
}

extension SocketAddress {
    /// Whether it stands for all addresses of the machine.
    fileprivate var isAny: Bool { host == "0.0.0.0" || host == "::" }
}
