import Testing

@testable import TLSRecords

/// Handshake messages behind the handshake: tickets and KeyUpdates.
struct HandshakeMessageTests {
    private static func ticket(_ count: Int) -> [UInt8] {
        [4, UInt8(count >> 16), UInt8(count >> 8 & 0xff), UInt8(count & 0xff)] + [UInt8](repeating: 0xab, count: count)
    }

    /// Seals a message in records of that number of bytes.
    private func pieces(_ message: [UInt8], _ size: Int, of side: inout Endpoint) -> [UInt8] {
        stride(from: 0, to: message.count, by: size).flatMap {
            side.forge(22, Array(message[$0..<min($0 + size, message.count)]), padding: size < 16_000 ? $0 % 3 : 0)
        }
    }

    @Test(arguments: [1, 2, 3, 4, 5, 16, 200, 16_384], [14, 200, 16_380, 65_536])
    func aClientDropsTicketsHoweverTheyAreSplit(size: Int, count: Int) throws {
        guard count < 1_000 || size > 100 else { return }
        var (client, server) = Endpoint.pair(.aes256GCM)
        let message = HandshakeMessageTests.ticket(count)
        try client.receive(pieces(message + message, size, of: &server) + server.seal("job"), chunk: 5_000)
        #expect(client.received == Array("job".utf8))
        #expect(client.dataCount == 1)
    }

    @Test(arguments: [0, 1, 13, 65_537, 0xff_ffff])
    func aTicketOfAnImpossibleLengthIsRefused(length: Int) {
        var (client, server) = Endpoint.pair(.aes128GCM)
        let head = [4, UInt8(length >> 16), UInt8(length >> 8 & 0xff), UInt8(length & 0xff)]
        #expect(client.fault(of: pieces(head, 1, of: &server)) == .badHandshakeLength(type: 4, length: length))
        #expect(RecordFault.badHandshakeLength(type: 4, length: 0).alert == .decodeError)
    }

    @Test func aServerTakesNoTicket() {
        var (client, server) = Endpoint.pair(.aes128GCM)
        #expect(server.fault(of: client.forge(22, [4])) == .unexpectedHandshake(type: 4))
    }

    /// HelloRequest, ClientHello, ServerHello, CertificateRequest, Certificate, Finished, and numbers without a
    /// meaning.
    @Test(arguments: [UInt8(0), 1, 2, 5, 8, 11, 13, 15, 20, 23, 25, 254, 255])
    func otherMessagesAreRefusedByTheirFirstByte(type: UInt8) {
        var (client, server) = Endpoint.pair(.chaCha20Poly1305)
        #expect(server.fault(of: client.forge(22, [type])) == .unexpectedHandshake(type: type))
        #expect(client.fault(of: server.forge(22, [type, 0, 0, 0])) == .unexpectedHandshake(type: type))
        #expect(RecordFault.unexpectedHandshake(type: type).alert == .unexpectedMessage)
    }

    @Test(arguments: [0, 5])
    func anEmptyHandshakeRecordIsRefused(padding: Int) throws {
        var (client, server) = Endpoint.pair(.aes128GCM)
        #expect(server.fault(of: client.forge(22, [], padding: padding)) == .emptyHandshakeRecord)
        try client.receive(server.forge(22, [4, 0]))
        #expect(client.fault(of: server.forge(22, [], padding: padding)) == .emptyHandshakeRecord)
        #expect(RecordFault.emptyHandshakeRecord.alert == .unexpectedMessage)
    }

    @Test(arguments: [[4], [4, 0, 0, 200], [4, 0, 0, 200, 1, 2], [24], [24, 0, 0, 1]] as [[UInt8]])
    func applicationDataBetweenThePiecesOfAMessageIsRefused(beginning: [UInt8]) throws {
        for content in [[], [1]] as [[UInt8]] {
            var (client, server) = Endpoint.pair(.aes128GCM)
            try client.receive(server.forge(22, beginning))
            #expect(client.fault(of: server.forge(23, content)) == .interruptedHandshake)
        }
        #expect(RecordFault.interruptedHandshake.alert == .unexpectedMessage)
    }

    // MARK: - KeyUpdate

