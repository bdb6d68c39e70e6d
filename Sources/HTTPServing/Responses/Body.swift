/// The bytes of one body at a fixed address: threads of libmicrohttpd send from it until the last client has all of it.
package final class Body: @unchecked Sendable {
    // Unchecked, because a pointer is not Sendable; the bytes never change between init and deinit.
    let bytes: UnsafeMutableBufferPointer<UInt8>
    private let ledger: BodyLedger?

    init(_ content: [UInt8], ledger: BodyLedger? = nil) {
        bytes = .allocate(capacity: content.count)
        _ = bytes.initialize(from: content)
        self.ledger = ledger
        ledger?.add(content.count)
    }

    deinit {
        ledger?.remove(bytes.count)
        bytes.deallocate()
    }

    /// Bytes.
    package var count: Int { bytes.count }
    /// A copy of the bytes.
    package var content: [UInt8] { Array(bytes) }
}
