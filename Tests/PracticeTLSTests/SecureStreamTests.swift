import EventLoop
import PracticeTLS
import Testing

struct SecureStreamTests {
    private static let line = Array("{\"id\":1,\"method\":\"login\"}\n".utf8)

    @Test(arguments: [nil, Security.MaxVersion.tls12, .tls13])
    func plaintextArrivesAsItWasWritten(version: Security.MaxVersion?) throws {
        let (ours, theirs) = (try version.map { try securedServer($0) }, try version.map { try securedClient($0) })
        let meeting = try Meeting(ours, theirs)
        meeting.open()
        let server = try #require(meeting.server)
        server.answers = true
        // Longer than a record and than a read.
        let text = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
        #expect(meeting.client.write(Self.line) == .sent)
        _ = meeting.client.write(text)
        meeting.turn(until: { meeting.client.received.count >= Self.line.count + text.count })
        #expect(server.received == Self.line + text)
        #expect(meeting.client.received == Self.line + text)
        #expect((meeting.client.handshakeNanos == nil) == (version == nil))
        #expect(meeting.client.ends == 0 && server.ends == 0)
        guard let ours, let theirs else { return }
        #expect(ours.counts.securedTotal == 1 && theirs.counts.secured == ours.counts.secured)
        #expect(theirs.counts.ticketsReceived == (version == .tls13 ? 2 : 0))
        #expect(ours.counts.isClean && theirs.counts.isClean)
    }

    @Test func nothingIsWrittenBeforeTheHandshakeIsComplete() throws {
        let meeting = try Meeting(try securedServer(), try securedClient())
        #expect(meeting.client.write(Self.line) == .closed)
        meeting.turn(until: { meeting.server != nil })
        #expect(meeting.server?.write(Self.line) == .closed)
        meeting.open()
        #expect(meeting.client.received.isEmpty && meeting.server?.received.isEmpty == true)
        #expect(meeting.client.write(Self.line) == .sent)
        meeting.turn(until: { meeting.server?.received == Self.line })
    }

    @Test func aWrongFingerprintEndsTheHandshakeOnBothSides() throws {
        let ours = try securedServer()
        let found = try #require(ours.counts.fingerprint)
        let expected = String(found.dropLast(2)) + (found.hasSuffix("00") ? "01" : "00")
        let theirs = try securedClient(fingerprint: expected)
        let meeting = try Meeting(ours, theirs)
        meeting.turn(until: { meeting.client.openings == ["handshake"] && meeting.server?.openings == ["handshake"] })
        #expect(theirs.counts.failed == ["certificate fingerprint is \(found), expected \(expected)": 1])
        #expect(ours.counts.failed == ["peer sent alert 42 (bad certificate)": 1])
        #expect(meeting.client.write(Self.line) == .closed)
        #expect(meeting.client.ends == 0 && meeting.server?.ends == 0)
    }

    @Test(arguments: [Array("{\"id\":1}\n".utf8), [0x16], [0x80, 0x2e, 1, 3, 1], [0x16, 3, 1, 0, 4, 1, 2, 3, 4]])
    func aPeerThatDoesNotFinishItsHandshakeIsCounted(bytes: [UInt8]) throws {
        let ours = try securedServer()
        let meeting = try Meeting(ours, nil)
        meeting.turn(until: { meeting.client.openings == [""] && meeting.server != nil })
        meeting.client.write(bytes)
        meeting.client.finish()
        meeting.turn(until: { meeting.server?.openings == ["handshake"] })
        #expect(ours.counts.failedTotal == 1 && ours.counts.securedTotal == 0)
        #expect(meeting.server?.received.isEmpty == true)
    }

    @Test(arguments: [Security.MaxVersion.tls12, .tls13])
    func aRecordThatDoesNotDecryptBreaksTheConnection(version: Security.MaxVersion) throws {
        let (ours, theirs) = (try securedServer(version), try securedClient(version))
        let meeting = try Meeting(ours, theirs)
        meeting.open()
        meeting.client.write(Self.line)
        meeting.client.sendRaw([23, 3, 3, 0, 40] + [UInt8](repeating: 7, count: 40))
        meeting.turn(until: { meeting.server?.ends == 1 && meeting.client.ends == 1 })
        // What came before it is valid.
        #expect(meeting.server?.received == Self.line)
        #expect(ours.counts.brokenTotal == 1)
        #expect(theirs.counts.broken == ["peer sent alert 20 (bad record mac)": 1])
        #expect(meeting.server?.write(Self.line) == .closed)
    }

    @Test(arguments: [true, false]) func theEndIsAnnouncedOrCounted(isAnnounced: Bool) throws {
        let ours = try securedServer()
        let meeting = try Meeting(ours, try securedClient())
        meeting.open()
        meeting.client.write(Self.line)
        if isAnnounced { meeting.client.sendCloseNotify() }
        meeting.client.finish()
        meeting.turn(until: { meeting.server?.ends == 1 })
        #expect(meeting.server?.received == Self.line)
        #expect(ours.counts.unannouncedEnds == (isAnnounced ? 0 : 1))
        #expect(ours.counts.isClean)
    }

    @Test func everyThirdMessageAsksForAKeyUpdate() throws {
        let (ours, theirs) = (try securedServer(messagesPerKeyUpdate: 3), try securedClient())
        let meeting = try Meeting(ours, theirs)
        meeting.open()
        let server = try #require(meeting.server)
        meeting.client.answers = true
        for round in 1...10 {
            #expect(server.write([UInt8(round)]) == .sent)
            #expect(server.write([]) == .sent)
            meeting.turn(until: { server.received.count == round })
        }
        #expect(server.received == Array(1...10))
        #expect(ours.counts.keyUpdatesRequested == 3 && theirs.counts.keyUpdatesReceived == 3)
        #expect(theirs.counts.keyUpdatesRequested == 0 && ours.counts.keyUpdatesReceived == 3)
    }

    @Test func thereIsNoKeyUpdateBelow13() throws {
        let ours = try securedServer(.tls12, messagesPerKeyUpdate: 1)
        let meeting = try Meeting(ours, try securedClient())
        meeting.open()
        meeting.server?.write(Self.line)
        meeting.turn(until: { meeting.client.received == Self.line })
        #expect(ours.counts.keyUpdatesRequested == 0)
    }
}
