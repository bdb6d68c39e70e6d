import Foundation
import TestSupport
import Testing

@testable import TLSHandshake

@Suite struct GeneratedPairTests {
    private let scratch = Scratch()

    @discardableResult
    private func make(_ name: String? = nil, at time: Int64 = now) throws(ContextFailure) -> Bool {
        try GeneratedPair.make(
            name: name, certificateFile: scratch.path(of: "cert.pem"), keyFile: scratch.path(of: "key.pem"), now: time)
    }

    private func mode(_ name: String) -> mode_t {
        var status = stat()
        stat(scratch.path(of: name), &status)
        return status.st_mode & 0o777
    }

    private var files: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted() }
    }

    private func context() throws -> ServerContext {
        try ServerContext(
            .init(certificateFile: scratch.path(of: "cert.pem"), keyFile: scratch.path(of: "key.pem")), now: now)
    }

    @Test func aPairIsMadeOnce() throws {
        let moment = now
        #expect(try make(at: moment))
        let key = scratch.text("key.pem")
        #expect(try make() == false)
        #expect(try make("other.example") == false)
        #expect(scratch.text("key.pem") == key)
        #expect(try files == ["cert.pem", "key.pem"])
        #expect(mode("key.pem") == 0o600)
        #expect(mode("cert.pem") == 0o644)
        let context = try context()
        #expect(context.findings == [])
        #expect(context.certificate.keyKind == "EC 256")
        #expect(context.certificate.expires == moment + 3652 * 86_400)
        #expect(context.certificate.validFrom == moment - 86_400)
        let printed = try shell("openssl x509 -in \(scratch.path(of: "cert.pem")) -noout -fingerprint -sha256")
        #expect(
            printed.filter { $0 != ":" }.lowercased().contains("=" + context.certificate.fingerprint))
    }

    @Test(
        arguments: [
            (nil, "localhost", ["localhost", "127.0.0.1", "::1"]),
            ("", "localhost", ["localhost", "127.0.0.1", "::1"]),
            ("proxy.example", "proxy.example", ["proxy.example"]),
            ("*.farm.example", "*.farm.example", ["*.farm.example"]),
            ("192.0.2.7", "192.0.2.7", ["192.0.2.7"]), ("2001:db8::7", "2001:db8::7", ["2001:db8::7"]),
            ("my rig, IP:10.0.0.1", "my rig, IP:10.0.0.1", ["my rig, IP:10.0.0.1"]), ("Ферма", "Ферма", ["??????????"]),
            (
                String(repeating: "a", count: 60) + ".example", "localhost",
                [String(repeating: "a", count: 60) + ".example"]
            ),
        ] as [(String?, String, [String])])
    func namesAreInTheCertificate(name: String?, common: String, names: [String]) throws {
        try make(name)
        let printed = try shell(
            "openssl x509 -in \(scratch.path(of: "cert.pem")) -noout -subject -issuer -nameopt utf8,sep_multiline")
        #expect(printed.components(separatedBy: "CN=\(common)\n").count == 3)
        #expect(try context().certificate.names == names)
    }

    @Test func foreignProgramsAcceptTheCertificate() throws {
        try make("proxy.example")
        let verified = try shell(
            "openssl verify -x509_strict -purpose sslserver -verify_hostname proxy.example -CAfile "
                + "\(scratch.path(of: "cert.pem")) \(scratch.path(of: "cert.pem"))")
        #expect(verified.hasSuffix(": OK\n"))
    }

    @Test func aKeyWithoutCertificateGetsOne() throws {
        try make()
        let key = scratch.text("key.pem")
        unlink(scratch.path(of: "cert.pem"))
        #expect(try make())
        #expect(scratch.text("key.pem") == key)
        #expect(try context().findings == [])
    }

    @Test func aCertificateWithoutKeyIsLeftAlone() throws {
        try make()
        unlink(scratch.path(of: "key.pem"))
        let certificate = scratch.text("cert.pem")
        #expect(throws: ContextFailure.self) { try make() }
        #expect(scratch.text("cert.pem") == certificate)
        #expect(try files == ["cert.pem"])
    }

    @Test func aDirectoryThatDoesNotExistIsReported() {
        do throws(ContextFailure) {
            try GeneratedPair.make(
                name: nil, certificateFile: scratch.path(of: "no/cert.pem"), keyFile: scratch.path(of: "no/key.pem"),
                now: now)
            Issue.record("made")
        } catch {
            #expect(
                error.findings.map(\.text) == [
                    scratch.path(of: "no/key.pem") + " cannot be made: No such file or directory"
                ])
        }
    }

    @Test func bothFilesAreMadeOrNone() throws {
        // The key can be made, the certificate cannot.
        #expect(throws: ContextFailure.self) {
            try GeneratedPair.make(
                name: nil, certificateFile: scratch.path(of: "no/cert.pem"), keyFile: scratch.path(of: "key.pem"),
                now: now)
        }
        #expect(try files == [])
        // A name that a certificate cannot have.
        #expect(throws: ContextFailure.self) {
            try GeneratedPair.make(
                name: nil, certificateFile: scratch.path, keyFile: scratch.path(of: "key.pem"), now: now)
        }
        #expect(try files == [])
    }

    @Test func severalAtOnceMakeOnePair() async throws {
        let certificate = scratch.path(of: "cert.pem")
        let key = scratch.path(of: "key.pem")
        for _ in 0..<10 {
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        _ = try? GeneratedPair.make(name: nil, certificateFile: certificate, keyFile: key, now: now)
                    }
                }
            }
            #expect(try context().findings == [])
            #expect(try files == ["cert.pem", "key.pem"])
            unlink(certificate)
            unlink(key)
        }
    }

    @Test func eachPairIsDifferent() throws {
        try make()
        let first = try context().certificate.fingerprint
        unlink(scratch.path(of: "cert.pem"))
        unlink(scratch.path(of: "key.pem"))
        try make()
        #expect(try context().certificate.fingerprint != first)
    }
}
