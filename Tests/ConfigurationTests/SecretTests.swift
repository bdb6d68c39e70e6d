import Testing

@testable import Configuration

/// Diagnostics go to logs that others read. Whatever is wrong with a file or a command line, none may hold a password,
/// a token, a login or the credentials in a URL.
struct SecretTests {
    private static let secret = "hunter2"

    private func isTold(_ resolution: Resolution) -> Bool {
        (resolution.errorTexts + resolution.warningTexts).joined().contains(SecretTests.secret)
    }

    private static let file = """
        {
          "pools": [
            {"url": "hunter2:hunter2@a:1", "user": "hunter2", "pass": "hunter2", "rig-id": "hunter2"},
            {"url": "a:1", "user": "hunter2.${NONE}", "pass": "hunter2", "tls-fingerprint": "hunter2",
             "spend-secret-key": "hunter2", "self-select": "hunter2"}
          ],
          "access-password": "hunter2${NONE}",
          "http": {"enabled": true, "access-token": "hunter2"},
          "api": {"port": 1, "access-token": "hunter2${NONE}"}
        }
        """

    /// A slip of one key at any place: a character lost, doubled, or another one instead.
    @Test func noSlipOfTheFingerMakesAMessageTellASecret() {
        let original = Array(SecretTests.file.utf8)
        for place in original.indices {
            var files = [original, original]
            files[0].remove(at: place)
            files[1].insert(original[place], at: place)
            for character in "\"{}[],:'1x\\\n/".utf8 {
                files.append(original)
                files[files.count - 1][place] = character
            }
            for bytes in files {
                let resolution = resolve(file: ConfigurationFile(path: "f", bytes: bytes), surroundings: .user)
                #expect(!isTold(resolution), "\(String(decoding: bytes, as: UTF8.self))")
            }
        }
    }

    @Test(arguments: ["hunter2", "'hunter2'", "[\"hunter2\"]", "{\"hunter2x\": \"hunter2\"}", "0hunter2", "-hunter2"])
    func aSecretInTheWrongFormIsNotShown(_ value: String) {
        for key in ["user", "pass", "url", "rig-id", "keepalive", "enabled", "tls", "socks5", "algo"] {
            #expect(!isTold(resolved(pool("\"url\": \"a\", \"\(key)\": \(value)"))), "pools[].\(key)")
        }
        for key in ["access-password", "retries", "custom-diff", "colors", "user-agent", "log-file"] {
            #expect(!isTold(resolved(withPool("\"\(key)\": \(value)"))), "\(key)")
        }
    }

    @Test(arguments: [
        ["-o", "hunter2:hunter2@a"], ["-o", "hunter2://a"], ["-o", "a", "-O", "hunter2"],
        ["-o", "a:hunter2"], ["-o", "[hunter2]:1"], ["-o", "a", "-p", "hunter2${NONE}"], ["-o", "a", "-b", "hunter2"],
        ["-o", "a", "--http-port", "hunter2"], ["-o", "a", "--shards", "hunter2"], ["-p", "hunter2"],
        ["-o", "a", "-u", "hunter2\n"], ["-o", "a", "--access-password", "hunter2${NONE}"],
        ["-o", "a", "--http-access-token", "hunter2\r"], ["-o", "a", "--tls", "--spend-secret-key", "hunter2"],
    ])
    func noOptionIsShownWithItsSecret(_ line: [String]) {
        let resolution = resolved(nil, GivenOption.scan(line))
        #expect(!(resolution.errors + resolution.warnings).isEmpty)
        #expect(!isTold(resolution))
    }

    /// What is wrong with a variable's value is said of the key; the value came from somebody's secret store.
    @Test func noValueOfAVariableIsShown() {
        let values = ["hunter2\n", String(repeating: "hunter2", count: 200), "\u{1b}hunter2"]
        for value in values {
            let surroundings = Surroundings.user.with { $0.environment["SECRET"] = value }
            for key in ["user", "pass", "rig-id"] {
                let resolution = resolved(pool("\"url\": \"a\", \"\(key)\": \"${SECRET}\""), in: surroundings)
                #expect(resolution.settings == nil && !isTold(resolution))
            }
        }
    }

    @Test func aMessageHoldsNothingThatATerminalWouldObey() {
        let resolution = resolved(
            """
            {"pools": [{"url": "a"}], "\\u001b[31m\\u009b\\u007f": 1, "mode": "\\u001b]0;x", "workers": "\\r\\nx",
             "millrace": {"log-format": "\\u0000"}, "http": {"enabled": true, "host": "\\u001b[2J"}}
            """)
        let text = (resolution.errorTexts + resolution.warningTexts).joined()
        #expect(resolution.errors.count == 4 && resolution.warnings.count == 1)
        #expect(text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7f..<0xa0).contains($0.value) })
    }
}
