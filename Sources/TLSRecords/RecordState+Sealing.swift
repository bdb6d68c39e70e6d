internal import CCrypto

extension RecordState {
    /// How many bytes `seal` makes of that many now: those of the records, and of a KeyUpdate that is due.
    public func ciphertextLength(of contentBytes: Int) -> Int {
        var records = (contentBytes + RecordSize.contentBytesMax - 1) / RecordSize.contentBytesMax
        var bytes = contentBytes + records * RecordSize.overheadBytes
        guard records > 0 else { return 0 }
        let keyUpdateBytes = HandshakeReader.keyUpdate.count + RecordSize.overheadBytes
        var sequence = writing.sequence
        if isKeyUpdateDue {
            bytes += keyUpdateBytes
            sequence = 0
        }
        // A message of more than one record may cross the limit of the key.
        while UInt64(records) > suite.recordsPerKeyMax - sequence {
            records -= Int(suite.recordsPerKeyMax - sequence)
            bytes += keyUpdateBytes
            sequence = 0
        }
        return bytes
    }

    /// Seals application data: one record, or as many as a message of more than `RecordSize.contentBytesMax` bytes
    /// needs. A KeyUpdate comes first when the peer has requested one, or when the key has sealed enough.
    /// - Parameter output: gets the ciphertext at its end.
    /// - Returns: how many bytes were appended. Nothing is when it throws.
    @discardableResult
    public mutating func seal(
        _ content: Span<UInt8>, into output: inout [UInt8], with cipher: RecordCipher
    ) throws(SealFault) -> Int {
        guard !isWriteClosed else { throw .closed }
        let records = (content.count + RecordSize.contentBytesMax - 1) / RecordSize.contentBytesMax
        guard UInt64(isKeyUpdateDue ? 1 : records) <= UInt64.max - writing.sequence else { throw .sequenceExhausted }
        let start = output.count
        var position = 0
        while position < content.count {
            if isKeyUpdateDue { sealKeyUpdate(into: &output, with: cipher) }
            let end = min(position + RecordSize.contentBytesMax, content.count)
            seal(.applicationData, content.extracting(position..<end), into: &output, with: cipher)
            position = end
        }
        return output.count - start
    }

    /// Seals an alert, the last record of this side: `.closeNotify` before a connection is closed in good order, or
    /// that of a `RecordFault`.
    /// - Returns: how many bytes were appended.
    @discardableResult
    public mutating func seal(
        alert: Alert, into output: inout [UInt8], with cipher: RecordCipher
    ) throws(SealFault) -> Int {
        guard !isWriteClosed else { throw .closed }
        guard !writing.isExhausted else { throw .sequenceExhausted }
        let start = output.count
        let content: InlineArray<2, UInt8> = [alert == .closeNotify ? 1 : 2, alert.rawValue]
        seal(.alert, content.span, into: &output, with: cipher)
        isWriteClosed = true
        return output.count - start
    }

    /// Overwrites both keys and secrets. Nothing is opened or sealed any more.
    ///
    /// Copies that were made of this value before are not wiped.
    public mutating func wipe() {
        isReadClosed = true
        isWriteClosed = true
        withUnsafeMutableBytes(of: &reading) { OPENSSL_cleanse($0.baseAddress, $0.count) }
        withUnsafeMutableBytes(of: &writing) { OPENSSL_cleanse($0.baseAddress, $0.count) }
    }

    private var isKeyUpdateDue: Bool { owesKeyUpdate || writing.sequence >= suite.recordsPerKeyMax }

    /// Sealed with the key that ends with it.
    private mutating func sealKeyUpdate(into output: inout [UInt8], with cipher: RecordCipher) {
        seal(.handshake, HandshakeReader.keyUpdate.span, into: &output, with: cipher)
        writing.update(suite)
        owesKeyUpdate = false
    }

    /// - Precondition: the sequence is not exhausted.
    private mutating func seal(
        _ type: ContentType, _ content: Span<UInt8>, into output: inout [UInt8], with cipher: RecordCipher
    ) {
        let bytes = content.count + RecordSize.overheadBytes
        var tag: UInt64 = 0
        output.append(addingCapacity: bytes) { output in
            output.withUnsafeMutableBufferPointer { room, count in
                let record = UnsafeMutableBufferPointer(rebasing: room[count..<(count + bytes)])
                tag = cipher.seal(content, type, suite, writing, into: record)
                count += bytes
            }
        }
        writing.advance()
        // Each step can be undone, so a difference never vanishes by itself; the tag depends on key, number and
        // content.
        mark = (mark ^ tag) &* 0x9e37_79b9_7f4a_7c15
        mark ^= mark >> 32
    }
}
