import Configuration
import EventLoop
import StratumSession
import Testing

@testable import StratumWorker

/// Which senders may send a PROXY header, and where miners may or must use TLS.
struct BindTermsTests {
    private static let binds: [Settings.Bind] = [
        .init(host: "0.0.0.0", port: 3333, proxyProtocol: ["10.0.0.0/8", "192.0.2.7"]),
        .init(host: "10.0.0.5", port: 3333), .init(host: "::", port: 3333, proxyProtocol: ["fd00::/8"]),
        .init(host: "0.0.0.0", port: 4444), .init(host: "::", port: 5555, proxyProtocol: ["10.0.0.0/8"]),
    ]

    @Test(arguments: [
        ("10.1.2.3", "10.0.0.6", 3333, true), ("192.0.2.7", "127.0.0.1", 3333, true),
        ("192.0.2.8", "127.0.0.1", 3333, false),
        // An exact address has its own list, which is empty.
        ("10.1.2.3", "10.0.0.5", 3333, false), ("10.1.2.3", "10.0.0.6", 4444, false),
        ("fd00::1", "fd00::2", 3333, true), ("fe80::1", "fd00::2", 3333, false),
        // An address of the other family; an address that was removed from the configuration.
        ("10.1.2.3", "fd00::2", 3333, false), ("10.1.2.3", "10.0.0.6", 5555, false),
        ("10.1.2.3", "10.0.0.6", 6666, false),
    ])
    func onlyListedSendersOfTheAddressCount(peer: String, local: String, port: UInt16, isTrusted: Bool) throws {
        let peer = try SocketAddress(host: peer, port: 40_000)
        let terms = BindTerms(Self.binds, hasTLS: false)
            .terms(peer: peer, local: try SocketAddress(host: local, port: port))
        #expect(terms == (isTrusted ? .proxyHeader : []))
    }

    private static let expected: [(String, UInt16, ConnectionTerms)] = [
        ("127.0.0.1", 3333, .mayUseTLS), ("127.0.0.1", 443, [.mayUseTLS, .requiresTLS]), ("10.0.0.5", 443, .mayUseTLS),
        ("::1", 443, .mayUseTLS),
    ]

    @Test(arguments: expected)
    func anAddressHasItsOwnTerms(local: String, port: UInt16, terms: ConnectionTerms) throws {
        var secure = Settings.Bind(host: "0.0.0.0", port: 443)
        secure.requiresTLS = true
        let binds: [Settings.Bind] = [
            .init(host: "0.0.0.0", port: 3333), secure, .init(host: "10.0.0.5", port: 443),
            .init(host: "::", port: 443),
        ]
        let peer = try SocketAddress(host: "192.0.2.1", port: 40_000)
        let local = try SocketAddress(host: local, port: port)
        #expect(BindTerms(binds, hasTLS: true).terms(peer: peer, local: local) == terms)
        #expect(BindTerms(binds, hasTLS: false).terms(peer: peer, local: local) == [])
    }
}
