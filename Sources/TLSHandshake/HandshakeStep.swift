/// What came of the bytes that a handshake was given.
public struct HandshakeStep {
    /// To be sent to the peer, in every state. When the handshake has failed: the alert, if there is one.
    public var output: [UInt8]
    public var state: HandshakeState
}

public enum HandshakeState {
    /// Needs more bytes of the peer.
    case ongoing
    /// TLS 1.3: done. OpenSSL has no more part in the connection.
    case secured(SecuredSession)
    /// TLS 1.2 or lower, or any version if the context `keepsOpenSSL`: done. OpenSSL remains the record layer.
    case streaming(TLSStream, unread: [UInt8])
    /// Send the output and close the connection.
    case failed(HandshakeFailure)
}

public struct HandshakeFailure: Error, Equatable, Sendable {
    public enum Kind: Sendable {
        /// The peer does not speak TLS.
        case notTLS
        /// No version, cipher, group or signature algorithm that both sides have.
        case nothingInCommon
        /// The peer has sent a fatal alert, for example because it refuses the certificate.
        case refusedByPeer
        /// The peer's certificate is not the expected one.
        case certificate
        /// The peer has sent more bytes than a handshake may have.
        case tooLong
        /// A message that is not as the protocol demands, or a failure of OpenSSL.
        case protocolError
    }

    public let kind: Kind
    public let reason: String
}

/// A TLS 1.3 connection behind its handshake: all that a record layer needs.
///
/// Contains secrets. Its descriptions do not show them. They are wiped with the last copy of this value, or by `wipe`.
public struct SecuredSession {
    /// 0x1301 AES-128-GCM, 0x1302 AES-256-GCM or 0x1303 ChaCha20-Poly1305.
    public let suite: UInt16
    private let secrets: TrafficSecrets
    /// The number of the next record from the peer and to the peer, under these secrets.
    public let readSequence: UInt64
    public let writeSequence: UInt64
    /// Bytes behind the handshake that were not decrypted: records, the last one possibly incomplete.
    public let unread: [UInt8]
    /// For example `TLSv1.3`.
    public let versionName: String
    /// For example `TLS_AES_256_GCM_SHA384`.
    public let cipherName: String
    /// SHA-256 of the certificate that the peer has shown: 64 lower-case hexadecimal digits. Nil for clients.
    public let peerFingerprint: String?

    init(
        suite: UInt16, secrets: TrafficSecrets, unread: [UInt8], versionName: String, cipherName: String,
        peerFingerprint: String?
    ) {
        self.suite = suite
        self.secrets = secrets
        // OpenSSL gets no record behind the handshake, and a server without tickets writes none.
        readSequence = 0
        writeSequence = 0
        self.unread = unread
        self.versionName = versionName
        self.cipherName = cipherName
        self.peerFingerprint = peerFingerprint
    }

    /// The application traffic secrets, as long as the suite's hash: 32 bytes, 48 for 0x1302. Each array is a copy, for
    /// the caller to wipe; `withSecrets` makes none.
    public var clientSecret: [UInt8] { Array(secrets.bytes(of: .client)) }
    public var serverSecret: [UInt8] { Array(secrets.bytes(of: .server)) }

    /// - Parameter body: must not keep the bytes.
    public func withSecrets<Result>(
        _ body: (_ client: UnsafeRawBufferPointer, _ server: UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try withExtendedLifetime(secrets) { try body(secrets.bytes(of: .client), secrets.bytes(of: .server)) }
    }

    /// Overwrites the secrets in all copies of this value. They are empty afterwards.
    public func wipe() { secrets.wipe() }
}

extension SecuredSession: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public var description: String { "\(versionName) \(cipherName), \(unread.count) bytes unread" }
    public var debugDescription: String { description }
    /// Without the secrets: `dump` and test failures show a value by its mirror.
    public var customMirror: Mirror {
        Mirror(self, children: ["versionName": versionName, "cipherName": cipherName, "unread": unread.count])
    }
}
