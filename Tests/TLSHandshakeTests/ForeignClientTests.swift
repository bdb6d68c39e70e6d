import Foundation
import TestSupport
import Testing

@testable import TLSHandshake

/// Our server against clients of other programs. Speaking TLS 1.3 with them proves the secrets and the record numbers.
@Suite(.serialized) struct ForeignClientTests {
    private let scratch = Scratch()
    private let listener: Listener
    private let certificate: String

    init() throws {
        listener = try Listener()
        certificate = UsualPair.shared.settings.certificateFile
    }

    private static let login = "{\"id\":1,\"method\":\"login\"}"

    /// Does a handshake, receives a line, answers it, and ends in good order.
    private func talk(_ server: ServerContext, chunk: Int = 65_536) throws -> SecuredSession {
        let socket = try listener.accept()
        let state = try socket.finish(Handshake(server: server)!, chunk: chunk)
        let session = try #require(state.session, "\(state)")
        var reads = Records(secret: session.clientSecret, suite: session.suite, sequence: session.readSequence)
        var writes = Records(secret: session.serverSecret, suite: session.suite, sequence: session.writeSequence)
        var buffer = session.unread
        var text = ""
        while !text.hasSuffix("\n") {
            let record = try socket.record(&reads, after: &buffer)
            #expect(record.type == 23)
            text += record.text
        }
        #expect(text == Self.login + "\n")
        socket.send(writes.seal(Array("{\"answer\":true}\n".utf8)) + writes.seal([1, 0], type: 21))
        return session
    }

    private func client(_ options: String) throws -> ForeignProgram {
        try ForeignProgram(
            "openssl s_client -connect 127.0.0.1:\(listener.port) -quiet -no_ign_eof \(options)",
            input: Self.login + "\n")
    }

    /// The first of each list is what is to be negotiated. A client whose first choice is ChaCha20 has no instructions
    /// for AES, so it gets it; otherwise the server's order holds.
    @Test(arguments: [
        ["TLS_AES_256_GCM_SHA384"], ["TLS_AES_128_GCM_SHA256"], ["TLS_CHACHA20_POLY1305_SHA256"],
        ["TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"],
    ])
    func openSSLTalksWithTheSecretsThatItLogsItself(suites: [String]) throws {
        let log = scratch.path(of: "keys")
        let client = try client("-tls1_3 -ciphersuites \(suites.joined(separator: ":")) -keylogfile \(log)")
        let session = try talk(try usualServer())
        #expect(client.rest().contains("{\"answer\":true}"))
        #expect(session.cipherName == suites[0])
        let lines = scratch.text("keys")
        #expect(lines.contains(hexadecimal(session.clientSecret)))
        for (label, secret) in [("CLIENT", session.clientSecret), ("SERVER", session.serverSecret)] {
            let line = lines.split(separator: "\n").first { $0.hasPrefix("\(label)_TRAFFIC_SECRET_0 ") }
            #expect(line?.hasSuffix(" " + hexadecimal(secret)) == true)
        }
    }

    @Test(arguments: [1, 3, 100])
    func openSSLMayArriveInSmallPieces(chunk: Int) throws {
        let client = try client("-tls1_3 -servername proxy.example -alpn stratum -max_send_frag 512")
        _ = try talk(try usualServer(), chunk: chunk)
        #expect(client.rest().contains("{\"answer\":true}"))
    }

    @Test func openSSLRetriesWithAnotherGroup() throws {
        let server = try usualServer()
        setGroups("P-384", of: server.raw)
        let client = try client("-tls1_3 -groups X25519:P-384")
        _ = try talk(server)
        #expect(client.rest().contains("{\"answer\":true}"))
    }

    @Test func openSSLMayOfferASessionAndEarlyDataOfAnotherServer() throws {
        // A ticket of another server, with early data behind the hello: both are refused, the connection is not.
        let foreign = try ForeignProgram(
            "openssl s_server -accept 127.0.0.1:0 -cert \(certificate) -key \(UsualPair.shared.settings.keyFile) "
                + "-tls1_3 -early_data")
        let port = try foreign.acceptingPort()
        scratch.place(String(repeating: "early\n", count: 200), at: "early")
        _ = try shell(
            "(sleep 1; echo Q) | openssl s_client -connect 127.0.0.1:\(port) -tls1_3 "
                + "-sess_out \(scratch.path(of: "session"))")
        try #require(FileManager.default.fileExists(atPath: scratch.path(of: "session")))
        let client = try client(
            "-tls1_3 -sess_in \(scratch.path(of: "session")) -early_data \(scratch.path(of: "early"))")
        _ = try talk(try usualServer())
        #expect(client.rest().contains("{\"answer\":true}"))
    }

    @Test(arguments: ["", "-cipher ECDHE-ECDSA-CHACHA20-POLY1305", "-cipher ECDHE-ECDSA-AES128-GCM-SHA256 -no_ticket"])
    func openSSLIsServedAsAStreamWithTLS12(options: String) throws {
        let client = try client("-tls1_2 " + options)
        let socket = try listener.accept()
        guard case .streaming(let stream, let unread) = try socket.finish(Handshake(server: try usualServer())!) else {
            Issue.record("not streaming")
            return
        }
        var received = stream.read(unread)
        while received.plaintext.isEmpty { received = stream.read(try socket.receive()) }
        #expect(received.plaintext == Array((Self.login + "\n").utf8))
        socket.send(stream.write(Array("{\"answer\":true}\n".utf8)) + stream.close())
        #expect(client.rest().contains("{\"answer\":true}"))
    }

