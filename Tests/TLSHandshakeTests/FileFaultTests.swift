import Foundation
import TestSupport
import Testing

@testable import TLSHandshake

/// As which user this thread opens files (sys/fsuid.h, which Swift does not import).
@_silgen_name("setfsuid") private func setfsuid(_ user: UInt32) -> Int32

/// Each fault of a certificate or key file has a message of its own that names the file.
@Suite struct FileFaultTests {
    private let scratch = Scratch()

    init() throws {
        try scratch.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem -days 30 "
                + "-subj /CN=one.example "
                + "-addext subjectAltName=DNS:one.example,DNS:*.two.example,IP:192.0.2.1,IP:2001:db8::1")
        chmod(scratch.path(of: "key.pem"), 0o600)
    }

    private func settings(cert: String = "cert.pem", key: String = "key.pem") -> ServerContext.Settings {
        .init(certificateFile: scratch.path(of: cert), keyFile: scratch.path(of: key))
    }

    private func faults(cert: String = "cert.pem", key: String = "key.pem") -> [String] {
        do throws(ContextFailure) {
            _ = try ServerContext(settings(cert: cert, key: key), now: now)
            return []
        } catch {
            #expect(error.findings.allSatisfy { $0.severity == .error })
            return error.findings.map { $0.text.replacing(scratch.path + "/", with: "") }
        }
    }

    private func warnings(
        cert: String = "cert.pem", key: String = "key.pem", at time: Int64 = now
    ) throws -> [String] {
        let context = try ServerContext(settings(cert: cert, key: key), now: time)
        #expect(context.findings.allSatisfy { $0.severity == .warning })
        return context.findings.map { $0.text.replacing(scratch.path + "/", with: "") }
    }

    @Test func aGoodPairHasNoFindings() throws {
        #expect(try warnings() == [])
        let certificate = try ServerContext(settings(), now: now).certificate
        let printed = try shell("openssl x509 -in \(scratch.path(of: "cert.pem")) -noout -fingerprint -sha256")
        let fingerprint = printed.split(separator: "=")[1].filter { $0 != ":" && $0 != "\n" }.lowercased()
        #expect(certificate.fingerprint == fingerprint)
        #expect(certificate.names == ["one.example", "*.two.example", "192.0.2.1", "2001:db8::1"])
        #expect(certificate.keyKind == "EC 256")
        #expect(abs(certificate.expires - (now + 30 * 86_400)) < 60)
        #expect(abs(certificate.validFrom - now) < 60)
    }

    @Test func missingFilesAreReportedTogether() {
        #expect(faults(cert: "no.pem") == ["certificate file no.pem does not exist"])
        #expect(faults(key: "no.pem") == ["key file no.pem does not exist"])
        #expect(
            faults(cert: "a.pem", key: "b.pem") == [
                "certificate file a.pem does not exist", "key file b.pem does not exist",
            ])
        #expect(faults(cert: "no/such/dir.pem") == ["certificate file no/such/dir.pem does not exist"])
    }

    @Test func whatIsNotAReadableFileIsReported() throws {
        try shell("cd \(scratch.path) && mkfifo fifo && mkdir folder && ln -s loop loop && head -c 2M /dev/zero >big")
        #expect(faults(cert: "fifo") == ["certificate file fifo is not a regular file"])
        #expect(faults(key: "folder") == ["key file folder is not a regular file"])
        #expect(faults(key: "loop") == ["key file loop cannot be read: Too many levels of symbolic links"])
        #expect(
            faults(cert: "cert.pem/x") == ["certificate file cert.pem/x cannot be read: Not a directory"])
        #expect(faults(cert: "big") == ["certificate file big has 2097152 bytes, at most 1048576 are read"])
    }

    @Test(.enabled(if: getuid() == 0, "needs root, to be another user"))
    func aFileThatMayNotBeReadIsReported() throws {
        chmod(scratch.path, 0o755)
        chmod(scratch.path(of: "cert.pem"), 0o644)
        _ = setfsuid(65_534)
        defer { _ = setfsuid(0) }
        #expect(faults() == ["key file key.pem cannot be read: Permission denied"])
    }

    @Test func emptyFilesAreReported() {
        scratch.place("", at: "empty")
        #expect(faults(cert: "empty") == ["certificate file empty is empty"])
        #expect(faults(key: "empty") == ["key file empty is empty"])
        #expect(faults(cert: "empty", key: "empty").count == 2)
    }

    @Test func whatIsNotPEMIsReported() throws {
        scratch.place("hello\n", at: "text")
        scratch.place("\0\0\0\0", at: "zeros")
        scratch.place("----BEGIN CERTIFICATE----\nMII\n----END", at: "nearly")
        try scratch.openssl("x509 -in cert.pem -outform DER -out cert.der")
        try scratch.openssl("pkey -in key.pem -outform DER -out key.der")
        for name in ["text", "zeros", "nearly"] {
            #expect(
                faults(cert: name) == [
                    "certificate file \(name) is not PEM: it has no line that starts with -----BEGIN"
                ])
        }
        #expect(faults(key: "text") == ["key file text is not PEM: it has no line that starts with -----BEGIN"])
        let der = "is not PEM but looks like DER; convert it with openssl -inform DER"
        #expect(faults(cert: "cert.der") == ["certificate file cert.der \(der)"])
        #expect(faults(key: "key.der") == ["key file key.der \(der)"])
    }

    @Test func filesThatAreTakenForEachOtherAreReported() {
        #expect(
            faults(cert: "key.pem", key: "cert.pem") == [
                "certificate file key.pem has no certificate", "key file cert.pem has no private key",
            ])
    }

    @Test func damagedContentIsReported() throws {
        let certificate = scratch.text("cert.pem")
        let key = scratch.text("key.pem")
        scratch.place(String(certificate.prefix(certificate.count / 2)), at: "half.pem")
        scratch.place(certificate.replacing("M", with: "!"), at: "base64.pem")
        scratch.place(
            "-----BEGIN CERTIFICATE-----\nTUlMTA==\n-----END CERTIFICATE-----\n" + certificate, at: "content.pem")
        scratch.place(certificate + String(certificate.prefix(300)), at: "second.pem")
        scratch.place(String(key.prefix(key.count / 2)), at: "halfkey.pem")
        scratch.place("-----BEGIN PRIVATE KEY-----\nTUlMTA==\n-----END PRIVATE KEY-----\n", at: "nokey.pem")
        for name in ["half.pem", "base64.pem", "content.pem"] {
            let found = faults(cert: name)
            #expect(found.count == 1)
            #expect(found[0].hasPrefix("certificate 1 of certificate file \(name) is damaged: "))
        }
        #expect(faults(cert: "second.pem")[0].hasPrefix("certificate 2 of certificate file second.pem is damaged: "))
        for name in ["halfkey.pem", "nokey.pem"] {
            #expect(faults(key: name)[0].hasPrefix("key file \(name) is damaged: "))
        }
    }

    @Test func aKeyThatDoesNotFitIsReported() throws {
        try scratch.openssl("genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out other.pem")
        try scratch.openssl("genrsa -out rsa.pem 2048")
        try scratch.openssl(
            "req -x509 -key rsa.pem -out rsacert.pem -days 30 -subj /CN=authority && "
                + "cat \(scratch.path(of: "rsacert.pem")) \(scratch.path(of: "cert.pem")) >\(scratch.path(of: "order.pem"))"
        )
        for name in ["other.pem", "rsa.pem"] {
            #expect(
                faults(key: name) == [
                    "key file \(name) does not fit certificate file cert.pem: the keys of the two are different"
                ])
        }
        #expect(
            faults(cert: "order.pem") == [
                "key file key.pem does not fit certificate file order.pem: "
                    + "it belongs to certificate 2 of the file, expected to be the first"
            ])
    }

    @Test(arguments: ["pkcs8 -topk8 -v2 aes256", "ec -aes128", "pkcs8 -topk8 -v1 PBE-SHA1-3DES"])
    func anEncryptedKeyIsReportedAndNoPassphraseAskedFor(how: String) throws {
        try scratch.openssl("\(how) -in key.pem -passout pass:secret -out locked.pem")
        #expect(
            faults(key: "locked.pem") == [
                "key file locked.pem is encrypted; expected a key without passphrase (openssl pkey -in FILE -out FILE)"
            ])
    }

    @Test func keysOfAllKindsAndFormsAreAccepted() throws {
        for (name, how) in [
            ("rsa2048", "rsa -pkeyopt rsa_keygen_bits:2048"), ("rsa4096", "rsa -pkeyopt rsa_keygen_bits:4096"),
            ("p384", "ec -pkeyopt ec_paramgen_curve:P-384"), ("ed25519", "ed25519"),
            ("pss", "rsa-pss -pkeyopt rsa_keygen_bits:2048"),
        ] {
            try scratch.openssl(
                "req -x509 -newkey \(how) -nodes -keyout \(name).key -out \(name).pem -days 30 -subj /CN=\(name)")
            chmod(scratch.path(of: "\(name).key"), 0o600)
            #expect(try warnings(cert: "\(name).pem", key: "\(name).key") == [])
            let context = try ServerContext(settings(cert: "\(name).pem", key: "\(name).key"), now: now)
            #expect(context.certificate.names == [name])
            #expect(Conversation(context, try ClientContext(.init())).serverState.session != nil)
        }
        try scratch.openssl("ecparam -name prime256v1 -genkey -out ecparam.pem")
        try scratch.openssl("req -x509 -key ecparam.pem -out ecparam.cert -days 30 -subj /CN=ecparam")
        try scratch.openssl("rsa -in rsa2048.key -traditional -out traditional.key")
        scratch.place(scratch.text("key.pem") + scratch.text("cert.pem"), at: "both.pem")
        for name in ["ecparam.pem", "traditional.key"] { chmod(scratch.path(of: name), 0o400) }
        #expect(try warnings(cert: "ecparam.cert", key: "ecparam.pem") == [])
        #expect(try warnings(cert: "rsa2048.pem", key: "traditional.key") == [])
        #expect(try warnings(cert: "both.pem", key: "both.pem") == [])
    }

    @Test func aChainIsSent() throws {
        try scratch.openssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 30 -subj /CN=authority")
        scratch.place(scratch.text("cert.pem") + scratch.text("ca.pem"), at: "chain.pem")
        let alone = Conversation(try ServerContext(settings(), now: now), try ClientContext(.init()))
        let chain = Conversation(
            try ServerContext(settings(cert: "chain.pem"), now: now), try ClientContext(.init()))
        #expect(chain.clientState.session?.peerFingerprint == alone.clientState.session?.peerFingerprint)
        #expect(chain.flightsToClient[0].count > alone.flightsToClient[0].count + 600)
    }

    @Test func validityIsComparedWithTheGivenTime() throws {
        let end = try ServerContext(settings(), now: now).certificate.expires
        #expect(try warnings(at: end) == [])
        #expect(try warnings(at: end + 1) == ["certificate file cert.pem expired 1 h ago; renew it"])
        #expect(try warnings(at: end + 7200) == ["certificate file cert.pem expired 2 h ago; renew it"])
        #expect(try warnings(at: end + 3 * 86_400) == ["certificate file cert.pem expired 3 days ago; renew it"])
        #expect(
            try warnings(at: now - 7 * 86_400 - 600) == [
                "certificate file cert.pem is not valid yet: its time begins in 7 days"
            ])
        // An expired certificate is served: most miners do not look at it.
        let context = try ServerContext(settings(), now: end + 1)
        #expect(Conversation(context, try ClientContext(.init())).serverState.session != nil)
    }

    @Test(arguments: [
        (0o644, "0644"), (0o640, "0640"), (0o604, "0604"), (0o620, "0620"), (0o601, "0601"), (0o777, "0777"),
    ])
    func aKeyThatOthersMayReadIsAWarning(mode: Int, shown: String) throws {
        chmod(scratch.path(of: "key.pem"), mode_t(mode))
        #expect(
            try warnings() == ["key file key.pem has mode \(shown): other users may read it; expected 0600"])
    }

    @Test(arguments: [0o600, 0o400, 0o700])
    func aKeyThatOnlyItsOwnerMayReadIsNone(mode: Int) throws {
        chmod(scratch.path(of: "key.pem"), mode_t(mode))
        #expect(try warnings() == [])
    }

    @Test func weakKeysAreReported() throws {
        try scratch.openssl("req -x509 -newkey rsa:1024 -nodes -keyout w.key -out w.pem -days 30 -subj /CN=weak")
        chmod(scratch.path(of: "w.key"), 0o600)
        #expect(
            try warnings(cert: "w.pem", key: "w.key") == [
                "key file w.key is weak: RSA 1024 bits; expected RSA 2048 or EC 256"
            ])
        try scratch.openssl("req -x509 -newkey rsa:512 -nodes -keyout v.key -out v.pem -days 30 -subj /CN=weaker")
        #expect(faults(cert: "v.pem", key: "v.key") == ["certificate file v.pem cannot be used: ee key too small"])
    }

    @Test(arguments: [
        "ec -pkeyopt ec_paramgen_curve:secp256k1", "ec -pkeyopt ec_paramgen_curve:brainpoolP256r1",
        "ec -pkeyopt ec_paramgen_curve:P-224", "dsa:dsa.pem",
    ])
    func aKeyThatClientsDoNotUseIsReported(how: String) throws {
        if how.hasPrefix("dsa") { try scratch.openssl("dsaparam -out dsa.pem 2048") }
        try scratch.openssl("req -x509 -newkey \(how) -nodes -keyout odd.key -out odd.pem -days 30 -subj /CN=odd")
        chmod(scratch.path(of: "odd.key"), 0o600)
        let found = try warnings(cert: "odd.pem", key: "odd.key")
        #expect(found.count == 1)
        #expect(
            found.first?.hasPrefix("certificate file odd.pem: no client with usual settings can connect (") == true)
    }

    @Test func replacedFilesAreNoticed() throws {
        let settings = settings()
        let context = try ServerContext(settings, now: now)
        #expect(context.stamps == settings.stamps)
        let stamps = settings.stamps
        let text = scratch.text("cert.pem")
        scratch.place(text + "\n", at: "cert.pem")
        #expect(settings.stamps != stamps)
        // The same content under another inode, as a renewal by rename makes it.
        let before = settings.stamps
        try shell("cd \(scratch.path) && cp -p key.pem key.new && mv key.new key.pem")
        #expect(settings.stamps != before)
        let again = settings.stamps
        chmod(scratch.path(of: "key.pem"), 0o640)
        #expect(settings.stamps != again)
        unlink(scratch.path(of: "key.pem"))
        #expect(settings.stamps[1] == nil)
    }

    @Test func aRenewedPairServesNewConnectionsAndAFailedOneLeavesTheOld() throws {
        let old = try ServerContext(settings(), now: now)
        let handshake = Handshake(server: old)!
        try scratch.openssl("req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 30 -subj /CN=new")
        let renewed = try ServerContext(settings(), now: now)
        #expect(renewed.certificate.fingerprint != old.certificate.fingerprint)
        let client = Handshake(client: try ClientContext(.init()), host: "localhost")!
        let step = client.receive(handshake.receive(client.start().output).output)
        #expect(step.state.session?.peerFingerprint == old.certificate.fingerprint)
        scratch.place("", at: "cert.pem")
        #expect(faults() == ["certificate file cert.pem is empty"])
        let talk = Conversation(renewed, try ClientContext(.init()))
        #expect(talk.clientState.session?.peerFingerprint == renewed.certificate.fingerprint)
    }
}
