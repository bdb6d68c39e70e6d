import StratumProtocol
import Testing

@testable import TLSRecords

struct SealingTests {
    @Test(arguments: CipherSuite.allCases, [0, 1, 300, 16_383, 16_384, 16_385, 50_000, 3 * 16_384])
    func aMessageBecomesAsFewRecordsAsCanBe(suite: CipherSuite, count: Int) throws {
        var (client, server) = Endpoint.pair(suite)
        let message = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        let length = client.state.ciphertextLength(of: count)
        let bytes = client.seal(message)
        #expect(bytes.count == length)
        #expect(length == count + (count + 16_383) / 16_384 * 22)
        try server.receive(bytes)
        #expect(server.received == message)
        #expect(server.dataCount == (count + 16_383) / 16_384)
    }

    @Test(arguments: CipherSuite.allCases)
    func theSameDecisionsMakeTheSameBytes(suite: CipherSuite) {
        let (first, second) = (Endpoint.pair(suite), Endpoint.pair(suite))
        var (left, right) = (first.server, second.server)
        for number in 0..<50 {
            let message = [UInt8](repeating: UInt8(number), count: number * 400)
            #expect(left.seal(message) == right.seal(message))
            #expect(left.state.mark == right.state.mark)
        }
    }

    @Test func whatWasThereInTheOutputStaysThere() throws {
        var (client, server) = Endpoint.pair(.aes128GCM)
        var output: [UInt8] = [1, 2, 3]
        let content = Array("x".utf8)
        #expect(try client.state.seal(content.span, into: &output, with: client.cipher) == 23)
        #expect(output.prefix(3) == [1, 2, 3])
        try server.receive(Array(output.dropFirst(3)))
        #expect(server.received == content)
    }

    // MARK: - The mark

    @Test(arguments: CipherSuite.allCases)
    func theMarkTellsEveryOtherHistoryApart(suite: CipherSuite) {
        let texts = ["job 1", "job 2", "job 3"]
        func marks(_ messages: [String], seed: UInt8 = 1) -> [UInt64] {
            var side = Endpoint.pair(suite, seed: seed).server
            return messages.map {
                _ = side.seal($0)
                return side.state.mark
            }
        }
        let expected = marks(texts)
        #expect(Set(expected + [0]).count == 4)
        // The same lengths, so the same numbers and offsets.
        #expect(Set(marks(["job 9", "job 2", "job 3"])).isDisjoint(with: expected))
        #expect(Set(marks(["job 2", "job 1", "job 3"])).isDisjoint(with: expected))
        #expect(marks(["job 1", "job 9", "job 3"])[0] == expected[0])
        #expect(Set(marks(["job 1", "job 9", "job 3"])[1...]).isDisjoint(with: expected))
        #expect(Set(marks(texts, seed: 2)).isDisjoint(with: expected))
        // What is cut into other records is other ciphertext.
        #expect(!marks(["job 1job 2", "job 3"]).contains(expected[2]))
    }

    @Test func alertsAndKeyUpdatesAreInTheMark() throws {
        let (_, server) = Endpoint.pair(.aes128GCM)
        var (first, second, third) = (server, server, server)
        _ = first.seal(alert: .closeNotify)
        _ = second.seal(alert: .badRecordMAC)
        third.state.owesKeyUpdate = true
        _ = third.seal("x")
        var plain = server
        _ = plain.seal("x")
        #expect(Set([0, first.state.mark, second.state.mark, third.state.mark, plain.state.mark]).count == 5)
    }

    // MARK: - Limits

    @Test(arguments: [CipherSuite.aes128GCM, .aes256GCM])
    func aKeyOfAESSealsACertainNumberOfRecords(suite: CipherSuite) throws {
        let limit: UInt64 = 1 << 23
        var (client, server) = Endpoint.pair(suite, sequence: limit - 1)
        #expect(client.seal("a").count == 23)
        #expect(client.state.ciphertextLength(of: 1) == 50)
        let bytes = client.seal("b")
        #expect(bytes.count == 50)
        #expect(client.state.writing.sequence == 1)
        let more = client.seal("c")
        #expect(more.count == 23)
        var (_, reader) = Endpoint.pair(suite, sequence: limit)
        try reader.receive(bytes + more)
        #expect(reader.received == Array("bc".utf8))
        #expect(!reader.state.owesKeyUpdate)
        // In the middle of a message.
        (client, server) = Endpoint.pair(suite, sequence: limit - 2)
        let message = [UInt8](repeating: 5, count: 5 * 16_384)
        let length = client.state.ciphertextLength(of: message.count)
        let records = client.seal(message)
        #expect(records.count == length)
        #expect(length == message.count + 5 * 22 + 27)
        try server.receive(records, chunk: 10_000)
        #expect(server.received == message)
        #expect(client.state.writing.sequence == 3)
    }

