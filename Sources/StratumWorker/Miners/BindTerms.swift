internal import Addresses
internal import Configuration
internal import EventLoop
internal import StratumSession

/// How connections begin, by the address that they are made to: with a PROXY header from the load balancers that the
/// operator trusts there, and with or without TLS.
struct BindTerms {
    private struct Place {
        let address: SocketAddress
        let senders: [AddressPrefix]
        let terms: ConnectionTerms
    }

    /// Empty when all connections have the same terms.
    private let places: [Place]
    private let usual: ConnectionTerms

    init(_ binds: [Settings.Bind], hasTLS: Bool) {
        let terms = binds.map { bind -> ConnectionTerms in
            !hasTLS ? [] : bind.requiresTLS == true ? [.mayUseTLS, .requiresTLS] : .mayUseTLS
        }
        usual = terms.first ?? []
        let isUniform = binds.allSatisfy(\.proxySenders.isEmpty) && terms.allSatisfy { $0 == terms.first }
        places =
            isUniform
            ? []
            : zip(binds, terms).compactMap { bind, terms in
                guard let address = try? SocketAddress(host: bind.host, port: bind.port) else { return nil }
                return Place(
                    address: address, senders: bind.proxySenders.compactMap { AddressPrefix($0) }, terms: terms)
            }
    }

    func terms(of connection: TCPStream) -> ConnectionTerms {
        guard !places.isEmpty, let local = connection.local, let peer = connection.peer else { return usual }
        return terms(peer: peer, local: local)
    }

    /// - Parameter local: the local address of the connection. As in the kernel, an exact match precedes a wildcard
    ///   address.
    func terms(peer: SocketAddress, local: SocketAddress) -> ConnectionTerms {
        let place =
            places.first { $0.address == local }
            ?? places.first {
                $0.address.isAny && $0.address.isIPv6 == local.isIPv6 && $0.address.port == local.port
            }
        guard let place, let address = IPAddress(peer.host) else { return usual }
        return place.senders.contains { $0.contains(address) } ? place.terms.union(.proxyHeader) : place.terms
    }
}

extension SocketAddress {
    /// Whether it is a wildcard address.
    fileprivate var isAny: Bool { host == "0.0.0.0" || host == "::" }
}
