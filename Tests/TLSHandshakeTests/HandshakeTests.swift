import Foundation
import Testing

@testable import TLSHandshake

@Suite struct HandshakeTests {
    @Test(arguments: [1, 2, 3, 5, 7, 64, 1000, Int.max])
    func bothEndsHaveTheSameSecretsHoweverTheBytesArrive(chunk: Int) throws {
        let talk = Conversation(try usualServer(), try ClientContext(.init()), chunk: chunk)
        let server = try #require(talk.serverState.session)
        let client = try #require(talk.clientState.session)
        #expect(server.suite == 0x1301)
        #expect(server.suite == client.suite)
        #expect(server.clientSecret.count == 32)
        #expect(server.clientSecret == client.clientSecret)
        #expect(server.serverSecret == client.serverSecret)
        #expect(server.clientSecret != server.serverSecret)
        #expect(server.versionName == "TLSv1.3")
        #expect(server.cipherName == "TLS_AES_128_GCM_SHA256")
        #expect(server.readSequence == 0 && server.writeSequence == 0)
        #expect(client.readSequence == 0 && client.writeSequence == 0)
        #expect(server.unread.isEmpty && client.unread.isEmpty)
        #expect(talk.behindServer.isEmpty && talk.behindClient.isEmpty)
        #expect(server.peerFingerprint == nil)
        #expect(client.peerFingerprint == (try usualServer()).certificate.fingerprint)
    }

    @Test(arguments: [
        ("TLS_AES_128_GCM_SHA256", UInt16(0x1301), 32), ("TLS_AES_256_GCM_SHA384", 0x1302, 48),
        ("TLS_CHACHA20_POLY1305_SHA256", 0x1303, 32),
    ])
    func eachSuiteIsNegotiated(name: String, suite: UInt16, secretBytes: Int) throws {
        let talk = Conversation(try usualServer(ciphersuites: name), try ClientContext(.init()))
        let server = try #require(talk.serverState.session)
        let client = try #require(talk.clientState.session)
        #expect(server.suite == suite && client.suite == suite)
        #expect(server.cipherName == name)
        #expect(server.clientSecret.count == secretBytes)
        #expect(server.clientSecret == client.clientSecret && server.serverSecret == client.serverSecret)
    }

    @Test(arguments: [0, 1, 4, 5, 6, 300, 5000])
    func bytesBehindTheHandshakeAreNotTouched(count: Int) throws {
        // The client's Finished with the beginning of its first records behind it, in one piece.
        let server = Handshake(server: try usualServer())!
        let client = Handshake(client: try ClientContext(.init()), host: "localhost")!
        let flight = server.receive(client.start().output)
        let step = client.receive(flight.output)
        let mine = try #require(step.state.session)
        var records = mine.fromClient
        var sent: [UInt8] = []
        while sent.count < count { sent += records.seal(Array("{\"method\":\"login\"}\n".utf8)) }
        let cut = Array(sent.prefix(count))
        let end = server.receive(step.output + cut)
        let session = try #require(end.state.session)
        #expect(end.output.isEmpty)
        #expect(session.unread == cut)
        guard count >= 300 else { return }
        var theirs = session.fromClient
        var unread = session.unread
        let record = theirs.open(&unread)
        let first = try #require(record)
        #expect(first.type == 23 && String(decoding: first.text, as: UTF8.self) == "{\"method\":\"login\"}\n")
    }

    @Test func theServerIsSecuredOnlyByTheClientsFinished() throws {
        let server = Handshake(server: try usualServer())!
        let client = Handshake(client: try ClientContext(.init()), host: "localhost")!
        let flight = server.receive(client.start().output)
        #expect(flight.state.isOngoing)
        let finished = client.receive(flight.output).output
        #expect(server.receive(Array(finished.dropLast())).state.isOngoing)
        #expect(server.receive(Array(finished.suffix(1))).state.session != nil)
    }

    @Test func aClientThatOffersNoCommonGroupAtFirstIsAskedToRetry() throws {
        let context = try usualServer()
        setGroups("P-384", of: context.raw)
        let talk = Conversation(context, try ClientContext(.init()), chunk: 1)
        #expect(talk.flightsToServer.count == 3)
        let server = try #require(talk.serverState.session)
        #expect(server.clientSecret == talk.clientState.session?.clientSecret)
        #expect(server.writeSequence == 0)
    }

    @Test func aClientWithoutCommonGroupIsRefused() throws {
        let context = try usualServer()
        let client = try ClientContext(.init())
        setGroups("P-384", of: context.raw)
        setGroups("P-521", of: client.raw)
        let talk = Conversation(context, client)
        #expect(talk.serverState.failure?.kind == .nothingInCommon)
        #expect(talk.clientState.failure?.kind == .refusedByPeer)
        #expect(talk.clientState.failure?.reason == "peer sent alert 40 (handshake failure)")
    }

    @Test func secretsAreInNoDescription() throws {
        let session = try #require(
            Conversation(try usualServer(), try ClientContext(.init())).serverState.session)
        var dumped = ""
        dump(session, to: &dumped)
        dumped += "\(session) \(String(reflecting: session)) \(HandshakeState.secured(session))"
        dumped += "\(HandshakeStep(output: [], state: .secured(session)))"
        for secret in [session.clientSecret, session.serverSecret] {
            #expect(secret.count == 32)
            #expect(!dumped.contains(hexadecimal(secret.prefix(4))))
            #expect(!dumped.contains(secret.prefix(4).map(String.init).joined(separator: ", ")))
        }
        #expect(!dumped.localizedCaseInsensitiveContains("secret"))
    }

    @Test func wipingASessionReachesItsCopies() throws {
        let session = try #require(
            Conversation(try usualServer(), try ClientContext(.init())).serverState.session)
        let copy = session
        let before = session.withSecrets { client, server in
            (client.contains { $0 != 0 } && server.contains { $0 != 0 }, client, server)
        }
        #expect(before.0)
        copy.wipe()
        #expect(session.clientSecret.isEmpty && session.serverSecret.isEmpty)
        // The memory is still there: it belongs to the session.
        #expect(before.1.allSatisfy { $0 == 0 } && before.2.allSatisfy { $0 == 0 })
        withExtendedLifetime(session) {}
    }

    @Test func onlyAHandshakeRecordLooksLikeTLS() {
        #expect((UInt8.min...UInt8.max).filter(Handshake.looksLikeTLS) == [0x16])
    }

    @Test func eachHandshakeHasSecretsOfItsOwn() throws {
        let server = try usualServer()
        let client = try ClientContext(.init())
        let secrets = try (0..<5).map { _ in
            try #require(Conversation(server, client).serverState.session).clientSecret
        }
        #expect(Set(secrets).count == 5)
    }

    @Test func aHandshakeContinuesWhenItsContextIsReplaced() throws {
        var server: ServerContext? = try usualServer()
        let handshake = Handshake(server: server!)!
        server = nil
        let client = Handshake(client: try ClientContext(.init()), host: "localhost")!
        let step = client.receive(handshake.receive(client.start().output).output)
        #expect(handshake.receive(step.output).state.session != nil)
    }
}