    @Test func aKeyOfChaCha20HasNoLimitOfItsOwn() throws {
        var (client, server) = Endpoint.pair(.chaCha20Poly1305, sequence: 1 << 40)
        try server.receive(client.seal("a") + client.seal("b"))
        #expect(server.received == Array("ab".utf8))
        #expect(client.state.writing.sequence == 1 << 40 + 2)
    }

    @Test(arguments: CipherSuite.allCases)
    func theLastNumberIsNotUsed(suite: CipherSuite) throws {
        var (client, _) = Endpoint.pair(suite, sequence: .max)
        var output: [UInt8] = []
        let content: [UInt8] = [1]
        #expect(throws: SealFault.sequenceExhausted) {
            try client.state.seal(content.span, into: &output, with: client.cipher)
        }
        #expect(throws: SealFault.sequenceExhausted) {
            try client.state.seal(alert: .closeNotify, into: &output, with: client.cipher)
        }
        #expect(output == [])
        #expect(client.state.mark == 0)
    }

    @Test func aMessageThatNeedsMoreNumbersThanThereAreIsRefusedWhole() throws {
        var (client, _) = Endpoint.pair(.chaCha20Poly1305, sequence: .max - 1)
        let message = [UInt8](repeating: 1, count: 16_385)
        var output: [UInt8] = []
        #expect(throws: SealFault.sequenceExhausted) {
            try client.state.seal(message.span, into: &output, with: client.cipher)
        }
        #expect(output == [])
        #expect(client.seal([1]).count == 23)
        #expect(throws: SealFault.sequenceExhausted) {
            try client.state.seal([1].span, into: &output, with: client.cipher)
        }
    }

    @Test(arguments: [Alert.closeNotify, .badRecordMAC, .unexpectedMessage])
    func nothingFollowsAnAlert(alert: Alert) throws {
        var (client, server) = Endpoint.pair(.aes256GCM)
        let bytes = client.seal("last") + client.seal(alert: alert)
        try server.receive(bytes, chunk: 4)
        #expect(server.ended == alert)
        var output: [UInt8] = []
        #expect(throws: SealFault.closed) { try client.state.seal([1].span, into: &output, with: client.cipher) }
        #expect(throws: SealFault.closed) {
            try client.state.seal(alert: alert, into: &output, with: client.cipher)
        }
        #expect(output == [])
        #expect(client.state.isWriteClosed && !client.state.isReadClosed)
    }

    // MARK: - Secrets

    @Test(arguments: CipherSuite.allCases)
    func wipingLeavesNothingToSealOrOpenWith(suite: CipherSuite) throws {
        var (client, server) = Endpoint.pair(suite)
        let record = server.seal("x")
        client.state.wipe()
        var output: [UInt8] = []
        #expect(throws: SealFault.closed) { try client.state.seal([1].span, into: &output, with: client.cipher) }
        #expect(client.fault(of: record) == nil)
        #expect(client.received == [] && output == [])
        withUnsafeBytes(of: &client.state.reading) { #expect($0.allSatisfy { $0 == 0 }) }
        withUnsafeBytes(of: &client.state.writing) { #expect($0.allSatisfy { $0 == 0 }) }
    }

    @Test func aWipedCipherCanBeUsedAgain() throws {
        var (client, server) = Endpoint.pair(.aes128GCM)
        try server.receive(client.seal("a"))
        client.cipher.wipe()
        server.cipher.wipe()
        try server.receive(client.seal("b"))
        #expect(server.received == Array("ab".utf8))
    }

    @Test func aPrintedStateHasNoSecret() {
        let (client, _) = Endpoint.pair(.aes128GCM)
        var dumped = ""
        dump(client.state, to: &dumped)
        #expect("\(client.state)" == "TLS_AES_128_GCM_SHA256, client")
        #expect(String(reflecting: client.state) == "TLS_AES_128_GCM_SHA256, client")
        #expect(dumped == "- TLS_AES_128_GCM_SHA256, client\n")
    }

    @Test func aConnectionTakesLittleMemory() {
        #expect(MemoryLayout<RecordState>.size <= 256)
        #expect(MemoryLayout<RecordFramer>.size == 8)
    }
}
