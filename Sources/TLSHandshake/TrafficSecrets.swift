internal import COpenSSL
internal import Glibc

/// The application traffic secrets of one handshake, as OpenSSL's key log callback gives them out. Wiped when freed.
final class TrafficSecrets {
    enum Side: Int {
        case client = 0
        case server = 1
    }

    private let memory: UnsafeMutableRawBufferPointer
    private var counts = [0, 0]

    init() {
        memory = .allocate(byteCount: 2 * Limits.secretBytesMax, alignment: 8)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit {
        wipe()
        memory.deallocate()
    }

    /// Empty when OpenSSL has not given it out. Not to be used after the object.
    func bytes(of side: Side) -> UnsafeRawBufferPointer {
        let start = side.rawValue * Limits.secretBytesMax
        return UnsafeRawBufferPointer(rebasing: memory[start..<start + counts[side.rawValue]])
    }

    func wipe() {
        OPENSSL_cleanse(memory.baseAddress, memory.count)
        counts = [0, 0]
    }

    /// Takes a line: label, client random and secret (hexadecimal), separated by spaces. Other lines are ignored.
    func note(_ line: UnsafePointer<CChar>) {
        if starts(line, with: "CLIENT_TRAFFIC_SECRET_0 ") { store(line, side: .client) }
        if starts(line, with: "SERVER_TRAFFIC_SECRET_0 ") { store(line, side: .server) }
    }

    private func starts(_ line: UnsafePointer<CChar>, with label: StaticString) -> Bool {
        (0..<label.utf8CodeUnitCount).allSatisfy { UInt8(bitPattern: line[$0]) == label.utf8Start[$0] }
    }

    private func store(_ line: UnsafePointer<CChar>, side: Side) {
        guard let space = strrchr(line, Int32(UInt8(ascii: " "))) else { return }
        let digits = space + 1
        let count = strlen(digits) / 2
        guard count <= Limits.secretBytesMax else { return }
        for index in 0..<count {
            guard let high = value(digits[2 * index]), let low = value(digits[2 * index + 1]) else { return }
            memory[side.rawValue * Limits.secretBytesMax + index] = high << 4 | low
        }
        counts[side.rawValue] = count
    }

    private func value(_ digit: CChar) -> UInt8? {
        switch UInt8(bitPattern: digit) {
        case let byte where (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte): byte - UInt8(ascii: "0")
        case let byte where (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}

/// For SSL_CTX_set_keylog_callback.
func logKey(_ ssl: OpaquePointer?, _ line: UnsafePointer<CChar>?) {
    guard let ssl, let line else { return }
    HandshakeNotes.of(ssl)?.secrets.note(line)
}
