import COpenSSL
import Foundation
import TestSupport
import Testing

@testable import TLSHandshake

/// What a handshake costs. Times are printed, not demanded.
@Suite(.serialized) struct CostTests {
    private static func handshakes(_ count: Int, server: ServerContext, client: ClientContext) {
        for _ in 0..<count { _ = Conversation(server, client) }
    }

    /// Resident bytes of this process.
    private static var residentBytes: Int {
        let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
        return (fields.flatMap { Int($0[1]) } ?? 0) * 4096
    }

    /// How much more memory the process has after `count` times `body` than after `count / 10` times.
    private static func growth(_ count: Int, _ body: () throws -> Void) rethrows -> Int {
        for _ in 0..<count / 10 { try body() }
        let before = residentBytes
        for _ in 0..<count { try body() }
        return residentBytes - before
    }

    // In processes of their own: other tests run at the same time and need memory.

    @Test func handshakesLeaveNothingBehind() async {
        await #expect(processExitsWith: .success) {
            let client = try ClientContext(.init())
            for version in ["TLSv1.2", "TLSv1.3"] {
                let server = try usualServer(protocols: version)
                let bytes = CostTests.growth(2000) { CostTests.handshakes(1, server: server, client: client) }
                // One SSL has 5 kB.
                if bytes > 2000 * 500 { exit(2) }
            }
        }
    }

    @Test func failedHandshakesLeaveNothingBehind() async {
        await #expect(processExitsWith: .success) {
            let server = try usualServer()
            let pinned = try ClientContext(.init(fingerprint: "0"))
            let bytes = CostTests.growth(2000) { CostTests.handshakes(1, server: server, client: pinned) }
            if bytes > 2000 * 500 { exit(2) }
        }
    }

    @Test func contextsLeaveNothingBehind() async {
        await #expect(processExitsWith: .success) {
            let bytes = try CostTests.growth(500) {
                _ = try usualServer()
                _ = try ClientContext(.init())
            }
            // An SSL_CTX has more than 10 kB.
            if bytes > 500 * 2000 { exit(2) }
        }
    }

    @Test func theTimeOfAServersHandshakeIsPrinted() throws {
        let server = try usualServer()
        let client = try ClientContext(.init())
        func time() -> Double {
            var value = timespec()
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &value)
            return Double(value.tv_sec) * 1e6 + Double(value.tv_nsec) / 1e3
        }
        var micros: [Double] = []
        for _ in 0..<500 {
            let theirs = Handshake(client: client, host: "localhost")!
            let hello = theirs.start().output
            let start = time()
            let ours = Handshake(server: server)!
            let flight = ours.receive(hello).output
            let middle = time()
            let finished = theirs.receive(flight).output
            let again = time()
            #expect(ours.receive(finished).state.session != nil)
            micros.append(middle - start + time() - again)
        }
        micros.sort()
        print("server handshake, TLS 1.3, ECDSA P-256: \(Int(micros[250])) us CPU (median of 500)")
    }

    @Test func theMemoryOfAStreamIsPrinted() throws {
        let server = try usualServer(protocols: "TLSv1.2")
        let client = try ClientContext(.init())
        let login = [UInt8](repeating: 32, count: 300)
        Self.handshakes(50, server: server, client: client)
        let before = Self.residentBytes
        let streams = try (0..<1000).map { _ in
            let talk = Conversation(server, client)
            let stream = try #require(talk.serverState.stream)
            let theirs = try #require(talk.clientState.stream)
            #expect(stream.read(theirs.write(login)).plaintext.count == login.count)
            _ = stream.write(login)
            return stream
        }
        print("stream, TLS 1.2: \((Self.residentBytes - before) / streams.count) resident bytes each (1,000 of them)")
    }

    @Test func theErrorQueueIsEmptyAfterwards() throws {
        let scratch = Scratch()
        let usual = UsualPair.shared.settings
        scratch.place("-----BEGIN PRIVATE KEY-----\nTUlMTA==\n-----END PRIVATE KEY-----\n", at: "key")
        scratch.place("-----BEGIN CERTIFICATE-----\nTUlMTA==\n-----END CERTIFICATE-----\n", at: "cert")
        for (certificate, key) in [
            (usual.certificateFile, scratch.path(of: "key")), (scratch.path(of: "cert"), usual.keyFile),
            (usual.certificateFile, usual.certificateFile),
        ] {
            #expect(throws: ContextFailure.self) {
                try ServerContext(.init(certificateFile: certificate, keyFile: key), now: now)
            }
            #expect(ERR_peek_error() == 0)
        }
        _ = try usualServer(ciphers: "nonsense", ciphersuites: "nonsense")
        #expect(ERR_peek_error() == 0)
        let server = try usualServer()
        _ = Handshake(server: server)!.receive([0x16, 3, 1, 0, 4, 1, 2, 3, 4])
        #expect(ERR_peek_error() == 0)
        _ = Conversation(server, try ClientContext(.init(fingerprint: "0")))
        #expect(ERR_peek_error() == 0)
        let talk = Conversation(try usualServer(protocols: "TLSv1.2"), try ClientContext(.init()))
        _ = talk.serverState.stream?.read([23, 3, 3, 0, 1, 0])
        #expect(ERR_peek_error() == 0)
    }

    @Test func anErrorOfAnotherUserOfOpenSSLDoesNotEndAHandshake() throws {
        let empty = BIO_new(BIO_s_mem())
        defer { BIO_free(empty) }
        _ = PEM_read_bio_X509(empty, nil, nil, nil)
        #expect(ERR_peek_error() != 0)
        #expect(Conversation(try usualServer(), try ClientContext(.init())).serverState.session != nil)
    }
}
