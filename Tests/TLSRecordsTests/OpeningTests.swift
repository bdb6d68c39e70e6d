import Testing

@testable import TLSRecords

/// What a peer may send after the handshake, and how each fault ends.
struct OpeningTests {
    static let chunks = [1, 3, 5, 6, 21, 1_000, .max]

    @Test(arguments: CipherSuite.allCases, chunks)
    func howTheNetworkCutsTheBytesDoesNotMatter(suite: CipherSuite, chunk: Int) throws {
        var (client, server) = Endpoint.pair(suite)
        var bytes: [UInt8] = []
        for text in ["one", "two\n", String(repeating: "three", count: 300), "4"] { bytes += client.seal(text) }
        try server.receive(bytes, chunk: chunk)
        #expect(server.received == Array(("onetwo\n" + String(repeating: "three", count: 300) + "4").utf8))
        #expect(server.dataCount == 4)
        #expect(server.framer.partialCount == 0)
    }

    @Test(arguments: CipherSuite.allCases)
    func theLongestRecordIsOpenedAndALongerOneIsNot(suite: CipherSuite) throws {
        var (client, server) = Endpoint.pair(suite)
        let longest = [UInt8](repeating: 7, count: RecordSize.contentBytesMax)
        try server.receive(client.forge(23, longest))
        #expect(server.received == longest)
        #expect(server.fault(of: client.forge(23, longest + [7])) == .contentTooLong(16_386))
        // Padding counts.
        (client, server) = Endpoint.pair(suite)
        try server.receive(client.forge(23, [1], padding: 16_383), chunk: 4_096)
        #expect(server.received == [1])
        #expect(server.fault(of: client.forge(23, [1], padding: 16_384)) == .contentTooLong(16_386))
    }

    @Test(arguments: [1, 4, 5, 100])
    func aRecordTooLongIsRefusedByItsHead(chunk: Int) {
        var (_, server) = Endpoint.pair(.aes128GCM)
        #expect(server.fault(of: [23, 3, 3, 0x41, 0x01], chunk: chunk) == .recordTooLong(16_641))
        (_, server) = Endpoint.pair(.aes128GCM)
        #expect(server.fault(of: [23, 3, 3, 0xff, 0xff], chunk: chunk) == .recordTooLong(65_535))
        (_, server) = Endpoint.pair(.aes128GCM)
        #expect(server.fault(of: [23, 3, 3, 0x41, 0x00], chunk: chunk) == nil)
        #expect(server.framer.partialCount == 5)
    }

    @Test func noMoreThanOneRecordIsHeld() throws {
        var (client, server) = Endpoint.pair(.aes256GCM)
        var record = client.forge(inner: [UInt8](repeating: 0, count: RecordSize.bodyBytesMax - RecordSize.tagBytes))
        let last = record.removeLast()
        try server.receive(record, chunk: 999)
        #expect(server.framer.partialCount == 5 + 16_384 + 256 - 1)
        #expect(server.fault(of: [last]) == .contentTooLong(16_624))
        #expect(server.framer.partialCount == 0)
    }

    /// Only application data comes from outside after the handshake: no ChangeCipherSpec, nothing in plaintext.
    @Test(arguments: [UInt8(0), 20, 21, 22, 24, 0x47, 255])
    func otherRecordsAreRefusedByTheirFirstByte(type: UInt8) {
        var (_, server) = Endpoint.pair(.aes128GCM)
        #expect(server.fault(of: [type]) == .unexpectedRecord(type: type))
        #expect(server.fault(of: [type, 3, 3, 0, 1, 1]) == .unexpectedRecord(type: type))
        #expect(RecordFault.unexpectedRecord(type: type).alert == .unexpectedMessage)
    }

    @Test(arguments: [0, 1, 15])
    func aRecordShorterThanItsTagIsRefused(count: Int) {
        var (_, server) = Endpoint.pair(.chaCha20Poly1305)
        let record = [23, 3, 3, 0, UInt8(count)] + [UInt8](repeating: 1, count: count)
        #expect(server.fault(of: record) == .recordTooShort(count))
        #expect(RecordFault.recordTooShort(count).alert == .badRecordMAC)
    }

    @Test(arguments: CipherSuite.allCases)
    func aChangedByteAnywhereIsRefused(suite: CipherSuite) {
        var (client, _) = Endpoint.pair(suite)
        let record = client.seal("{\"id\":1}\n")
        for position in record.indices where ![0, 3, 4].contains(position) {
            for bit in 0..<8 {
                var (_, server) = Endpoint.pair(suite)
                var changed = record
                changed[position] ^= 1 << UInt8(bit)
                #expect(server.fault(of: changed) == .badTag)
                #expect(server.received == [])
            }
        }
        #expect(RecordFault.badTag.alert == .badRecordMAC)
    }

    @Test(arguments: CipherSuite.allCases)
    func aRecordIsOpenedOnceAndInItsTurn(suite: CipherSuite) throws {
        var (client, server) = Endpoint.pair(suite)
        let records = [client.seal("a"), client.seal("b"), client.seal("c")]
        try server.receive(records[0])
        var twin = server
        #expect(twin.fault(of: records[0]) == .badTag)
        twin = server
        #expect(twin.fault(of: records[2]) == .badTag)
        try server.receive(records[1] + records[2])
        #expect(server.received == Array("abc".utf8))
    }