    @Test func renegotiationIsRefused() throws {
        // s_client without -quiet takes R at the beginning of a line as the command to renegotiate.
        let client = try ForeignProgram("openssl s_client -connect 127.0.0.1:\(listener.port) -tls1_2")
        let socket = try listener.accept()
        let stream = try #require(try socket.finish(Handshake(server: try usualServer())!).stream)
        _ = client.text(upTo: "Verify return code")
        client.write("R\n")
        var received = TLSStream.Received()
        while received.output.isEmpty, received.end == nil { received = stream.read(try socket.receive()) }
        #expect(received.output.first == 21, "an alert")
        #expect(received.plaintext.isEmpty)
        socket.send(received.output)
        #expect(client.rest().contains("no renegotiation"))
    }

    @Test func openSSLWithTLS11IsRefusedUnlessAskedFor() throws {
        let refused = try client("-tls1_1 -cipher DEFAULT@SECLEVEL=0")
        let state = try listener.accept().finish(Handshake(server: try usualServer())!)
        #expect(state.failure == HandshakeFailure(kind: .nothingInCommon, reason: "unsupported protocol"))
        #expect(refused.rest().contains("alert protocol version"))

        let accepted = try client("-tls1_1 -cipher DEFAULT@SECLEVEL=0")
        let server = try usualServer(protocols: "TLSv1.1 TLSv1.2")
        #expect(try listener.accept().finish(Handshake(server: server)!).stream?.versionName == "TLSv1.1")
        _ = accepted.rest()
    }

    @Test func aClientThatRefusesTheCertificateSaysSo() throws {
        let client = try client("-tls1_3 -verify_return_error -no-CAfile -no-CApath -no-CAstore")
        let state = try listener.accept().finish(Handshake(server: try usualServer())!)
        #expect(state.failure?.kind == .refusedByPeer)
        #expect(state.failure?.reason.hasPrefix("peer sent alert ") == true)
        _ = client.rest()
    }

    @Test(.enabled(if: isInstalled("python3")), arguments: ["TLSv1_2", "TLSv1_3"], [1, 7, 4096])
    func pythonTalksThroughMemoryBuffers(version: String, piece: Int) throws {
        scratch.place(
            """
            import socket, ssl, sys
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.load_verify_locations(sys.argv[2])
            context.minimum_version = context.maximum_version = ssl.TLSVersion[sys.argv[3]]
            piece = int(sys.argv[4])
            inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
            tls = context.wrap_bio(inward, outward, server_hostname="localhost")
            link = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            def flush():
                out = outward.read()
                for start in range(0, len(out), piece): link.sendall(out[start:start + piece])
            def do(action):
                while True:
                    try:
                        result = action()
                        flush()
                        return result
                    except ssl.SSLWantReadError:
                        flush()
                        inward.write(link.recv(piece))
            do(tls.do_handshake)
            do(lambda: tls.write(b'{"id":1,"method":"login"}\\n'))
            print(do(lambda: tls.read(1000)).decode(), tls.version())
            """, at: "client.py")
        let client = try ForeignProgram(
            "python3 \(scratch.path(of: "client.py")) \(listener.port) \(certificate) \(version) \(piece)")
        if version == "TLSv1_3" {
            _ = try talk(try usualServer(), chunk: piece)
        } else {
            let socket = try listener.accept()
            let state = try socket.finish(Handshake(server: try usualServer())!, chunk: piece)
            let stream = try #require(state.stream)
            var plaintext: [UInt8] = []
            while plaintext.last != UInt8(ascii: "\n") { plaintext += stream.read(try socket.receive()).plaintext }
            #expect(plaintext == Array((Self.login + "\n").utf8))
            socket.send(stream.write(Array("{\"answer\":true}\n".utf8)))
        }
        #expect(client.rest().contains("{\"answer\":true}"))
    }

    @Test(
        .enabled(if: isInstalled("gnutls-cli"), "gnutls-cli is not installed (package gnutls-bin)"),
        arguments: ["+AES-256-GCM", "+AES-128-GCM", "+CHACHA20-POLY1305"])
    func gnuTLSTalksAndVerifiesTheCertificate(cipher: String) throws {
        let client = try ForeignProgram(
            "gnutls-cli --x509cafile \(certificate) -p \(listener.port) localhost "
                + "--priority 'NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:\(cipher)'",
            input: Self.login + "\n")
        let session = try talk(try usualServer())
        #expect(session.versionName == "TLSv1.3")
        let output = client.rest()
        #expect(output.contains("The certificate is trusted"))
        #expect(output.contains("{\"answer\":true}"))
        #expect(output.contains("Peer has closed the GnuTLS connection"))
    }

    @Test(
        .enabled(if: isInstalled("gnutls-cli"), "gnutls-cli is not installed (package gnutls-bin)"),
        arguments: ["1.2", "1.1"])
    func gnuTLSBelow13(version: String) throws {
        let client = try ForeignProgram(
            "gnutls-cli --insecure -p \(listener.port) localhost --priority 'NORMAL:-VERS-ALL:+VERS-TLS\(version)'",
            input: Self.login + "\n")
        let socket = try listener.accept()
        let state = try socket.finish(Handshake(server: try usualServer())!)
        if version == "1.1" {
            #expect(state.failure?.kind == .nothingInCommon)
        } else {
            let stream = try #require(state.stream)
            var received = TLSStream.Received()
            while received.plaintext.isEmpty { received = stream.read(try socket.receive()) }
            #expect(received.plaintext == Array((Self.login + "\n").utf8))
            socket.send(stream.write(Array("{\"answer\":true}\n".utf8)) + stream.close())
            #expect(client.rest().contains("{\"answer\":true}"))
        }
    }
}
