import Foundation
import Testing

@testable import TLSHandshake

@Suite struct WipingTests {
    /// How often the bytes are in the writable memory of this process. They are given inverted, not to be found here.
    private static func copies(ofInverse inverse: [UInt8]) -> Int {
        let maps = (try? String(contentsOfFile: "/proc/self/maps", encoding: .utf8)) ?? ""
        let memory = open("/proc/self/mem", O_RDONLY)
        defer { close(memory) }
        var count = 0
        let block = UnsafeMutableRawPointer.allocate(byteCount: 1 << 20, alignment: 4096)
        defer { block.deallocate() }
        for line in maps.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields[1].hasPrefix("rw") else { continue }
            let range = fields[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
            var position = range[0]
            while position < range[1] {
                let got = pread(memory, block, min(1 << 20, Int(range[1] - position)), off_t(position))
                guard got > inverse.count else { break }
                var offset = 0
                while offset <= got - inverse.count, let hit = memchr(block + offset, Int32(~inverse[0]), got - offset)
                {
                    offset = UnsafeRawPointer(hit) - UnsafeRawPointer(block)
                    let bytes = UnsafeRawBufferPointer(start: block + offset, count: min(inverse.count, got - offset))
                    if bytes.count == inverse.count, zip(bytes, inverse).allSatisfy({ $0 == ~$1 }) {
                        let address = position + UInt(offset)
                        if !(UInt(bitPattern: block)..<UInt(bitPattern: block) + 1 << 20).contains(address) {
                            count += 1
                        }
                    }
                    offset += 1
                }
                position += UInt(got)
            }
        }
        return count
    }

    /// In a process of its own: other tests have used OpenSSL before.
    @Test func noSecretIsLeftInFreedMemory() async {
        await #expect(processExitsWith: .success) {
            guard OpenSSLMemory.wipeWhenFreed() else { exit(2) }
            let server = try usualServer()
            let client = try ClientContext(.init())
            var inverses: [[UInt8]] = []
            do {
                let talk = Conversation(server, client)
                talk.serverState.session?.withSecrets { client, server in
                    inverses = [client.prefix(16).map { ~$0 }, server.prefix(16).map { ~$0 }]
                }
                // That of the server's session and that of the client's: the search finds what there is.
                guard inverses.map({ WipingTests.copies(ofInverse: $0) }) == [2, 2] else { exit(3) }
            }
            guard inverses.map({ WipingTests.copies(ofInverse: $0) }) == [0, 0] else { exit(4) }
            exit(0)
        }
    }

    @Test func itIsTooLateWhenOpenSSLIsInUse() throws {
        _ = try usualServer()
        #expect(!OpenSSLMemory.wipeWhenFreed())
    }
}
