import COpenSSL
import TLSHandshake

/// TLS 1.3 records, written for these tests from RFC 8446 (5.2, 7.3): they show that secrets and numbers are right.
struct Records {
    private let key: [UInt8]
    private let iv: [UInt8]
    private let cipher: OpaquePointer
    var sequence: UInt64

    init(secret: [UInt8], suite: UInt16, sequence: UInt64 = 0) {
        let hash = suite == 0x1302 ? "SHA384" : "SHA256"
        cipher =
            switch suite {
            case 0x1301: EVP_aes_128_gcm()
            case 0x1302: EVP_aes_256_gcm()
            default: EVP_chacha20_poly1305()
            }
        key = Records.expand(secret, "key", suite == 0x1301 ? 16 : 32, hash)
        iv = Records.expand(secret, "iv", 12, hash)
        self.sequence = sequence
    }

    private static func expand(_ secret: [UInt8], _ label: String, _ count: Int, _ hash: String) -> [UInt8] {
        let full = Array("tls13 \(label)".utf8)
        let info = [0, UInt8(count), UInt8(full.count)] + full + [0, 1]
        var block = [UInt8](repeating: 0, count: 64)
        var length = 0
        EVP_Q_mac(nil, "HMAC", nil, hash, nil, secret, secret.count, info, info.count, &block, block.count, &length)
        return Array(block.prefix(count))
    }

    private func nonce() -> [UInt8] {
        var nonce = iv
        for index in 0..<8 { nonce[4 + index] ^= UInt8(truncatingIfNeeded: sequence >> (56 - 8 * UInt64(index))) }
        return nonce
    }

    mutating func seal(_ text: [UInt8], type: UInt8 = 23) -> [UInt8] {
        let inner = text + [type]
        let length = inner.count + 16
        let header: [UInt8] = [23, 3, 3, UInt8(length >> 8), UInt8(length & 255)]
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        var body = [UInt8](repeating: 0, count: inner.count)
        var tag = [UInt8](repeating: 0, count: 16)
        var count: Int32 = 0
        EVP_EncryptInit_ex(context, cipher, nil, key, nonce())
        EVP_EncryptUpdate(context, nil, &count, header, Int32(header.count))
        EVP_EncryptUpdate(context, &body, &count, inner, Int32(inner.count))
        EVP_EncryptFinal_ex(context, nil, &count)
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, &tag)
        sequence += 1
        return header + body + tag
    }

    /// Takes the first record off the bytes. Nil when it is incomplete or does not decrypt.
    mutating func open(_ bytes: inout [UInt8]) -> (type: UInt8, text: [UInt8])? {
        guard bytes.count >= 5 else { return nil }
        let length = Int(bytes[3]) << 8 | Int(bytes[4])
        guard length > 16, bytes.count >= 5 + length else { return nil }
        let header = Array(bytes[..<5])
        let body = Array(bytes[5..<5 + length - 16])
        var tag = Array(bytes[(5 + length - 16)..<(5 + length)])
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        var inner = [UInt8](repeating: 0, count: body.count)
        var count: Int32 = 0
        EVP_DecryptInit_ex(context, cipher, nil, key, nonce())
        EVP_DecryptUpdate(context, nil, &count, header, Int32(header.count))
        EVP_DecryptUpdate(context, &inner, &count, body, Int32(body.count))
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, 16, &tag)
        guard EVP_DecryptFinal_ex(context, nil, &count) == 1 else { return nil }
        bytes.removeFirst(5 + length)
        sequence += 1
        while inner.last == 0 { inner.removeLast() }
        guard let type = inner.popLast() else { return nil }
        return (type, inner)
    }
}

extension SecuredSession {
    var fromClient: Records { Records(secret: clientSecret, suite: suite) }
    var fromServer: Records { Records(secret: serverSecret, suite: suite) }
}
