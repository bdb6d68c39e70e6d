internal import CCrypto

/// Seals and opens single records with libcrypto. It is not state: one for all connections of a process, not for
/// several threads.
///
/// It keeps one context for each suite and direction, and gives it the key of each record. A connection with two
/// contexts of its own would take 2 KiB more and save 50 to 140 ns for each record. The first record of a
/// suite allocates; no other does.
public final class RecordCipher {
    /// For sealing and opening with each suite, in the order of their numbers.
    private var contexts = InlineArray<6, OpaquePointer?>(repeating: nil)
    /// The content of the record that was opened last.
    private let room = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: RecordSize.bodyBytesMax)

    /// Of OpenSSL, such as "3.0.19".
    public static var libraryVersion: String {
        OpenSSL_version(OPENSSL_VERSION_STRING).map { String(cString: $0) } ?? ""
    }

    public init() {
        room.initialize(repeating: 0)
    }

    deinit {
        wipe()
        room.deallocate()
    }

    /// Forgets the keys and the content of the latest records. A process that freezes does so; the next record
    /// allocates again.
    public func wipe() {
        for place in contexts.indices {
            EVP_CIPHER_CTX_free(contexts[place])
            contexts[place] = nil
        }
        OPENSSL_cleanse(room.baseAddress, room.count)
    }

    // MARK: - Records

    /// Seals one record with the next number of `keys`.
    /// - Parameters:
    ///   - content: at most `RecordSize.contentBytesMax` bytes.
    ///   - record: where it goes, `RecordSize.overheadBytes` longer than `content`.
    /// - Returns: the first half of its tag.
    func seal(
        _ content: Span<UInt8>, _ type: ContentType, _ suite: CipherSuite, _ keys: TrafficKeys,
        into record: UnsafeMutableBufferPointer<UInt8>
    ) -> UInt64 {
        let innerBytes = content.count + 1
        let body = innerBytes + RecordSize.tagBytes
        precondition(content.count <= RecordSize.contentBytesMax && record.count == RecordSize.headBytes + body)
        record[0] = ContentType.applicationData.rawValue
        record[1] = 3
        record[2] = 3
        record[3] = UInt8(truncatingIfNeeded: body >> 8)
        record[4] = UInt8(truncatingIfNeeded: body)
        guard let head = record.baseAddress else { preconditionFailure("a record has a head") }
        let inner = head + RecordSize.headBytes
        let tag = inner + innerBytes
        content.withUnsafeBufferPointer { content in
            if let base = content.baseAddress { inner.update(from: base, count: content.count) }
        }
        inner[content.count] = type.rawValue
        let context = context(suite, isSealing: true)
        var written: Int32 = 0
        let isSealed =
            setKeys(context, keys)
            && EVP_EncryptUpdate(context, nil, &written, head, Int32(RecordSize.headBytes)) == 1
            && EVP_EncryptUpdate(context, inner, &written, inner, Int32(innerBytes)) == 1
            && EVP_EncryptFinal_ex(context, tag, &written) == 1
            && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, Int32(RecordSize.tagBytes), tag) == 1
        precondition(isSealed, "libcrypto cannot seal a record")
        return UInt64(littleEndian: UnsafeRawPointer(tag).loadUnaligned(as: UInt64.self))
    }

    /// Opens one record that should have the next number of `keys`.
    /// - Parameter record: whole, with at least a tag behind its head.
    /// - Returns: what was sealed: content, content type and padding, valid until the next record is opened; nil when
    ///   the record is not what was sealed with this key and number.
    func open(_ record: Span<UInt8>, _ suite: CipherSuite, _ keys: TrafficKeys) -> UnsafeBufferPointer<UInt8>? {
        let innerBytes = record.count - RecordSize.headBytes - RecordSize.tagBytes
        precondition(innerBytes >= 0 && innerBytes + RecordSize.tagBytes <= RecordSize.bodyBytesMax)
        let context = context(suite, isSealing: false)
        let isGenuine = record.withUnsafeBufferPointer { record in
            guard let head = record.baseAddress else { return false }
            let inner = head + RecordSize.headBytes
            // libcrypto does not change a tag that it compares.
            let tag = UnsafeMutablePointer(mutating: inner + innerBytes)
            var written: Int32 = 0
            let isReady =
                setKeys(context, keys)
                && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, Int32(RecordSize.tagBytes), tag) == 1
                && EVP_DecryptUpdate(context, nil, &written, head, Int32(RecordSize.headBytes)) == 1
                && EVP_DecryptUpdate(context, room.baseAddress, &written, inner, Int32(innerBytes)) == 1
            precondition(isReady, "libcrypto cannot open a record")
            return EVP_DecryptFinal_ex(context, (room.baseAddress ?? tag) + innerBytes, &written) == 1
        }
        return isGenuine ? UnsafeBufferPointer(rebasing: room[0..<innerBytes]) : nil
    }

    // MARK: - Contexts

    private func setKeys(_ context: OpaquePointer, _ keys: TrafficKeys) -> Bool {
        let nonce = keys.nonce
        return keys.key.span.withUnsafeBufferPointer { key in
            nonce.span.withUnsafeBufferPointer { nonce in
                EVP_CipherInit_ex2(context, nil, key.baseAddress, nonce.baseAddress, -1, nil) == 1
            }
        }
    }

    private func context(_ suite: CipherSuite, isSealing: Bool) -> OpaquePointer {
        let place = Int(suite.rawValue - CipherSuite.aes128GCM.rawValue) * 2 + (isSealing ? 0 : 1)
        if let context = contexts[place] { return context }
        let name =
            switch suite {
            case .aes128GCM: "AES-128-GCM"
            case .aes256GCM: "AES-256-GCM"
            case .chaCha20Poly1305: "ChaCha20-Poly1305"
            }
        let cipher = EVP_CIPHER_fetch(nil, name, nil)
        defer { EVP_CIPHER_free(cipher) }
        guard cipher != nil, let context = EVP_CIPHER_CTX_new(),
            EVP_CipherInit_ex2(context, cipher, nil, nil, isSealing ? 1 : 0, nil) == 1
        else { preconditionFailure("libcrypto has no \(name)") }
        contexts[place] = context
        return context
    }
}
