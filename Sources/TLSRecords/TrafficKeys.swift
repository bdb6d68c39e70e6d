internal import CCrypto
internal import StratumProtocol

/// What one direction of a connection is sealed with (RFC 8446, 7.3): flat memory of fixed size.
struct TrafficKeys: BitwiseCopyable, Sendable {
    /// The traffic secret, of which the others are derived; `CipherSuite.secretBytes` of it are used.
    private var secret: InlineArray<48, UInt8>
    /// `CipherSuite.keyBytes` of it are used.
    private(set) var key = InlineArray<32, UInt8>(repeating: 0)
    private var iv = InlineArray<12, UInt8>(repeating: 0)
    /// The number of the next record under this key.
    private(set) var sequence: UInt64

    /// - Precondition: `secret` has `suite.secretBytes` bytes.
    init(_ suite: CipherSuite, secret: Span<UInt8>, sequence: UInt64) {
        precondition(secret.count == suite.secretBytes, "a traffic secret is as long as the suite's hash")
        self.secret = InlineArray(prefix: suite.secretBytes, of: secret)
        self.sequence = sequence
        deriveKey(suite)
    }

    /// Whether no number is left: 2^64 - 1 is not used, so that the count cannot wrap.
    var isExhausted: Bool { sequence == .max }

    /// The nonce of the next record (RFC 8446, 5.3).
    var nonce: InlineArray<12, UInt8> {
        var nonce = iv
        for byte in 0..<8 { nonce[11 - byte] ^= UInt8(truncatingIfNeeded: sequence >> UInt64(8 * byte)) }
        return nonce
    }

    /// The next number has been used.
    /// - Precondition: not `isExhausted`.
    mutating func advance() {
        sequence += 1
    }

    /// Goes to the next key: a KeyUpdate was sent or received (RFC 8446, 7.2).
    mutating func update(_ suite: CipherSuite) {
        let next = expand(suite, "traffic upd", suite.secretBytes)
        secret = InlineArray(prefix: suite.secretBytes, of: next.span)
        sequence = 0
        deriveKey(suite)
    }

    private mutating func deriveKey(_ suite: CipherSuite) {
        let keyBytes = expand(suite, "key", suite.keyBytes)
        key = InlineArray(prefix: suite.keyBytes, of: keyBytes.span)
        let ivBytes = expand(suite, "iv", iv.count)
        iv = InlineArray(prefix: iv.count, of: ivBytes.span)
    }

    /// HKDF-Expand-Label of the secret with an empty context (RFC 8446, 7.1). The result is the first `count` bytes.
    ///
    /// Nothing that is derived here is longer than the hash, so one block of HKDF is enough: HMAC(secret, info | 1).
    private func expand(_ suite: CipherSuite, _ label: StaticString, _ count: Int) -> InlineArray<64, UInt8> {
        let prefix: StaticString = "tls13 "
        var info = InlineArray<32, UInt8>(repeating: 0)
        var length = 0
        func append(_ byte: UInt8) {
            info[length] = byte
            length += 1
        }
        append(0)
        append(UInt8(count))
        append(UInt8(prefix.utf8CodeUnitCount + label.utf8CodeUnitCount))
        prefix.withUTF8Buffer { $0.forEach(append) }
        label.withUTF8Buffer { $0.forEach(append) }
        append(0)
        append(1)
        var block = InlineArray<64, UInt8>(repeating: 0)
        var output = block.mutableSpan
        let isDone = output.withUnsafeMutableBufferPointer { block in
            secret.span.withUnsafeBufferPointer { secret in
                info.span.withUnsafeBufferPointer { info in
                    HMAC(
                        suite == .aes256GCM ? EVP_sha384() : EVP_sha256(), secret.baseAddress,
                        Int32(suite.secretBytes), info.baseAddress, length, block.baseAddress, nil) != nil
                }
            }
        }
        precondition(isDone, "libcrypto cannot compute an HMAC")
        return block
    }
}

// MARK: - Written form

extension TrafficKeys {
    func encode(_ suite: CipherSuite, into form: inout BinaryWriter) {
        form.integer(sequence)
        secret.span.extracting(0..<suite.secretBytes).withUnsafeBytes { form.raw($0) }
        key.span.extracting(0..<suite.keyBytes).withUnsafeBytes { form.raw($0) }
        iv.span.withUnsafeBytes { form.raw($0) }
    }

    /// Key and IV are read, not derived again: a takeover has thousands of connections, and deriving costs
    /// microseconds.
    init(_ suite: CipherSuite, decoding form: inout BinaryReader) throws(DecodingFault) {
        sequence = try form.integer()
        secret = InlineArray(try form.raw(suite.secretBytes))
        key = InlineArray(try form.raw(suite.keyBytes))
        iv = InlineArray(try form.raw(iv.count))
    }
}

extension InlineArray where Element == UInt8 {
    /// The first bytes of `source`, then zeros.
    fileprivate init(prefix length: Int, of source: Span<UInt8>) {
        self.init(repeating: 0)
        for position in 0..<length { self[position] = source[position] }
    }

    /// All bytes of `source`, then zeros.
    fileprivate init(_ source: UnsafeRawBufferPointer) {
        self.init(repeating: 0)
        for position in 0..<source.count { self[position] = source[position] }
    }
}
