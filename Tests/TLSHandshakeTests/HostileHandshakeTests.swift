import Foundation
import TestSupport
import Testing

@testable import TLSHandshake

/// Peers that do not follow the protocol: each handshake ends with a reason, and nothing grows.
@Suite struct HostileHandshakeTests {
    private func server() throws -> Handshake { Handshake(server: try usualServer())! }

    private func client() throws -> Handshake {
        let client = Handshake(client: try ClientContext(.init()), host: "localhost")!
        _ = client.start()
        return client
    }

    private func hello() throws -> [UInt8] {
        Handshake(client: try ClientContext(.init()), host: "localhost")!.start().output
    }

    @Test(arguments: [
        "{\"id\":1,\"method\":\"login\"}\n", "GET / HTTP/1.1\r\n\r\n", "\r\n", "\0", "\u{15}\u{3}\u{3}",
        "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
    ])
    func whatIsNotTLSIsRefusedAtTheFirstByteWithoutAnAnswer(text: String) throws {
        for chunk in [1, 1000] {
            let step = try server().receive(Array(Array(text.utf8).prefix(chunk)))
            #expect(step.state.failure?.kind == .notTLS)
            #expect(step.state.failure?.reason.hasPrefix("peer does not speak TLS: ") == true)
            #expect(step.output.isEmpty)
        }
    }

