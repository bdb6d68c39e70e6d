internal import Addresses
internal import Configuration
internal import EventLoop

/// The load balancers whose connections begin with a PROXY header: for each address, the senders that the operator
/// trusts.
struct Balancers {
    private struct Place {
        let address: SocketAddress
        let senders: [AddressPrefix]
    }

    /// Empty when no address accepts headers; then connections are not checked.
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

    /// - Parameter local: the local address of the connection. As in the kernel, an exact match precedes a wildcard
    ///   address.
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
    /// Whether it is a wildcard address.
    fileprivate var isAny: Bool { host == "0.0.0.0" || host == "::" }
}
