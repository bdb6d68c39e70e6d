import COpenSSL
import Testing

@testable import TLSHandshake

/// OpenSSL as the record layer of TLS 1.3, as the practice peers have it.
@Suite struct KeptRecordLayerTests {
    private static let login = Array("{\"id\":1,\"method\":\"login\"}\n".utf8)

    private func server(tickets: Int = 0, protocols: String? = nil) throws -> ServerContext {
        var settings = UsualPair.shared.settings
        settings.protocols = protocols
        settings.keepsOpenSSL = true
        settings.tickets = tickets
        return try ServerContext(settings, now: now)
    }

    private func client(_ versions: Set<TLSVersion> = TLSVersion.usual) throws -> ClientContext {
        try ClientContext(.init(versions: versions, keepsOpenSSL: true))
    }

    private func pair(protocols: String? = nil) throws -> (server: TLSStream, client: TLSStream) {
        let talk = Conversation(try server(protocols: protocols), try client())
        return (try #require(talk.serverState.stream), try #require(talk.clientState.stream))
    }

    @Test func openSSLStaysTheRecordLayerAt13() throws {
        let (server, client) = try pair()
        #expect(server.versionName == "TLSv1.3" && client.versionName == "TLSv1.3")
        #expect(server.cipherName == "TLS_AES_128_GCM_SHA256")
        #expect(client.peerFingerprint == (try usualServer()).certificate.fingerprint)
        #expect(server.read(client.write(Self.login)).plaintext == Self.login)
        #expect(client.read(server.write(Self.login)).plaintext == Self.login)
        #expect(server.read(client.close()).end == .closed)
    }

    @Test func theOtherEndMayBeCut() throws {
        // OpenSSL reads what is sealed under the secrets of the cut, and the other way round.
        let talk = Conversation(try usualServer(), try client())
        let cut = try #require(talk.serverState.session)
        let kept = try #require(talk.clientState.stream)
        var (fromClient, fromServer) = (cut.fromClient, cut.fromServer)
        for _ in 0..<3 {
            var sent = kept.write(Self.login)
            #expect(fromClient.open(&sent)?.text == Self.login)
            #expect(kept.read(fromServer.seal(Self.login)).plaintext == Self.login)
        }
    }

    @Test(arguments: [0, 1, 2, 5])
    func aClientGetsTheTicketsOfTheSettings(tickets: Int) throws {
        let talk = Conversation(try server(tickets: tickets), try client())
        let stream = try #require(talk.clientState.stream)
        #expect(talk.behindClient.isEmpty == (tickets == 0))
        let received = stream.read(talk.behindClient)
        #expect(received.tickets == tickets && received.plaintext.isEmpty && received.end == nil)
        #expect(stream.read(try #require(talk.serverState.stream).write(Self.login)).plaintext == Self.login)
    }

    @Test func bytesBehindTheFinishedAreRead() throws {
        let server = Handshake(server: try server(tickets: 2))!
        let client = Handshake(client: try client(), host: "localhost")!
        let step = client.receive(server.receive(client.start().output).output)
        let theirs = try #require(step.state.stream)
        let records = theirs.write(Self.login) + theirs.write(Self.login)
        let end = server.receive(step.output + records)
        guard case .streaming(let ours, let unread) = end.state else {
            Issue.record("\(end.state)")
            return
        }
        #expect(unread == records)
        #expect(ours.read(unread).plaintext == Self.login + Self.login)
        #expect(theirs.read(end.output + ours.write([7])).plaintext == [7])
    }

    @Test(arguments: [(true, false), (false, true), (true, true)])
    func keysAreUpdatedInBothDirections(serverAsks: Bool, clientAsks: Bool) throws {
        let (server, client) = try pair()
        var (atServer, atClient) = (0, 0)
        /// Both write, and the records cross. An answer is written with the next record, or while one is read.
        func cross(_ text: [UInt8]) throws {
            var (toServer, toClient) = (client.write(text), server.write(text))
            var (readByServer, readByClient): ([UInt8], [UInt8]) = ([], [])
            while !toServer.isEmpty || !toClient.isEmpty {
                let (ofServer, ofClient) = (server.read(toServer), client.read(toClient))
                try #require(ofServer.end == nil && ofClient.end == nil)
                readByServer += ofServer.plaintext
                readByClient += ofClient.plaintext
                atServer += ofServer.keyUpdates
                atClient += ofClient.keyUpdates
                (toServer, toClient) = (ofClient.output, ofServer.output)
            }
            #expect(readByServer == text && readByClient == text)
        }
        for round in 0..<200 {
            if serverAsks { #expect(server.requestKeyUpdate()) }
            if clientAsks { #expect(client.requestKeyUpdate()) }
            try cross(Self.login + [UInt8(round)])
            try cross(Self.login)
        }
        // When both ask, each also answers the other.
        let each = serverAsks && clientAsks ? 400 : 200
        #expect(atServer == each && atClient == each)
    }

    @Test func thereIsNoKeyUpdateBelow13NorAfterTheEnd() throws {
        let (older, _) = try pair(protocols: "TLSv1.2")
        #expect(!older.requestKeyUpdate())
        let (closed, other) = try pair()
        #expect(!closed.close().isEmpty)
        #expect(!closed.requestKeyUpdate())
        _ = other.read([23, 3, 3, 0, 17] + [UInt8](repeating: 0, count: 17))
        #expect(!other.requestKeyUpdate())
    }

    @Test(arguments: [1, 3, 22, 4096, 16_406, 60_000])
    func recordsAndKeyUpdatesArriveInPieces(chunk: Int) throws {
        let (server, client) = try pair()
        let text = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        var sent: [UInt8] = []
        for _ in 0..<3 {
            #expect(client.requestKeyUpdate())
            sent += client.write(text)
        }
        var (received, keyUpdates): ([UInt8], Int) = ([], 0)
        for start in stride(from: 0, to: sent.count, by: chunk) {
            let step = server.read(Array(sent[start..<min(start + chunk, sent.count)]))
            #expect(step.end == nil)
            received += step.plaintext
            keyUpdates += step.keyUpdates
        }
        #expect(received == text + text + text)
        #expect(keyUpdates == 3)
    }

    @Test(arguments: [0, 4, 5, 20, 40])
    func aChangedRecordEndsTheStream(position: Int) throws {
        let (server, client) = try pair()
        var sent = client.write(Self.login)
        sent[position] ^= 1
        // A longer length waits for more.
        let received = server.read(sent + client.write([0]))
        #expect(received.plaintext.isEmpty && !received.output.isEmpty)
        guard case .failed = received.end else {
            Issue.record("accepted")
            return
        }
    }

    @Test func aClientOffersOnlyItsVersions() throws {
        let old = Conversation(try server(), try client([.tls12]))
        #expect(old.serverState.stream?.versionName == "TLSv1.2")
        let new = Conversation(try server(protocols: "TLSv1.2"), try client([.tls13]))
        #expect(new.serverState.failure?.kind == .nothingInCommon)
    }

    @Test func aStreamOutlivesItsHandshakeAndContext() throws {
        var talk: Conversation? = Conversation(try server(tickets: 1), try client())
        let ours = try #require(talk?.serverState.stream)
        let theirs = try #require(talk?.clientState.stream)
        let tickets = talk?.behindClient ?? []
        talk = nil
        #expect(ours.requestKeyUpdate())
        let received = theirs.read(tickets + ours.write(Self.login))
        #expect(received.plaintext == Self.login && received.tickets == 1 && received.keyUpdates == 1)
    }
}
