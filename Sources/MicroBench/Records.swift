internal import TLSRecords

/// What TLS adds to a message that is sent or received.
enum Records {
    private static let count = 1_000
    static let all: [(name: String, measure: @Sendable () -> Measurement)] = [
        ("seal a record", sealing), ("open a record", opening),
    ]

    /// The suite that OpenSSL prefers.
    private static let suite = CipherSuite.aes256GCM
    /// About as long as a share.
    private static let content = [UInt8](repeating: 0x20, count: 250)

    private static func state(_ role: RecordState.Role) -> RecordState {
        let client = [UInt8](repeating: 1, count: suite.secretBytes)
        let server = [UInt8](repeating: 2, count: suite.secretBytes)
        guard let state = RecordState(suite, as: role, clientSecret: client.span, serverSecret: server.span)
        else { preconditionFailure("a secret is as long as the suite's hash") }
        return state
    }

    private static func seal(_ client: inout RecordState, _ cipher: RecordCipher, into output: inout [UInt8]) {
        output.removeAll(keepingCapacity: true)
        for _ in 0..<count {
            guard (try? client.seal(content.span, into: &output, with: cipher)) != nil
            else { preconditionFailure("the connection is open") }
        }
    }

    private static func sealing() -> Measurement {
        let cipher = RecordCipher()
        var client = state(.client)
        var output: [UInt8] = []
        return Measurement(operations: count) { seal(&client, cipher, into: &output) }
    }

    /// Cuts it out of a chunk as it was read, and opens it.
    private static func opening() -> Measurement {
        let cipher = RecordCipher()
        var client = state(.client)
        let fresh = state(.server)
        var chunk: [UInt8] = []
        seal(&client, cipher, into: &chunk)
        var framer = RecordFramer()
        return Measurement(operations: count) {
            var server = fresh
            var bytes = 0
            do throws(RecordFault) {
                try framer.feed(chunk.span) { record throws(RecordFault) in
                    if case .data(let data) = try server.open(record, with: cipher) { bytes += data.count }
                    return true
                }
            } catch {
                preconditionFailure("\(error)")
            }
            precondition(bytes == count * content.count)
        }
    }
}
