import COpenSSL
import Foundation
import Testing

@testable import TLSHandshake

/// What a handshake costs. Times are printed, not demanded.
@Suite(.serialized) struct CostTests {
    private func handshakes(_ count: Int, server: ServerContext, client: ClientContext) {
        for _ in 0..<count { _ = Conversation(server, client) }
    }

    /// Resident bytes of this process.
    private var residentBytes: Int {
        let fields = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ")
        return (fields.flatMap { Int($0[1]) } ?? 0) * 4096
    }

    @Test(arguments: ["TLSv1.2", "TLSv1.3"])
    func handshakesLeaveNothingBehind(version: String) throws {
        let server = try usualServer(protocols: version)
        let client = try ClientContext(.init())
        handshakes(200, server: server, client: client)
        let before = residentBytes
        handshakes(2000, server: server, client: client)
        let after = residentBytes
        print("\(version): \(after - before) bytes more after 2,000 handshakes")
        // A leak of one SSL would be 5 kB each. Other tests run beside this one.
        #expect(after - before < 2000 * 1500)
    }

    @Test func contextsLeaveNothingBehind() throws {
        for _ in 0..<20 { _ = try usualServer() }
        let before = residentBytes
        for _ in 0..<500 {
            _ = try usualServer()
            _ = try ClientContext(.init())
        }
        let after = residentBytes
        print("\(after - before) bytes more after 500 contexts of each side")
        #expect(after - before < 500 * 4000)
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
        handshakes(50, server: server, client: client)
        let before = residentBytes
        let streams = try (0..<1000).map { _ in
            let talk = Conversation(server, client)
            let stream = try #require(talk.serverState.stream)
            let theirs = try #require(talk.clientState.stream)
            #expect(stream.read(theirs.write(login)).plaintext.count == login.count)
            _ = stream.write(login)
            return stream
        }
        print("stream, TLS 1.2: \((residentBytes - before) / streams.count) resident bytes each (1,000 of them)")
    }

    @Test func theErrorQueueIsEmptyAfterwards() throws {
        let scratch = Scratch()
        let usual = UsualPair.shared.settings
        scratch.write("-----BEGIN PRIVATE KEY-----\nTUlMTA==\n-----END PRIVATE KEY-----\n", to: "key")
        scratch.write("-----BEGIN CERTIFICATE-----\nTUlMTA==\n-----END CERTIFICATE-----\n", to: "cert")
        for (certificate, key) in [
            (usual.certificateFile, scratch.file("key")), (scratch.file("cert"), usual.keyFile),
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
