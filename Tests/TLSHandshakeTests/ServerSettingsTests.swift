import COpenSSL
import Foundation
import TestSupport
import Testing

@testable import TLSHandshake

@Suite struct ServerSettingsTests {
    private func texts(
        protocols: String? = nil, ciphers: String? = nil, ciphersuites: String? = nil, dhparam: String? = nil
    ) throws -> [String] {
        var settings = UsualPair.shared.settings
        settings.protocols = protocols
        settings.ciphers = ciphers
        settings.ciphersuites = ciphersuites
        settings.dhparamFile = dhparam
        let context = try ServerContext(settings, now: now)
        #expect(context.findings.allSatisfy { $0.severity == .warning })
        return context.findings.map(\.text)
    }

    private func talk(
        _ server: ServerContext, client version: TLSVersion, ciphers: String? = nil
    ) throws -> HandshakeState {
        let client = try ClientContext(.init())
        TLSVersion.permit([version], in: client.raw)
        if let ciphers { SSL_CTX_set_cipher_list(client.raw, ciphers) }
        return Conversation(server, client).serverState
    }

    @Test(arguments: [
        ("TLSv1.2", [TLSVersion.tls12]), ("TLSv1.3", [.tls13]), ("TLSv1.2 TLSv1.3", [.tls12, .tls13]),
        ("TLSv1.1 TLSv1.3", [.tls11, .tls13]), ("  TLSv1   TLSv1.2 ", [.tls10, .tls12]),
        ("TLSv1 TLSv1.1 TLSv1.2 TLSv1.3", TLSVersion.allCases),
    ])
    func exactlyTheProtocolsOfTheListAreServed(list: String, versions: [TLSVersion]) throws {
        let server = try usualServer(protocols: list)
        #expect(server.findings == [])
        for version in TLSVersion.allCases {
            let state = try talk(server, client: version)
            if versions.contains(version) {
                #expect(state.session?.versionName ?? state.stream?.versionName == version.rawValue)
            } else {
                #expect(state.failure != nil)
            }
        }
    }

    @Test func unknownProtocolsAreReportedAndIgnored() throws {
        #expect(
            try texts(protocols: "TLSv1.2 SSLv3 tlsv1.3") == [
                "tls.protocols: SSLv3 tlsv1.3 ignored, expected TLSv1, TLSv1.1, TLSv1.2, TLSv1.3"
            ])
        #expect(try texts(protocols: "").count == 1)
        #expect(try texts(protocols: "all").count == 2)
        let server = try usualServer(protocols: "nonsense")
        #expect(try talk(server, client: .tls12).stream != nil)
        #expect(try talk(server, client: .tls13).session != nil)
    }

    @Test(arguments: ["nonsense", "", ":::", "ECDHE-NO-SUCH"])
    func aCipherListThatIsRefusedIsReportedAndIgnored(list: String) throws {
        let found = try texts(ciphers: list)
        #expect(found.count == 1)
        #expect(found[0].hasPrefix("tls.ciphers \"\(list)\" ignored (no cipher match): ECDHE+AESGCM"))
        #expect(try talk(try usualServer(ciphers: list), client: .tls12).stream != nil)
        #expect(try talk(try usualServer(ciphers: list), client: .tls13).session != nil)
    }

    @Test func aCipherListThatDoesNotFitTheKeyIsReported() throws {
        #expect(
            try texts(ciphers: "ECDHE-RSA-AES128-GCM-SHA256:AES128-SHA") == [
                "tls.ciphers has no cipher for a certificate with EC key: clients need TLS 1.3"
            ])
        #expect(try texts(ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256") == [])
        #expect(try texts(protocols: "TLSv1.3", ciphers: "ECDHE-RSA-AES128-GCM-SHA256") == [])
    }

    @Test(arguments: ["nonsense", "", "TLS_AES_128_CCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256"])
    func suitesThatTheRecordLayerHasNotAreReportedAndIgnored(list: String) throws {
        let found = try texts(ciphersuites: list)
        #expect(found.count == 1)
        #expect(found[0].hasPrefix("tls.ciphersuites: \"\(list)\" ignored; TLS_AES_128_GCM_SHA256:"))
        #expect(try talk(try usualServer(ciphersuites: list), client: .tls13).session != nil)
    }

    @Test func knownSuitesBesideUnknownOnesAreUsed() throws {
        let list = "TLS_AES_128_CCM_8_SHA256:TLS_CHACHA20_POLY1305_SHA256"
        #expect(
            try texts(ciphersuites: list) == [
                "tls.ciphersuites: \"TLS_AES_128_CCM_8_SHA256\" ignored; TLS_CHACHA20_POLY1305_SHA256 is used"
            ])
        #expect(try talk(try usualServer(ciphersuites: list), client: .tls13).session?.suite == 0x1303)
    }

    @Test func theServersOrderOfCiphersCounts() throws {
        let server = try usualServer(ciphers: "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256")
        let state = try talk(
            server, client: .tls12, ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-CHACHA20-POLY1305")
        #expect(state.stream?.cipherName == "ECDHE-ECDSA-CHACHA20-POLY1305")
    }

    @Test func parametersAreReadFromTheFileOrChosen() throws {
        let scratch = Scratch()
        try scratch.openssl("genpkey -genparam -algorithm DH -pkeyopt group:ffdhe2048 -out dh.pem")
        try scratch.openssl("genrsa -out rsa.key 2048")
        try scratch.openssl("req -x509 -key rsa.key -out rsa.pem -days 30 -subj /CN=rsa")
        scratch.place("", at: "empty.pem")
        scratch.place("-----BEGIN DH PARAMETERS-----\nMAA=\n-----END DH PARAMETERS-----\n", at: "bad.pem")
        chmod(scratch.path(of: "rsa.key"), 0o600)
        var settings = ServerContext.Settings(
            certificateFile: scratch.path(of: "rsa.pem"), keyFile: scratch.path(of: "rsa.key"), ciphers: "DHE+AESGCM")
        for (name, finding) in [
            (nil, nil), ("dh.pem", nil), ("no.pem", "does not exist; OpenSSL chooses the parameters"),
            ("empty.pem", "is empty; OpenSSL chooses the parameters"), ("bad.pem", "OpenSSL chooses the parameters"),
            ("rsa.pem", "OpenSSL chooses the parameters"),
        ] as [(String?, String?)] {
            settings.dhparamFile = name.map(scratch.path(of:))
            let context = try ServerContext(settings, now: now)
            #expect(context.findings.count == (finding == nil ? 0 : 1), "\(name ?? "none")")
            if let finding {
                #expect(context.findings.first?.text.hasPrefix("tls.dhparam file \(scratch.path)") == true)
                #expect(context.findings.first?.text.hasSuffix(finding) == true)
            }
            let state = try talk(context, client: .tls12)
            #expect(state.stream?.cipherName.hasPrefix("DHE-RSA-") == true)
            #expect(context.stamps == settings.stamps)
        }
    }
}
