import Foundation
import TestSupport
import Testing

private let hasOpenSSL = (try? shell("command -v openssl")) != nil

private func shell(_ command: String) throws -> String {
    let run = try Command(URL(filePath: "/bin/sh"), ["-c", "exec </dev/null; { \(command); } 2>&1"])
    guard run.code == 0 else { throw TestFailure(run.output) }
    return run.output
}

/// The built pool with a client of OpenSSL's own.
@Suite(.enabled(if: hasOpenSSL)) struct SecurePoolTests {
    private let scratch = Scratch()

    /// Starts a pool that is ready.
    /// - Returns: also the fingerprint that it has printed.
    private func pool(_ options: [String]) throws -> (program: Program, port: UInt16, fingerprint: String) {
        let port = try Loopback.freePort()
        let program = try Program("millrace-practice-pool", ["--port", "\(port)", "--quiet"] + options, in: scratch)
        try #require(eventually(within: 10) { program.log.contains("fingerprint") })
        let fingerprint = program.log.split(whereSeparator: \.isWhitespace).last.map(String.init) ?? ""
        return (program, port, fingerprint)
    }

    private func logIn(_ port: UInt16, _ options: String) throws -> String {
        try shell(
            #"(echo '{"id":1,"method":"login","params":{"login":"w","pass":"x"}}'; sleep 1)"#
                + " | timeout 20 openssl s_client -connect 127.0.0.1:\(port) \(options) || true")
    }

    @Test(arguments: [("-tls1_3", "New, TLSv1.3"), ("-tls1_2", "New, TLSv1.2")])
    func openSSLsClientLogsIn(option: String, expected: String) throws {
        let (program, port, _) = try pool(["--tls"])
        let talk = try logIn(port, option)
        #expect(talk.contains(expected))
        #expect(talk.contains(#""status":"OK""#))
        #expect(program.stop() == 0)
    }

    @Test func aPoolUpTo12RefusesAClientOf13() throws {
        let (program, port, _) = try pool(["--tls", "--tls-max-version", "1.2"])
        #expect(try logIn(port, "").contains("New, TLSv1.2"))
        let refused = try logIn(port, "-tls1_3")
        #expect(refused.contains("protocol version") && !refused.contains(#""status":"OK""#))
        #expect(program.stop() == 0)
    }

    @Test func thePrintedFingerprintIsThatOfTheCertificate() throws {
        let (program, port, printed) = try pool(["--tls"])
        #expect(try Self.fingerprint("openssl s_client -connect 127.0.0.1:\(port) 2>/dev/null") == printed)
        #expect(program.stop() == 0)
    }

    @Test func aCertificateOfOnesOwnIsServed() throws {
        let (certificate, key) = (scratch.file("own.pem").path, scratch.file("own.key").path)
        _ = try shell(
            "umask 077; openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=pool.example -keyout \(key) "
                + "-out \(certificate)")
        let (program, port, printed) = try pool(["--tls", "--tls-cert", certificate, "--tls-key", key])
        #expect(try Self.fingerprint("cat \(certificate)") == printed)
        #expect(try logIn(port, "").contains("CN = pool.example"))
        #expect(program.stop() == 0)
    }

    private static func fingerprint(_ source: String) throws -> String {
        let line = try shell("\(source) | openssl x509 -noout -fingerprint -sha256")
        let digits = line.split(separator: "=").last ?? ""
        return digits.lowercased().filter { $0 != ":" && !$0.isWhitespace }
    }

    @Test func aGeneratedPairIsNotLeftBehind() throws {
        let before = try Self.leftovers()
        let (program, _, _) = try pool(["--tls"])
        #expect(try Self.leftovers().subtracting(before).isEmpty)
        #expect(program.stop() == 0)
    }

    private static func leftovers() throws -> Set<String> {
        Set(try FileManager.default.contentsOfDirectory(atPath: "/tmp").filter { $0.hasPrefix("millrace-practice-") })
    }

    @Test func optionsThatDoNotFitAreRefused() throws {
        let program = Checkout.program("millrace-practice-pool")
        for options in [
            ["--tls", "--tls-cert", "a"], ["--tls-cert", "a", "--tls-key", "b"], ["--tls", "--tls-max-version", "3"],
            ["--tls", "--tickets", "-1"], ["--tls", "--key-update-every", "-1"],
        ] {
            #expect(try Command(program, options).code == 64, "\(options)")
        }
        let missing = try Command(program, ["--tls", "--tls-cert", "/nowhere/a", "--tls-key", "/nowhere/b"])
        #expect(missing.code != 0)
        #expect(missing.complaints.contains("certificate file /nowhere/a does not exist"))
    }
}
