import COpenSSLPeer
import StratumProtocol
import TestSupport

@testable import TLSRecords

/// One side of a connection after its handshake, with what it has received.
struct Endpoint {
    var state: RecordState
    var framer = RecordFramer()
    let cipher = RecordCipher()
    var received: [UInt8] = []
    /// How many times there was application data.
    var dataCount = 0
    var ended: Alert?

    init(
        _ suite: CipherSuite, _ role: RecordState.Role, client: [UInt8], server: [UInt8], readSequence: UInt64 = 0,
        writeSequence: UInt64 = 0
    ) {
        let state = RecordState(
            suite, as: role, clientSecret: client.span, serverSecret: server.span, readSequence: readSequence,
            writeSequence: writeSequence)
        guard let state else { preconditionFailure("secrets of another length") }
        self.state = state
    }

    /// A client and a server whose secrets follow from `seed`.
    static func pair(
        _ suite: CipherSuite, seed: UInt8 = 1, sequence: UInt64 = 0
    ) -> (client: Endpoint, server: Endpoint) {
        func secret(_ side: UInt8) -> [UInt8] {
            (0..<suite.secretBytes).map { UInt8(truncatingIfNeeded: $0) &* side &+ seed }
        }
        func endpoint(_ role: RecordState.Role) -> Endpoint {
            Endpoint(
                suite, role, client: secret(0x11), server: secret(0x22), readSequence: sequence,
                writeSequence: sequence)
        }
        return (endpoint(.client), endpoint(.server))
    }

    /// Takes bytes in chunks of `size`.
    mutating func receive(_ bytes: [UInt8], chunk size: Int = .max) throws(RecordFault) {
        var start = 0
        while start < bytes.count {
            let end = start + min(size, bytes.count - start)
            try framer.feed(bytes.span.extracting(start..<end)) { record throws(RecordFault) in
                switch try state.open(record, with: cipher) {
                case .data(let data):
                    received.append(data.span)
                    dataCount += 1
                case .nothing: break
                case .ended(let alert): ended = alert
                }
                return ended == nil
            }
            if ended != nil { return }
            start = end
        }
    }

    /// The fault that the bytes are.
    mutating func fault(of bytes: [UInt8], chunk size: Int = .max) -> RecordFault? {
        do throws(RecordFault) {
            try receive(bytes, chunk: size)
            return nil
        } catch {
            return error
        }
    }

    mutating func seal(_ content: [UInt8]) -> [UInt8] {
        var output: [UInt8] = []
        let count = try? state.seal(content.span, into: &output, with: cipher)
        precondition(count == output.count)
        return output
    }

    mutating func seal(_ text: String) -> [UInt8] { seal(Array(text.utf8)) }

    mutating func seal(alert: Alert) -> [UInt8] {
        var output: [UInt8] = []
        _ = try? state.seal(alert: alert, into: &output, with: cipher)
        return output
    }

    /// A record with the next number of this side, whatever it has inside: OpenSSL seals it.
    mutating func forge(inner: [UInt8]) -> [UInt8] {
        let cipher =
            switch state.suite {
            case .aes128GCM: "aes-128-gcm"
            case .aes256GCM: "aes-256-gcm"
            case .chaCha20Poly1305: "chacha20-poly1305"
            }
        let key = (0..<32).map { state.writing.key[$0] }
        let nonce = state.writing.nonce
        var record = [UInt8](repeating: 0, count: inner.count + 21)
        precondition(openssl_forge(cipher, key, (0..<12).map { nonce[$0] }, inner, inner.count, &record))
        state.writing.advance()
        return record
    }

    /// A record of that type, which `Endpoint` itself would not seal.
    mutating func forge(_ type: UInt8, _ content: [UInt8], padding: Int = 0) -> [UInt8] {
        forge(inner: content + [type] + [UInt8](repeating: 0, count: padding))
    }

    /// A KeyUpdate, and the next key.
    mutating func forgeKeyUpdate(requested: Bool) -> [UInt8] {
        let record = forge(22, [24, 0, 0, 1, requested ? 1 : 0])
        state.writing.update(state.suite)
        return record
    }

    /// The same state, written and read.
    mutating func pass() throws {
        let bytes = encoded
        try bytes.withUnsafeBytes { bytes in
            var form = BinaryReader(bytes)
            state = try RecordState(decoding: &form)
            framer = try RecordFramer(decoding: &form)
            precondition(form.remaining == 0)
        }
    }

    var encoded: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 1_024 + framer.partialCount) { buffer, count in
            var form = BinaryWriter(into: UnsafeMutableRawBufferPointer(buffer))
            state.encode(into: &form)
            framer.encode(into: &form)
            precondition(form.fits)
            count = form.count
        }
    }
}

extension [UInt8] {
    /// - Parameter hex: digits, with blanks anywhere.
    init(hex: String) {
        let digits = hex.compactMap(\.hexDigitValue)
        self = stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}

extension SeededGenerator {
    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: next()) } }
}
