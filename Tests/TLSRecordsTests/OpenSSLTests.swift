import TestSupport
import Testing

@testable import TLSRecords

/// Behind a handshake of OpenSSL the record layer continues, with OpenSSL on the other side.
struct OpenSSLTests {
    static let roles = [RecordState.Role.client, .server]
    static let chunks = [1, 7, .max]

    /// Feeds the other side byte by byte, or whole.
    private func read(_ other: OpenSSLPeer, _ bytes: [UInt8], chunk: Int) -> [UInt8] {
        var got: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: chunk) {
            other.feed(Array(bytes[start..<(start + min(chunk, bytes.count - start))]))
            got += other.readAll().bytes
            if chunk == .max { break }
        }
        return got
    }

    @Test(arguments: CipherSuite.allCases, chunks)
    func aServerReadsTheLoginBehindTheHandshakeAndAnswers(suite: CipherSuite, chunk: Int) throws {
        var (own, other) = try OpenSSLPeer.cut(.server, suite, login: "login\n")
        #expect(own.received == Array("login\n".utf8))
        #expect(read(other, own.seal("job\n") + own.seal("another\n"), chunk: chunk) == Array("job\nanother\n".utf8))
        other.write("share\n")
        try own.receive(other.take(), chunk: chunk)
        #expect(own.received == Array("login\nshare\n".utf8))
    }

    @Test(arguments: CipherSuite.allCases, [0, 1, 2, 5])
    func ticketsCountAsRecordsOnBothSides(suite: CipherSuite, tickets: Int) throws {
        var (server, client) = try OpenSSLPeer.cut(.server, suite, tickets: tickets)
        #expect(read(client, server.seal("job\n"), chunk: .max) == Array("job\n".utf8))
        var (own, pool) = try OpenSSLPeer.cut(.client, suite, tickets: tickets)
        pool.write("welcome\n")
        pool.sendTicket()
        pool.write("job\n")
        try own.receive(pool.take())
        #expect(own.received == Array("welcome\njob\n".utf8))
        #expect(read(pool, own.seal("share\n"), chunk: .max) == Array("share\n".utf8))
    }

    @Test(arguments: CipherSuite.allCases, roles)
    func longMessagesPassBothWays(suite: CipherSuite, role: RecordState.Role) throws {
        var (own, other) = try OpenSSLPeer.cut(role, suite)
        var random = SeededGenerator(seed: 7)
        for count in [1, 16_383, 16_384, 16_385, 100_000] {
            let message = random.bytes(count)
            #expect(read(other, own.seal(message), chunk: .max) == message)
            other.write(message, padding: count % 3 == 0 ? 512 : 0)
            own.received = []
            try own.receive(other.take(), chunk: 9_999)
            #expect(own.received == message)
        }
    }

    @Test(arguments: CipherSuite.allCases, roles)
    func aKeyUpdateOfTheOtherSideIsFollowedAndAnswered(suite: CipherSuite, role: RecordState.Role) throws {
        for chunk in OpenSSLTests.chunks {
            var (own, other) = try OpenSSLPeer.cut(role, suite)
            for number in 0..<10 {
                other.updateKey(requested: number % 3 != 0)
                other.write("a")
                try own.receive(other.take(), chunk: chunk)
                #expect(own.state.owesKeyUpdate == (number % 3 != 0))
                #expect(read(other, own.seal("b"), chunk: chunk) == Array("b".utf8))
                #expect(!own.state.owesKeyUpdate)
            }
            #expect(own.received == Array("aaaaaaaaaa".utf8))
            #expect(other.sent == nil && other.received == nil)
        }
    }

    @Test(arguments: [CipherSuite.aes128GCM, .aes256GCM], roles)
    func theOtherSideFollowsOurKeyUpdate(suite: CipherSuite, role: RecordState.Role) throws {
        var (own, other) = try OpenSSLPeer.cut(role, suite)
        for number in 0..<3 {
            // As after 2^23 records, which would take this test minutes.
            own.state.owesKeyUpdate = true
            let bytes = own.seal("x\(number)")
            #expect(bytes.count == 27 + 22 + 2)
            #expect(read(other, bytes, chunk: 1) == Array("x\(number)".utf8))
        }
    }

    @Test(arguments: CipherSuite.allCases, roles)
    func keyUpdatesThatCrossAreFollowed(suite: CipherSuite, role: RecordState.Role) throws {
        var (own, other) = try OpenSSLPeer.cut(role, suite)
        other.updateKey(requested: true)
        let theirs = other.take()
        own.state.owesKeyUpdate = true
        let ours = own.seal("ours")
        #expect(read(other, ours, chunk: .max) == Array("ours".utf8))
        try own.receive(theirs)
        #expect(read(other, own.seal("again"), chunk: .max) == Array("again".utf8))
        other.write("theirs")
        try own.receive(other.take())
        #expect(own.received == Array("theirs".utf8))
    }

    @Test(arguments: CipherSuite.allCases, roles)
    func bothSidesCloseInGoodOrder(suite: CipherSuite, role: RecordState.Role) throws {
        var (own, other) = try OpenSSLPeer.cut(role, suite)
        other.feed(own.seal("last") + own.seal(alert: .closeNotify))
        let (bytes, end) = other.readAll()
        #expect(bytes == Array("last".utf8))
        #expect(end == .ended)
        other.shutDown()
        try own.receive(other.take(), chunk: 1)
        #expect(own.ended == .closeNotify)
    }

    @Test(arguments: CipherSuite.allCases, roles)
    func theOtherSideUnderstandsOurAlert(suite: CipherSuite, role: RecordState.Role) throws {
        var (own, other) = try OpenSSLPeer.cut(role, suite)
        other.write("x")
        var record = other.take()
        record[record.count - 1] ^= 1
        let fault = own.fault(of: record)
        other.feed(own.seal(alert: try #require(fault).alert))
        #expect(other.readAll().end == .failed)
        #expect(other.received == .badRecordMAC)
    }

    @Test(arguments: CipherSuite.allCases, roles)
    func anAlertOfTheOtherSideIsUnderstood(suite: CipherSuite, role: RecordState.Role) throws {
        var (own, other) = try OpenSSLPeer.cut(role, suite)
        var record = own.seal("x")
        record[8] ^= 4
        other.feed(record)
        #expect(other.readAll().end == .failed)
        try own.receive(other.take())
        #expect(own.ended == .badRecordMAC)
    }

    /// The test can fail: OpenSSL counts.
    @Test(arguments: CipherSuite.allCases, roles)
    func aSkippedNumberIsNoticedByTheOtherSide(suite: CipherSuite, role: RecordState.Role) throws {
        var (own, other) = try OpenSSLPeer.cut(role, suite)
        own.state.writing.advance()
        other.feed(own.seal("x"))
        #expect(other.readAll().end == .failed)
        #expect(other.sent == .badRecordMAC)
    }
}
