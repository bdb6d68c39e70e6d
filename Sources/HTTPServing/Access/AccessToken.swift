/// The secret that clients send as `Authorization: Bearer …`.
package struct AccessToken: Sendable {
    private let header: [UInt8]

    /// nil for an empty token, which means that none is needed.
    package init?(_ secret: String) {
        if secret.isEmpty { return nil }
        header = Array("Bearer \(secret)".utf8)
    }

    /// Whether the header holds the token.
    ///
    /// Takes the same time wherever the first wrong byte is, so that the token cannot be guessed byte by byte. Its
    /// length is not secret.
    func isSent(in authorization: UnsafeRawBufferPointer) -> Bool {
        guard authorization.count == header.count else { return false }
        var difference: UInt8 = 0
        for index in header.indices { difference |= header[index] ^ authorization[index] }
        return difference == 0
    }
}
