import COpenSSLPeer
import Testing

@testable import TLSRecords

/// The other side of a connection, done by OpenSSL whole: handshake and records.
final class OpenSSLPeer {
    enum Reading: Equatable {
        case bytes([UInt8])
        case ended, wantsMore, failed
    }

    private let raw: OpaquePointer

    init(_ role: RecordState.Role, _ suite: CipherSuite, tickets: Int = 2) throws {
        raw = try #require(openssl_peer_create(role == .server, suite.name, Int32(tickets)))
    }

    deinit { openssl_peer_destroy(raw) }

    // MARK: - Bytes

    func feed(_ bytes: [UInt8]) { #expect(openssl_peer_feed(raw, bytes, bytes.count)) }

    func take() -> [UInt8] { OpenSSLPeer.all { openssl_peer_take(self.raw, $0, $1) } }

    /// What was fed and not read.
    func takeUnread() -> [UInt8] { OpenSSLPeer.all { openssl_peer_take_unread(self.raw, $0, $1) } }

    private static func all(_ take: (UnsafeMutablePointer<UInt8>?, Int) -> Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while true {
            let piece = [UInt8](unsafeUninitializedCapacity: 65_536) { $1 = take($0.baseAddress, $0.count) }
            guard !piece.isEmpty else { return bytes }
            bytes += piece
        }
    }

    // MARK: - TLS

    func handshake() -> Bool { openssl_peer_handshake(raw) == 1 }

    func read() -> Reading {
        var count: Int32 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: 65_536) { buffer, filled in
            count = openssl_peer_read(raw, buffer.baseAddress, Int32(buffer.count))
            filled = Int(max(count, 0))
        }
        switch count {
        case 0: return .ended
        case Int32(openssl_peer_wants_more): return .wantsMore
        case 1...: return .bytes(bytes)
        default: return .failed
        }
    }

    /// All that can be read, and why there is no more.
    func readAll() -> (bytes: [UInt8], end: Reading) {
        var bytes: [UInt8] = []
        while true {
            let reading = read()
            guard case .bytes(let more) = reading else { return (bytes, reading) }
            bytes += more
        }
    }

    func write(_ bytes: [UInt8], padding: Int = 0) {
        #expect(openssl_peer_write(raw, bytes, Int32(bytes.count), Int32(padding)))
    }

    func write(_ text: String) { write(Array(text.utf8)) }
    func updateKey(requested: Bool) { #expect(openssl_peer_update_key(raw, requested)) }
    func sendTicket() { #expect(openssl_peer_send_ticket(raw)) }
    func shutDown() { #expect(openssl_peer_shut_down(raw)) }

    var suite: UInt16 { openssl_peer_suite(raw) }
    /// The last alert that it has received.
    var received: Alert? { alert(sent: false) }
    /// The last alert that it has sent.
    var sent: Alert? { alert(sent: true) }

    private func alert(sent: Bool) -> Alert? {
        let code = openssl_peer_alert(raw, sent)
        return code < 0 ? nil : Alert(rawValue: UInt8(code))
    }

    func secret(ofClient: Bool) -> [UInt8] {
        var secret = [UInt8](repeating: 0, count: 48)
        let count = openssl_peer_secret(raw, ofClient, &secret)
        return Array(secret.prefix(count))
    }

    // MARK: - The cut

    /// Two sides of OpenSSL shake hands; one of them is replaced by the record layer.
    /// - Parameters:
    ///   - role: of the record layer.
    ///   - login: what the client sends right behind its Finished.
    static func cut(
        _ role: RecordState.Role, _ suite: CipherSuite, tickets: Int = 2, login: String = ""
    ) throws -> (own: Endpoint, other: OpenSSLPeer) {
        let client = try OpenSSLPeer(.client, suite)
        let server = try OpenSSLPeer(.server, suite, tickets: tickets)
        #expect(!client.handshake())
        server.feed(client.take())
        #expect(!server.handshake())
        client.feed(server.take())
        #expect(client.handshake())
        if !login.isEmpty { client.write(login) }
        server.feed(client.take())
        #expect(server.handshake())
        let own = role == .server ? server : client
        let sealed = role == .server ? tickets : login.isEmpty ? 0 : 1
        var endpoint = Endpoint(
            try #require(CipherSuite(rawValue: own.suite)), role, client: own.secret(ofClient: true),
            server: own.secret(ofClient: false), writeSequence: UInt64(sealed))
        if role == .server {
            client.feed(server.take())
            try endpoint.receive(server.takeUnread())
            return (endpoint, client)
        }
        try endpoint.receive(server.take())
        return (endpoint, server)
    }
}
