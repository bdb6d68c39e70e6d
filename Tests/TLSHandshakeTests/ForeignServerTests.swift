import Foundation
import TestSupport
import Testing

@testable import TLSHandshake

/// Our client against `openssl s_server`, which sends each line back reversed.
@Suite(.serialized) struct ForeignServerTests {
    private let scratch = Scratch()

    private func serve(_ options: String, pair: ServerContext.Settings = UsualPair.shared.settings) throws -> (
        program: ForeignProgram, port: UInt16
    ) {
        let program = try ForeignProgram(
            "openssl s_server -accept 127.0.0.1:0 -cert \(pair.certificateFile) -key \(pair.keyFile) -rev \(options)")
        return (program, try program.acceptingPort())
    }

    private func connect(
        _ port: UInt16, _ settings: ClientContext.Settings = .init(), host: String = "localhost", chunk: Int = 65_536
    ) throws -> (Socket, HandshakeState) {
        let socket = try Socket(connectingTo: port)
        let context = try ClientContext(settings)
        return (socket, try socket.finish(Handshake(client: context, host: host)!, chunk: chunk))
    }

    @Test(arguments: [0, 1, 2, 5], [1, 50, 65_536])
    func ticketsAreTheFirstUnreadRecords(tickets: Int, chunk: Int) throws {
        let (program, port) = try serve("-tls1_3 -num_tickets \(tickets)")
        defer { _ = program }
        let (socket, state) = try connect(port, chunk: chunk)
        let session = try #require(state.session, "\(state)")
        #expect(session.peerFingerprint == (try usualServer()).certificate.fingerprint)
        var reads = Records(secret: session.serverSecret, suite: session.suite, sequence: session.readSequence)
        var writes = Records(secret: session.clientSecret, suite: session.suite, sequence: session.writeSequence)
        var buffer = session.unread
        socket.send(writes.seal(Array("abc\n".utf8)))
        for _ in 0..<tickets {
            let record = try socket.record(&reads, after: &buffer)
            #expect(record.type == 22)
            #expect(record.text.utf8.first == 4)
        }
        let answer = try socket.record(&reads, after: &buffer)
        #expect(answer.type == 23)
        #expect(answer.text.trimmingCharacters(in: .newlines) == "cba")
        #expect(reads.sequence == UInt64(tickets) + 1)
        socket.send(writes.seal(Array("xyz\n".utf8)))
        #expect(try socket.record(&reads, after: &buffer).text.trimmingCharacters(in: .newlines) == "zyx")
    }

    @Test(arguments: [
        "-ciphersuites TLS_AES_128_GCM_SHA256", "-ciphersuites TLS_CHACHA20_POLY1305_SHA256", "-groups P-384",
        "-groups P-521:P-256", "-verify 1", "-max_send_frag 512", "-read_buf 1",
    ])
    func serversOfAllKindsAreUnderstood(options: String) throws {
        let (program, port) = try serve("-tls1_3 " + options)
        defer { _ = program }
        let (socket, state) = try connect(port)
        let session = try #require(state.session, "\(state)")
        var reads = session.fromServer
        var writes = session.fromClient
        var buffer = session.unread
        socket.send(writes.seal(Array("abc\n".utf8)))
        var record = try socket.record(&reads, after: &buffer)
        while record.type == 22 { record = try socket.record(&reads, after: &buffer) }
        #expect(record.text.trimmingCharacters(in: .newlines) == "cba")
    }

    @Test(arguments: ["", "-cipher ECDHE-ECDSA-AES256-SHA", "-verify 1", "-no_ticket"])
    func aServerWithTLS12IsAStream(options: String) throws {
        let (program, port) = try serve("-tls1_2 " + options)
        defer { _ = program }
        let (socket, state) = try connect(port)
        guard case .streaming(let stream, let unread) = state else {
            Issue.record("\(state)")
            return
        }
        socket.send(stream.write(Array("abc\n".utf8)))
        var received = stream.read(unread)
        while received.plaintext.isEmpty, received.end == nil { received = stream.read(try socket.receive()) }
        #expect(String(decoding: received.plaintext, as: UTF8.self).trimmingCharacters(in: .newlines) == "cba")
    }

    @Test func aServerBelow12IsRefused() throws {
        let (program, port) = try serve("-tls1_1 -cipher DEFAULT@SECLEVEL=0")
        defer { _ = program }
        #expect(try connect(port).1.failure?.kind == .refusedByPeer)
    }

    @Test func theNameIsToldAndAnAddressIsNot() throws {
        let scratch = Scratch()
        try GeneratedPair.make(
            name: "second.example", certificateFile: scratch.path(of: "c.pem"), keyFile: scratch.path(of: "k.pem"),
            now: now)
        let options =
            "-tls1_3 -servername_fatal -servername pool.example -cert2 \(scratch.path(of: "c.pem")) -key2 \(scratch.path(of: "k.pem"))"
        let usual = try usualServer().certificate.fingerprint
        for (host, sendsName, isSecond) in [
            ("pool.example", true, true), ("POOL.example.", true, true), ("pool.example", false, false),
            ("127.0.0.1", true, false), ("::1", true, false), ("fe80::1%eth0", true, false), ("", true, false),
            (String(repeating: "a.", count: 140) + "example", true, false),
        ] {
            let (program, port) = try serve(options)
            defer { _ = program }
            let state = try connect(port, .init(sendsServerName: sendsName), host: host).1
            let fingerprint = try #require(state.session?.peerFingerprint, "\(host)")
            #expect((fingerprint != usual) == isSecond, "\(host)")
        }
    }
}