    @Test func nothingIsOpenedBehindAFault() throws {
        var (client, server) = Endpoint.pair(.aes128GCM)
        let record = client.seal("a")
        var changed = record
        changed[7] ^= 1
        #expect(server.fault(of: changed) == .badTag)
        #expect(server.fault(of: record) == nil)
        #expect(server.received == [])
        #expect(server.state.isReadClosed)
    }

    @Test(arguments: [0, 1, 200])
    func aRecordOfPaddingAloneIsRefused(padding: Int) {
        var (client, server) = Endpoint.pair(.aes256GCM)
        #expect(server.fault(of: client.forge(inner: [UInt8](repeating: 0, count: padding))) == .missingContentType)
        #expect(RecordFault.missingContentType.alert == .unexpectedMessage)
    }

    @Test(arguments: [1, 2, 31, 1_000])
    func paddingIsRemoved(padding: Int) throws {
        var (client, server) = Endpoint.pair(.chaCha20Poly1305)
        try server.receive(client.forge(23, [0, 5, 0, 0], padding: padding))
        #expect(server.received == [0, 5, 0, 0])
    }

    @Test(arguments: [UInt8(1), 20, 24, 255])
    func contentOfAnotherTypeIsRefused(type: UInt8) {
        var (client, server) = Endpoint.pair(.aes128GCM)
        #expect(server.fault(of: client.forge(type, [1])) == .unexpectedContent(type: type))
        #expect(RecordFault.unexpectedContent(type: type).alert == .unexpectedMessage)
    }

    @Test func thirtyTwoEmptyRecordsInARowAreAllowed() throws {
        var (client, server) = Endpoint.pair(.aes128GCM)
        for _ in 0..<3 {
            for padding in 0..<32 { try server.receive(client.forge(23, [], padding: padding)) }
            try server.receive(client.seal("x"))
        }
        for _ in 0..<32 { try server.receive(client.forge(23, [])) }
        #expect(server.fault(of: client.forge(23, [])) == .tooManyEmptyRecords)
        #expect(server.received == Array("xxx".utf8))
        #expect(RecordFault.tooManyEmptyRecords.alert == .unexpectedMessage)
    }

    @Test func keyUpdatesCountAsEmptyRecords() throws {
        var (client, server) = Endpoint.pair(.aes128GCM)
        for _ in 0..<2 {
            for number in 0..<32 { try server.receive(client.forgeKeyUpdate(requested: number % 2 == 0)) }
            try server.receive(client.seal("x"))
        }
        for _ in 0..<16 {
            try server.receive(client.forge(23, []))
            try server.receive(client.forgeKeyUpdate(requested: false))
        }
        #expect(server.fault(of: client.forgeKeyUpdate(requested: true)) == .tooManyEmptyRecords)
    }

    // MARK: - Alerts

    @Test(arguments: [UInt8(0), 10, 42, 80, 90, 255], [UInt8(1), 2, 77])
    func anAlertEndsTheStreamWithItsCode(code: UInt8, level: UInt8) throws {
        var (client, server) = Endpoint.pair(.aes256GCM)
        try server.receive(client.seal("last") + client.forge(21, [level, code], padding: 3))
        #expect(server.received == Array("last".utf8))
        #expect(server.ended == Alert(rawValue: code))
        try server.receive(client.seal("more"))
        #expect(server.received == Array("last".utf8))
    }

    @Test func alertsHaveNames() {
        #expect(Alert.closeNotify.name == "close_notify")
        #expect(Alert(rawValue: 46).name == "certificate_unknown")
        #expect(Alert(rawValue: 200).name == nil)
    }

    @Test(arguments: [[], [0], [1, 0, 0], [1, 0, 1, 0]] as [[UInt8]])
    func anAlertHasTwoBytes(content: [UInt8]) {
        var (client, server) = Endpoint.pair(.aes128GCM)
        #expect(server.fault(of: client.forge(21, content)) == .badAlert(length: content.count))
        #expect(RecordFault.badAlert(length: 1).alert == .decodeError)
    }

    @Test func aPeerMayEndBetweenThePiecesOfAMessage() throws {
        var (server, client) = Endpoint.pair(.aes128GCM)
        (server, client) = (client, server)
        try client.receive(server.forge(22, [4, 0, 1]) + server.forge(21, [2, 80]))
        #expect(client.ended == .internalError)
    }

    // MARK: - Numbers

    @Test(arguments: CipherSuite.allCases)
    func readingRefusesTheLastNumber(suite: CipherSuite) throws {
        var (client, server) = Endpoint.pair(suite, sequence: .max - 1)
        try server.receive(client.forge(23, [1]))
        #expect(server.fault(of: [23, 3, 3, 0, 17] + [UInt8](repeating: 0, count: 17)) == .sequenceExhausted)
        #expect(RecordFault.sequenceExhausted.alert == .internalError)
        (client, server) = Endpoint.pair(suite, sequence: .max - 1)
        try server.receive(client.forgeKeyUpdate(requested: false) + client.seal("on"))
        #expect(server.received == Array("on".utf8))
    }

    @Test func secretsOfAnotherLengthAreRefused() {
        for (suite, count) in [(CipherSuite.aes128GCM, 48), (.aes256GCM, 32), (.chaCha20Poly1305, 31)] {
            let (good, bad) = ([UInt8](repeating: 1, count: suite.secretBytes), [UInt8](repeating: 1, count: count))
            #expect(RecordState(suite, as: .client, clientSecret: good.span, serverSecret: bad.span) == nil)
            #expect(RecordState(suite, as: .client, clientSecret: bad.span, serverSecret: good.span) == nil)
        }
    }
}
