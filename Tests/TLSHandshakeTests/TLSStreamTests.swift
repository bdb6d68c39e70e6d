import COpenSSL
import Testing

@testable import TLSHandshake

@Suite struct TLSStreamTests {
    private func pair(protocols: String = "TLSv1.2") throws -> (server: TLSStream, client: TLSStream) {
        let talk = Conversation(try usualServer(protocols: protocols), try ClientContext(.init()))
        return (try #require(talk.serverState.stream), try #require(talk.clientState.stream))
    }

    @Test func openSSLStaysTheRecordLayerBelow13() throws {
        let (server, client) = try pair()
        #expect(server.versionName == "TLSv1.2")
        #expect(server.cipherName == "ECDHE-ECDSA-AES256-GCM-SHA384")
        #expect(client.peerFingerprint == (try usualServer()).certificate.fingerprint)
        let received = server.read(client.write(Array("login\n".utf8)))
        #expect(received.plaintext == Array("login\n".utf8))
        #expect(received.output.isEmpty && received.end == nil)
        #expect(client.read(server.write(Array("job\n".utf8))).plaintext == Array("job\n".utf8))
    }

    @Test(arguments: [1, 2, 7, 100, 4095, 4096, 4097, 16_389, 40_000])
    func recordsArriveInPieces(chunk: Int) throws {
        let (server, client) = try pair()
        let text = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let sent = client.write(text)
        #expect(sent.count <= text.count + 4 * 69)
        var received: [UInt8] = []
        for start in stride(from: 0, to: sent.count, by: chunk) {
            let step = server.read(Array(sent[start..<min(start + chunk, sent.count)]))
            #expect(step.end == nil)
            received += step.plaintext
        }
        #expect(received == text)
    }

    @Test func bytesBehindTheHandshakeComeOutAsTheyCameIn() throws {
        let server = Handshake(server: try usualServer(protocols: "TLSv1.2"))!
        let client = Handshake(client: try ClientContext(.init()), host: "localhost")!
        var toServer = client.start().output
        var toClient: [UInt8] = []
        // A client has nothing behind its Finished before the server's arrives. A hostile one may.
        toClient = server.receive(toServer).output
        toServer = client.receive(toClient).output
        let step = server.receive(toServer + [23, 3, 3, 0, 2, 1, 2])
        guard case .streaming(let stream, let unread) = step.state else {
            Issue.record("not streaming")
            return
        }
        #expect(unread == [23, 3, 3, 0, 2, 1, 2])
        guard case .failed = stream.read(unread).end else {
            Issue.record("garbage was accepted")
            return
        }
    }

    @Test func closeNotifyEndsOneDirectionInGoodOrder() throws {
        let (server, client) = try pair()
        let last = client.write([1, 2, 3]) + client.close()
        #expect(client.write([4]).isEmpty)
        #expect(client.close().isEmpty)
        let received = server.read(last)
        #expect(received.plaintext == [1, 2, 3])
        #expect(received.end == .closed)
        #expect(server.read([0]).end == .closed)
        // The other direction is open until it is closed.
        #expect(client.read(server.write([5, 6])).plaintext == [5, 6])
        #expect(client.read(server.close()).end == .closed)
    }

    @Test(arguments: [0, 4, 5, 13, 20, 30])
    func aChangedRecordEndsTheStream(position: Int) throws {
        let (server, client) = try pair()
        var sent = client.write(Array("0123456789".utf8))
        sent[position] ^= 1
        // A longer length waits for more.
        let received = server.read(sent + client.write([0]))
        #expect(received.plaintext.isEmpty)
        guard case .failed(let reason) = received.end else {
            Issue.record("accepted")
            return
        }
        #expect(!reason.isEmpty)
        #expect(received.output.first == 21)
        #expect(server.write([1]).isEmpty)
        #expect(server.close().isEmpty)
    }

    @Test func aRepeatedRecordEndsTheStream() throws {
        let (server, client) = try pair()
        let sent = client.write([1])
        #expect(server.read(sent).plaintext == [1])
        guard case .failed = server.read(sent).end else {
            Issue.record("accepted")
            return
        }
    }

    @Test(arguments: ["TLSv1", "TLSv1.1"])
    func outdatedVersionsAreServedOnlyOnRequest(version: String) throws {
        let client = try ClientContext(.init())
        let wanted = try #require(TLSVersion(rawValue: version))
        TLSVersion.permit([wanted], in: client.raw)
        let refused = Conversation(try usualServer(), client)
        #expect(refused.serverState.failure?.kind == .nothingInCommon)
        #expect(refused.clientState.failure?.reason == "peer sent alert 70 (protocol version)")
        let accepted = Conversation(try usualServer(protocols: "\(version) TLSv1.2 TLSv1.3"), client)
        #expect(accepted.serverState.stream?.versionName == version)
        #expect(accepted.clientState.stream?.versionName == version)
    }

    @Test func aCipherWithoutForwardSecrecyIsRefusedByDefault() throws {
        let client = try ClientContext(.init())
        TLSVersion.permit([.tls12], in: client.raw)
        for ciphers in ["AES128-SHA", "ECDHE+AES:!AESGCM", "AES256-GCM-SHA384"] {
            SSL_CTX_set_cipher_list(client.raw, ciphers)
            #expect(Conversation(try usualServer(), client).serverState.failure?.kind == .nothingInCommon)
        }
        SSL_CTX_set_cipher_list(client.raw, "ECDHE+AES:!AESGCM")
        let asked = try usualServer(ciphers: "ECDHE+AES")
        #expect(Conversation(asked, client).serverState.stream?.cipherName.hasPrefix("ECDHE-ECDSA-AES") == true)
    }
}