    @Test func aPoolWithoutTLSIsNamedSo() throws {
        #expect(
            try client().receive(Array("{\"id\":1}\n".utf8)).state.failure
                == HandshakeFailure(kind: .notTLS, reason: "peer does not speak TLS: it sent text"))
        #expect(
            try client().receive([0x80, 1, 2]).state.failure
                == HandshakeFailure(kind: .notTLS, reason: "peer does not speak TLS: its first byte is 0x80"))
    }

    @Test(
        arguments: [
            [0x16, 0x05, 0x01, 0, 10], [0x16, 0x00, 0x00, 0, 10], [0x16, 0x16, 0x16, 0x16, 0x16],
            [0x16, 3, 1, 0xff, 0xff],
            [0x16, 3, 1, 0x48, 0x01], [0x16, 3, 3, 0x48, 0x00],
        ] as [[UInt8]])
    func anInvalidHeaderIsNotWaitedFor(header: [UInt8]) throws {
        let length = Int(header[3]) << 8 | Int(header[4])
        let handshake = try server()
        var step = handshake.receive(header)
        if step.state.isOngoing {
            // A length that some version allows: with the whole record OpenSSL decides.
            #expect(length <= 16_384 + 2048)
            step = handshake.receive([UInt8](repeating: 0, count: length) + [0x16, 3, 1, 0, 1, 1])
        }
        let failure = try #require(step.state.failure)
        #expect(failure.kind != .notTLS)
        #expect(!failure.reason.isEmpty)
        // OpenSSL answers a wrong version number only if it is near to a right one.
        #expect(header[1] != 3 || step.output.first == 21, "an alert")
    }

    @Test func aTruncatedHandshakeWaits() throws {
        let hello = try hello()
        for count in 0..<hello.count {
            #expect(try server().receive(Array(hello.prefix(count))).state.isOngoing)
        }
    }

    @Test func aHelloInManyRecordsOfOneByteIsUnderstood() throws {
        let body = try hello().dropFirst(5)
        let server = try server()
        var step = HandshakeStep(output: [], state: .ongoing)
        for byte in body { step = server.receive([0x16, 3, 1, 0, 1, byte]) }
        #expect(step.state.isOngoing)
        #expect(step.output.count > 500, "the server's flight")
    }

    @Test func emptyRecordsAreLimited() throws {
        let server = try server()
        var failure: HandshakeFailure?
        for _ in 0..<40 where failure == nil { failure = server.receive([0x16, 3, 1, 0, 0]).state.failure }
        #expect(failure?.kind == .protocolError)
    }

    @Test func aHelloWithoutEndIsGivenUp() throws {
        // A hello that announces 16 MB, in records of the largest size.
        let server = try server()
        let first: [UInt8] = [0x16, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff] + [UInt8](repeating: 0, count: 16_380)
        var failure = server.receive(first).state.failure
        var count = first.count
        while failure == nil {
            failure = server.receive([0x16, 3, 1, 0x40, 0] + [UInt8](repeating: 0, count: 16_384)).state.failure
            count += 16_389
        }
        // OpenSSL refuses the announced length.
        #expect(count == first.count)
        #expect(failure?.kind == .protocolError)
    }

    @Test func aServerWithAnEndlessChainIsGivenUp() throws {
        let scratch = Scratch()
        try scratch.openssl("req -x509 -newkey rsa:2048 -nodes -keyout k.pem -out c.pem -days 30 -subj /CN=long")
        let certificate = scratch.text("c.pem")
        for (count, isTooLong) in [(20, false), (100, true)] {
            scratch.place(String(repeating: certificate, count: count), at: "chain.pem")
            let server = try ServerContext(
                .init(certificateFile: scratch.path(of: "chain.pem"), keyFile: scratch.path(of: "k.pem")), now: now)
            for chunk in [1000, Int.max] {
                let state = Conversation(server, try ClientContext(.init()), chunk: chunk).clientState
                let expected = HandshakeFailure(kind: .tooLong, reason: "handshake has more than 65536 bytes")
                #expect(state.failure == (isTooLong ? expected : nil))
            }
        }
    }

    @Test func aClientThatNeverFinishesIsGivenUp() throws {
        // Compatibility records are legal in any number while the handshake lasts.
        let server = try server()
        _ = server.receive(try hello())
        var failure: HandshakeFailure?
        var count = 0
        while failure == nil, count < 200_000 {
            failure = server.receive([20, 3, 3, 0, 1, 1]).state.failure
            count += 6
        }
        #expect(count <= 65_536 + 6)
        #expect(failure != nil)
    }

    @Test func theLimitCountsOnlyTheHandshake() throws {
        let server = try server()
        let client = Handshake(client: try ClientContext(.init()), host: "localhost")!
        let step = client.receive(server.receive(client.start().output).output)
        let behind = [UInt8](repeating: 23, count: 200_000)
        #expect(server.receive(step.output + behind).state.session?.unread.count == behind.count)
    }

    @Test func alertsOfThePeerAreNamed() throws {
        #expect(
            try client().receive([21, 3, 3, 0, 2, 2, 40]).state.failure
                == HandshakeFailure(kind: .refusedByPeer, reason: "peer sent alert 40 (handshake failure)"))
        #expect(
            try client().receive([21, 3, 3, 0, 2, 2, 112]).state.failure
                == HandshakeFailure(kind: .refusedByPeer, reason: "peer sent alert 112 (unrecognized name)"))
        let server = try server()
        _ = server.receive(try hello())
        #expect(
            server.receive([21, 3, 3, 0, 2, 2, 42]).state.failure
                == HandshakeFailure(kind: .refusedByPeer, reason: "peer sent alert 42 (bad certificate)"))
    }

    @Test func applicationDataInsteadOfFinishedIsRefused() throws {
        let server = try server()
        _ = server.receive(try hello())
        let step = server.receive([23, 3, 3, 0, 30] + [UInt8](repeating: 7, count: 30))
        #expect(step.state.failure?.kind == .protocolError)
        #expect(!step.output.isEmpty, "an alert")
    }

    @Test func onesOwnHelloIsRefused() throws {
        let hello = try hello()
        #expect(try client().receive(hello).state.failure?.kind == .protocolError)
    }

    /// `MILLRACE_MUTATIONS` changes how many of each kind are tried.
    private var mutations: Int { ProcessInfo.processInfo.environment["MILLRACE_MUTATIONS"].flatMap { Int($0) } ?? 1000 }

    private func mutate(_ bytes: [UInt8], by random: inout some RandomNumberGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            guard !bytes.isEmpty else { return bytes }
            let position = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0: bytes[position] = .random(in: 0...255, using: &random)
            case 1: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2: bytes.remove(at: position)
            case 3: bytes.insert(.random(in: 0...255, using: &random), at: position)
            case 4: bytes.removeSubrange(position..<min(bytes.count, position + .random(in: 1...40, using: &random)))
            default:
                let piece = bytes[position..<min(bytes.count, position + .random(in: 1...40, using: &random))]
                bytes.insert(contentsOf: piece, at: position)
            }
        }
        return bytes
    }

    @Test(arguments: ["TLSv1.2", "TLSv1.3"])
    func changedFlightsOfAClientNeitherCrashNorPass(version: String) throws {
        let server = try usualServer(protocols: version)
        let context = try ClientContext(.init())
        var random = SeededGenerator(seed: 1)
        for round in 0..<mutations {
            let handshake = Handshake(server: server)!
            let client = Handshake(client: context, host: "localhost")!
            let hello = client.start().output
            // Most rounds change the hello, the others what comes behind it.
            if round % 4 < 3 {
                _ = handshake.receive(mutate(hello, by: &random))
                continue
            }
            let mine = client.receive(handshake.receive(hello).output)
            let changed = mutate(mine.output, by: &random)
            let state = handshake.receive(changed).state
            // What is behind a good Finished is not read, and records of compatibility (change_cipher_spec) may come
            // and go. All else is authenticated.
            #expect(state.session == nil || state.session?.clientSecret == mine.state.session?.clientSecret)
            #expect(state.stream == nil || changed.starts(with: mine.output))
        }
    }

    @Test(arguments: ["TLSv1.2", "TLSv1.3"])
    func changedFlightsOfAServerNeitherCrashNorPass(version: String) throws {
        let server = try usualServer(protocols: version)
        let context = try ClientContext(.init(fingerprint: server.certificate.fingerprint))
        var random = SeededGenerator(seed: 2)
        for _ in 0..<mutations {
            let handshake = Handshake(server: server)!
            let client = Handshake(client: context, host: "localhost")!
            let flight = handshake.receive(client.start().output).output
            let changed = mutate(flight, by: &random)
            let step = client.receive(changed)
            #expect(step.state.stream == nil)
            // As above: the server must agree.
            guard let session = step.state.session else { continue }
            #expect(handshake.receive(step.output).state.session?.clientSecret == session.clientSecret)
        }
    }

    @Test func changedRecordsOfAStreamNeitherCrashNorPass() throws {
        let server = try usualServer(protocols: "TLSv1.2")
        let context = try ClientContext(.init())
        var random = SeededGenerator(seed: 3)
        for _ in 0..<mutations / 4 {
            let talk = Conversation(server, context)
            let ours = try #require(talk.serverState.stream)
            let theirs = try #require(talk.clientState.stream)
            let text = Array("{\"id\":1,\"method\":\"submit\"}\n".utf8)
            let changed = mutate(theirs.write(text), by: &random)
            let plaintext = ours.read(changed).plaintext
            #expect(plaintext.isEmpty || plaintext == text)
        }
    }

    @Test func randomBytesBehindAGoodBeginningNeitherCrashNorPass() throws {
        let server = try usualServer()
        var random = SeededGenerator(seed: 4)
        for _ in 0..<mutations {
            let handshake = Handshake(server: server)!
            var bytes: [UInt8] = [0x16, 3, .random(in: 0...4, using: &random)]
            bytes += (0..<Int.random(in: 2...400, using: &random)).map { _ in .random(in: 0...255, using: &random) }
            #expect(handshake.receive(bytes).state.session == nil)
        }
    }
}
