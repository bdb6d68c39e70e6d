import Testing

@testable import Configuration

/// Diagnostics go to logs that others read. Whatever is wrong with a file or a command line, none may hold a password,
/// a token, a login or the credentials in a URL.
struct SecretTests {
    /// One of letters and one of digits alone: without its quotes each looks like another kind of value.
    private func isTold(_ resolution: Resolution) -> Bool {
        let text = (resolution.errorTexts + resolution.warningTexts).joined()
        return text.contains("swordfish") || text.contains("08154711")
    }

    private static let file = """
        {
          "pools": [
            {"url": "swordfish:swordfish@a:1", "user": "swordfish", "pass": "08154711", "rig-id": "swordfish"},
            {"url": "a:1", "user": "swordfish.${NONE}", "pass": "swordfish", "tls-fingerprint": "swordfish",
             "spend-secret-key": "swordfish", "self-select": "swordfish"}
          ],
          "access-password": "swordfish${NONE}",
          "http": {"enabled": true, "access-token": "swordfish"},
          "api": {"port": 1, "access-token": "08154711${NONE}"}
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

    @Test(arguments: [
        "swordfish", "'swordfish'", "[\"swordfish\"]", "{\"swordfishx\": \"swordfish\"}", "0swordfish", "-swordfish",
        "08154711",
    ])
    func aSecretInTheWrongFormIsNotShown(_ value: String) {
        for key in ["user", "pass", "url", "rig-id", "keepalive", "enabled", "tls", "socks5", "algo"] {
            #expect(!isTold(resolved(pool("\"url\": \"a\", \"\(key)\": \(value)"))), "pools[].\(key)")
        }
        for key in ["access-password", "retries", "custom-diff", "colors", "user-agent", "log-file"] {
            #expect(!isTold(resolved(withPool("\"\(key)\": \(value)"))), "\(key)")
        }
    }

    @Test(arguments: [
        ["-o", "swordfish:swordfish@a"], ["-o", "swordfish://a"], ["-o", "a", "-O", "swordfish"],
        ["-o", "a:swordfish"], ["-o", "[swordfish]:1"], ["-o", "a", "-p", "swordfish${NONE}"],
        ["-o", "a", "-b", "swordfish"],
        ["-o", "a", "--http-port", "swordfish"], ["-o", "a", "--shards", "swordfish"], ["-p", "swordfish"],
        ["-o", "a", "-u", "swordfish\n"], ["-o", "a", "--access-password", "swordfish${NONE}"],
        ["-o", "a", "--http-access-token", "swordfish\r"], ["-o", "a", "--tls", "--tls-fingerprint", "swordfish"],
    ])
    func noOptionIsShownWithItsSecret(_ line: [String]) {
        let resolution = resolved(nil, CommandLineReading(line).options)
        #expect(!(resolution.errors + resolution.warnings).isEmpty)
        #expect(!isTold(resolution))
    }

    /// What is wrong with a variable's value is said of the key; the value came from somebody's secret store.
    @Test func noValueOfAVariableIsShown() {
        let values = ["swordfish\n", String(repeating: "swordfish", count: 200), "\u{1b}swordfish"]
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
