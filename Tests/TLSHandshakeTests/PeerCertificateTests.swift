import Foundation
import TestSupport
import Testing

@testable import TLSHandshake

/// What a client demands of the server's certificate.
@Suite struct PeerCertificateTests {
    private func talk(
        _ server: ServerContext, _ settings: ClientContext.Settings, host: String = "localhost",
        trusting authority: String? = nil
    ) throws -> Conversation {
        let client = try ClientContext(settings)
        if let authority { trust(authority, in: client.raw) }
        return Conversation(server, client, host: host)
    }

    @Test func theFingerprintIsComparedWithoutCaseAndColons() throws {
        let server = try usualServer()
        let fingerprint = server.certificate.fingerprint
        let pairs = stride(from: 0, to: 64, by: 2).map { String(fingerprint.dropFirst($0).prefix(2)) }
        for form in [
            fingerprint, fingerprint.uppercased(), pairs.joined(separator: ":"),
            pairs.joined(separator: ":").uppercased(), pairs.joined(separator: " "),
        ] {
            let talk = try talk(server, .init(fingerprint: form))
            #expect(talk.clientState.session != nil)
            #expect(talk.serverState.session != nil)
        }
    }

    @Test(arguments: ["TLSv1.2", "TLSv1.3"])
    func anotherFingerprintEndsTheHandshake(version: String) throws {
        let server = try usualServer(protocols: version)
        let fingerprint = server.certificate.fingerprint
        for wrong in [
            String(repeating: "0", count: 64), String(fingerprint.dropLast()), fingerprint + "0", "", "nonsense",
            (fingerprint.first == "0" ? "1" : "0") + fingerprint.dropFirst(),
        ] {
            let talk = try talk(server, .init(fingerprint: wrong))
            #expect(
                talk.clientState.failure
                    == HandshakeFailure(
                        kind: .certificate, reason: "certificate fingerprint is \(fingerprint), expected \(wrong)"))
            #expect(talk.serverState.failure?.kind == .refusedByPeer)
        }
    }

    @Test func withoutRequirementsEveryCertificateIsAccepted() throws {
        for host in ["localhost", "other.example", "192.0.2.1", ""] {
            #expect(try talk(try usualServer(), .init(), host: host).clientState.session != nil)
        }
    }

    @Test func verificationNeedsAnAuthorityAndTheName() throws {
        let server = try usualServer()
        let file = server.settings.certificateFile
        func reason(_ host: String, trusting: String? = file) throws -> String? {
            let talk = try talk(server, .init(verifies: true), host: host, trusting: trusting)
            #expect(talk.clientState.failure.map { $0.kind == .certificate } ?? true)
            return talk.clientState.failure?.reason
        }
        let names = "(certificate is for localhost, 127.0.0.1, ::1)"
        for host in ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "::1"] {
            #expect(try reason(host) == nil, "\(host)")
        }
        for host in ["other.example", "sub.localhost", "local"] {
            #expect(try reason(host) == "certificate verification failed: hostname mismatch \(names)", "\(host)")
        }
        for host in ["127.0.0.2", "::2"] {
            #expect(try reason(host) == "certificate verification failed: IP address mismatch \(names)", "\(host)")
        }
        #expect(
            try reason("localhost", trusting: nil) == "certificate verification failed: self-signed certificate")
        #expect(try reason("") == "certificate verification failed: \"\" is not a name or address")
        #expect(
            try reason("fe80::1%eth0")
                == "certificate verification failed: \"fe80::1%eth0\" is not a name or address")
    }

    @Test func expiredAndUnfinishedChainsHaveTheirOwnReasons() throws {
        let scratch = Scratch()
        try scratch.openssl(
            "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=authority")
        scratch.place("subjectAltName=DNS:pool.example\n", at: "ext")
        try scratch.openssl("req -newkey rsa:2048 -nodes -keyout pool.key -out pool.csr -subj /CN=pool.example")
        let sign = "x509 -req -in pool.csr -CA ca.pem -CAkey ca.key -set_serial 7 -extfile ext -days"
        try scratch.openssl("\(sign) 20 -out good.pem")
        try scratch.openssl("\(sign) -1 -out old.pem")
        func reason(_ file: String, trusting: String?, verifies: Bool = true) throws -> String? {
            let server = try ServerContext(
                .init(certificateFile: scratch.path(of: file), keyFile: scratch.path(of: "pool.key")), now: now)
            return try talk(
                server, .init(verifies: verifies), host: "pool.example", trusting: trusting.map(scratch.path(of:))
            ).clientState.failure?.reason
        }
        #expect(try reason("good.pem", trusting: "ca.pem") == nil)
        #expect(
            try reason("good.pem", trusting: nil)
                == "certificate verification failed: unable to get local issuer certificate")
        #expect(
            try reason("old.pem", trusting: "ca.pem") == "certificate verification failed: certificate has expired")
        #expect(try reason("old.pem", trusting: nil, verifies: false) == nil)
    }

    @Test func bothChecksMayBeAskedFor() throws {
        let server = try usualServer()
        let settings = ClientContext.Settings(fingerprint: server.certificate.fingerprint, verifies: true)
        #expect(
            try talk(server, settings).clientState.failure?.reason
                == "certificate verification failed: self-signed certificate")
        #expect(
            try talk(server, settings, trusting: server.settings.certificateFile).clientState.session?.peerFingerprint
                == server.certificate.fingerprint)
    }
}
