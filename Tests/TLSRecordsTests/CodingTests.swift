import StratumProtocol
import TestSupport
import Testing

@testable import TLSRecords

/// A state that was written and read continues as the same.
struct CodingTests {
    /// Sends anything that a side may send, both ways, cut anywhere.
    private func converse(
        _ suite: CipherSuite, seed: UInt64, steps: Int, between: (inout [Endpoint]) throws -> Void
    ) throws {
        var random = SeededGenerator(seed: seed)
        var sides = [Endpoint.pair(suite).client, Endpoint.pair(suite).server]
        // On its way to each side.
        var wires: [[UInt8]] = [[], []]
        var sent: [[UInt8]] = [[], []]
        for _ in 0..<steps {
            let side = Int.random(in: 0...1, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0...3:
                let content = random.bytes(Int.random(in: 1...600, using: &random))
                sent[1 - side] += content
                wires[1 - side] += sides[side].seal(content)
            case 4: wires[1 - side] += sides[side].forgeKeyUpdate(requested: Bool.random(using: &random))
            case 5: wires[1 - side] += sides[side].forge(23, [], padding: Int.random(in: 0...40, using: &random))
            case 6 where side == 1:
                let ticket = [4, 0, 0, 20] + random.bytes(20)
                wires[0] += sides[1].forge(22, Array(ticket.prefix(3))) + sides[1].forge(22, Array(ticket.dropFirst(3)))
            default:
                let count = min(wires[side].count, Int.random(in: 1...900, using: &random))
                try sides[side].receive(Array(wires[side].prefix(count)))
                wires[side].removeFirst(count)
            }
            try between(&sides)
        }
        for side in 0...1 {
            try sides[side].receive(wires[side])
            #expect(sides[side].received == sent[side])
        }
    }

    @Test(arguments: CipherSuite.allCases, 1...20)
    func aStateThatIsWrittenAndReadAtEachStepContinues(suite: CipherSuite, seed: Int) throws {
        var (plain, passed): ([[UInt8]], [[UInt8]]) = ([], [])
        var marks: ([UInt64], [UInt64]) = ([], [])
        try converse(suite, seed: UInt64(seed), steps: 200) { sides in
            plain.append(sides[0].encoded + sides[1].encoded)
            marks.0 += sides.map(\.state.mark)
        }
        try converse(suite, seed: UInt64(seed), steps: 200) { sides in
            for side in 0...1 { try sides[side].pass() }
            passed.append(sides[0].encoded + sides[1].encoded)
            marks.1 += sides.map(\.state.mark)
        }
        #expect(plain == passed)
        #expect(marks.0 == marks.1)
    }

    @Test(arguments: CipherSuite.allCases)
    func everyFieldIsWritten(suite: CipherSuite) throws {
        var (client, server) = Endpoint.pair(suite)
        try client.receive(server.forgeKeyUpdate(requested: true) + server.forge(23, []) + server.forge(22, [4, 0, 7]))
        try client.receive(Array(server.forge(23, [1]).prefix(9)))
        _ = client.seal(alert: .closeNotify)
        client.state.isReadClosed = true
        let before = client
        try client.pass()
        #expect(client.encoded == before.encoded)
        #expect(client.state.isReadClosed && client.state.isWriteClosed && client.state.owesKeyUpdate)
        #expect(client.state.emptyRecords == 2)
        #expect(client.state.handshake.isInMessage)
        #expect(client.state.mark == before.state.mark && client.state.mark != 0)
        #expect(client.framer.partialCount == 9)
        #expect(client.state.role == .client)
        #expect(client.state.reading.sequence == 2 && client.state.writing.sequence == 1)
    }

    @Test(arguments: CipherSuite.allCases)
    func theWrittenFormIsSmall(suite: CipherSuite) {
        let (client, _) = Endpoint.pair(suite)
        // The four bytes of the framer's length included.
        #expect(client.encoded.count <= 242)
    }

    /// Whatever is read, either is refused or is a state that can be used.
    @Test(arguments: CipherSuite.allCases)
    func aChangedFormIsRefusedOrHarmless(suite: CipherSuite) throws {
        var random = SeededGenerator(seed: 3)
        var (client, server) = Endpoint.pair(suite)
        try client.receive(server.forge(22, [4, 0, 0, 200]) + server.seal("x").prefix(10))
        let form = client.encoded
        var (refused, harmless) = (0, 0)
        for _ in 0..<20_000 {
            var changed = form
            for _ in 0...Int.random(in: 0...2, using: &random) {
                changed[Int.random(in: 0..<40, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) { changed.removeLast(Int.random(in: 0..<changed.count, using: &random)) }
            do throws(DecodingFault) {
                (client.state, client.framer) = try decoded(changed)
                harmless += 1
                _ = client.fault(of: [UInt8](repeating: 1, count: 100))
                var output: [UInt8] = []
                let content: [UInt8] = [1, 2]
                _ = try? client.state.seal(content.span, into: &output, with: client.cipher)
            } catch {
                refused += 1
            }
        }
        #expect(refused > 1_000 && harmless > 100)
    }

    private func decoded(_ form: [UInt8]) throws(DecodingFault) -> (RecordState, RecordFramer) {
        var result: Result<(RecordState, RecordFramer), DecodingFault> = .failure(.truncated)
        form.withUnsafeBytes { bytes in
            var reader = BinaryReader(bytes)
            do throws(DecodingFault) {
                result = .success((try RecordState(decoding: &reader), try RecordFramer(decoding: &reader)))
            } catch {
                result = .failure(error)
            }
        }
        return try result.get()
    }

    @Test func impossibleFieldsAreRefused() throws {
        let (client, server) = Endpoint.pair(.aes128GCM)
        let fields: [(at: Int, value: UInt8, name: String)] = [
            (0, 4, "records.suite"), (1, 0x12, "records.suite"), (2, 2, "records.role"), (3, 2, "flag"),
            (4, 255, "flag"), (5, 9, "flag"), (6, 33, "records.empty"), (7, 5, "records.handshake"),
            (8, 4, "records.handshake"), (9, 1, "records.handshake"),
        ]
        for field in fields {
            var form = client.encoded
            form[field.at] = field.value
            #expect(throws: DecodingFault.badField(field.name)) { try decoded(form) }
        }
        // Messages that cannot have begun: a ticket at a server, a type without a place, lengths out of range.
        let heads: [[UInt8]] = [
            [1, 4, 0, 0, 0, 0], [4, 13, 1, 0, 0, 0], [4, 24, 0, 0, 0, 0], [4, 24, 2, 0, 0, 0], [2, 24, 0, 1, 0, 0],
        ]
        for head in heads {
            var form = server.encoded
            form.replaceSubrange(7..<13, with: head)
            #expect(throws: DecodingFault.badField("records.handshake")) { try decoded(form) }
        }
        // Unfinished records that would have been refused, or are whole.
        for partial in [[22], [23, 3, 3, 0x41, 1], [23, 3, 3, 0, 1, 9], [23, 3, 3, 0, 0]] as [[UInt8]] {
            var form = Array(client.encoded.dropLast(4))
            form += [UInt8(partial.count), 0, 0, 0] + partial
            #expect(throws: DecodingFault.badField("records.partial")) { try decoded(form) }
        }
        for count in 0..<client.encoded.count {
            #expect(throws: DecodingFault.truncated) { try decoded(Array(client.encoded.prefix(count))) }
        }
    }
}
