import StratumProtocol
import TLSRecords
import TestSupport

@testable import StratumSession

extension ShardHarness {
    func deliver(_ bytes: [UInt8], to framer: inout LineFramer, _ line: (Span<UInt8>) -> Void) {
        for piece in bytes.pieces(of: chunk) {
            do {
                try framer.feed(piece.span) {
                    line($0)
                    return true
                }
            } catch {
                violations.append("a line over the limit")
            }
        }
    }

    /// As the network cuts it.
    /// - Parameter tls: seals them.
    func pieces(of text: String, _ tls: TLSPeer?) -> [[UInt8]] {
        let bytes = Array(text.utf8)
        return (tls?.seal(bytes) ?? bytes).pieces(of: chunk)
    }

    // MARK: - TLS

    /// The miner begins a handshake, which the worker completes.
    func secure(_ miner: Miner) {
        take(.minerBytes(miner.id), ShardHarness.hello)
        perform()
    }

    /// The beginning of a TLS hello.
    static let hello: [UInt8] = [0x16, 3, 1]

    /// The handshake is complete.
    /// - Parameter unread: what the miner has sent behind it.
    func complete(_ miner: Miner, unread: String = "") {
        handshakes += 1
        let (state, peer) = TLSPeer.pair(handshakes, shardIs: .server)
        miner.tls = peer
        let traffic = Traffic(received: UInt64(ShardHarness.hello.count), sent: 0)
        let bytes = peer.seal(Array(unread.utf8))
        take(.minerSecured(miner.id), written(HandshakeResult(.state(state), traffic: traffic, unread: bytes)))
        perform()
    }

    func connect(_ peer: PoolPeer) {
        guard usesTLS else { return take(.poolConnected(peer.id)) }
        handshakes += 1
        let (state, other) = TLSPeer.pair(handshakes, shardIs: .client)
        peer.tls = other
        take(.poolConnected(peer.id), written(HandshakeResult(.state(state), traffic: Traffic())))
    }
}