    @Test(arguments: CipherSuite.allCases, [1, 2, 3, 4, 5])
    func aKeyUpdateChangesTheKeyHoweverItIsSplit(suite: CipherSuite, size: Int) throws {
        var (client, server) = Endpoint.pair(suite)
        try server.receive(client.seal("before "))
        let update = pieces([24, 0, 0, 1, 0], size, of: &client)
        client.state.writing.update(suite)
        try server.receive(update + client.seal("behind"), chunk: 7)
        #expect(server.received == Array("before behind".utf8))
        #expect(!server.state.owesKeyUpdate)
    }

    @Test func theFormerKeyIsOfNoUseBehindAKeyUpdate() throws {
        var (client, server) = Endpoint.pair(.aes128GCM)
        var former = client
        try server.receive(client.forgeKeyUpdate(requested: false))
        _ = former.forge(23, [0])
        #expect(server.fault(of: former.seal("x")) == .badTag)
    }

    @Test func aKeyUpdateMayFollowATicketInItsRecord() throws {
        var (client, server) = Endpoint.pair(.aes256GCM)
        let record = server.forge(22, HandshakeMessageTests.ticket(20) + [24, 0, 0, 1, 1])
        server.state.writing.update(.aes256GCM)
        try client.receive(record + server.seal("x"))
        #expect(client.received == Array("x".utf8))
        #expect(client.state.owesKeyUpdate)
    }

    @Test(arguments: [[0], [4], [24, 0, 0, 1, 0]] as [[UInt8]])
    func aKeyUpdateMustEndItsRecord(rest: [UInt8]) {
        var (client, server) = Endpoint.pair(.aes128GCM)
        #expect(client.fault(of: server.forge(22, [24, 0, 0, 1, 0] + rest)) == .bytesBehindKeyUpdate)
        #expect(RecordFault.bytesBehindKeyUpdate.alert == .unexpectedMessage)
    }

    @Test(arguments: [UInt8(2), 3, 255])
    func aKeyUpdateRequestsOneOrNone(request: UInt8) {
        var (client, server) = Endpoint.pair(.aes128GCM)
        #expect(server.fault(of: client.forge(22, [24, 0, 0, 1, request])) == .badKeyUpdate(request))
        #expect(RecordFault.badKeyUpdate(request).alert == .illegalParameter)
    }

    @Test(arguments: [0, 2, 256, 65_537])
    func aKeyUpdateHasOneByte(length: Int) {
        var (client, server) = Endpoint.pair(.aes128GCM)
        let head = [24, UInt8(length >> 16), UInt8(length >> 8 & 0xff), UInt8(length & 0xff)]
        #expect(server.fault(of: client.forge(22, head)) == .badHandshakeLength(type: 24, length: length))
    }

    @Test(arguments: CipherSuite.allCases)
    func aLaterKeyUpdateDoesNotCancelTheRequest(suite: CipherSuite) throws {
        var (client, server) = Endpoint.pair(suite)
        try server.receive(client.forgeKeyUpdate(requested: true) + client.forgeKeyUpdate(requested: false))
        #expect(server.seal("job").count == 27 + 25)
        try server.receive(client.forgeKeyUpdate(requested: false))
        #expect(server.seal("job").count == 25)
    }

    @Test(arguments: CipherSuite.allCases)
    func theAnswerToAKeyUpdateComesBeforeTheNextDataAndOnce(suite: CipherSuite) throws {
        var (client, server) = Endpoint.pair(suite)
        for _ in 0..<3 { try server.receive(client.forgeKeyUpdate(requested: true)) }
        try server.receive(client.seal("login"))
        let answer = server.seal("job")
        #expect(answer.count == 27 + 22 + 3)
        var twin = client
        try twin.receive(Array(answer.prefix(27)))
        #expect(twin.state.reading.sequence == 0)
        #expect(twin.dataCount == 0)
        #expect(!twin.state.owesKeyUpdate)
        try client.receive(answer)
        try client.receive(server.seal("job 2"))
        #expect(client.received == Array("jobjob 2".utf8))
        try server.receive(client.seal("share"))
        #expect(server.received == Array("loginshare".utf8))
    }
}
