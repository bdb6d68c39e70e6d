import StratumProtocol
import TLSRecords
import Testing

@testable import StratumSession

/// The other end of a TLS 1.3 connection, behind its handshake.
final class TLSPeer {
    var state: RecordState
    private var framer = RecordFramer()
    private let cipher = RecordCipher()
    /// The alert with which the shard has ended its side.
    private(set) var end: Alert?
    /// Each record that the shard has sent.
    private(set) var records: [[UInt8]] = []

    /// The shard's end, as it was behind the handshake.
    private let initial: RecordState
    private var contents: [[UInt8]] = []

    init(_ state: RecordState, shard: RecordState) {
        self.state = state
        initial = shard
    }

    /// Both ends of a connection with secrets that follow from `number`.
    static func pair(_ number: UInt64, shardIs role: RecordState.Role) -> (shard: RecordState, peer: TLSPeer) {
        let suite = CipherSuite.allCases[Int(number % 3)]
        func end(_ role: RecordState.Role) -> RecordState {
            let secrets = [UInt8(1), 2].map { side in
                (0..<suite.secretBytes).map { UInt8(truncatingIfNeeded: number &* 31 &+ UInt64($0)) ^ side }
            }
            let (client, server) = (secrets[0], secrets[1])
            guard let state = RecordState(suite, as: role, clientSecret: client.span, serverSecret: server.span) else {
                preconditionFailure("the secrets are as long as the suite wants them")
            }
            return state
        }
        return (end(role), TLSPeer(end(role == .server ? .client : .server), shard: end(role)))
    }

    /// The mark of a state that has sealed what was received.
    var markOfReceived: UInt64 {
        var sealer = initial
        var output: [UInt8] = []
        for content in contents { _ = try? sealer.seal(content.span, into: &output, with: cipher) }
        return sealer.mark
    }

    func seal(_ content: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        _ = try? state.seal(content.span, into: &output, with: cipher)
        return output
    }

    func seal(alert: Alert) -> [UInt8] {
        var output: [UInt8] = []
        _ = try? state.seal(alert: alert, into: &output, with: cipher)
        return output
    }

    /// The content of what the shard has sent.
    func open(_ bytes: [UInt8]) -> [UInt8] {
        var content: [UInt8] = []
        do throws(RecordFault) {
            try framer.feed(bytes.span) { (record: Span<UInt8>) throws(RecordFault) -> Bool in
                records.append(record.withUnsafeBufferPointer { Array($0) })
                switch try state.open(record, with: cipher) {
                case .data(let data):
                    content += data
                    contents.append(Array(data))
                case .nothing: break
                case .ended(let alert): end = alert
                }
                return true
            }
        } catch {
            Issue.record("the shard has sealed a record that does not open: \(error)")
        }
        return content
    }
}

/// The result of a handshake, as an input has it.
func written(_ result: HandshakeResult) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: HandshakeResult.headBytesMax + result.unread.count) { buffer, count in
        var writer = BinaryWriter(into: UnsafeMutableRawBufferPointer(buffer))
        result.encode(to: &writer)
        count = writer.count
    }
}
