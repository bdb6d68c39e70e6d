import TestSupport
import Testing

@testable import Configuration

/// What `GET /1/config` serves and `PUT /1/config` takes.
struct ConfigurationDocumentTests {
    private static let text = """
        {
            // Ours.
            "pools": [
                {"url": "a.example:1", "user": "wallet-a", "pass": "pass-a", "rig-id": "r1"},
                {"url": "b.example:2", "user": "wallet-b", "pass": "pass-b", "spend-secret-key": "spend-b"},
                {"url": "stratum+tcp://u:url-login@c.example:3", "enabled": false, "socks5": "me:socks-login@h:1"},
            ],
            "access-password": "access-secret",
            "http": {"enabled": true, "port": 8080, "access-token": "http-secret"},
            "api": {"access-token": "api-secret", "worker-id": "farm"},
            "tls": {"enabled": false, "cert_key": "key-secret"},
            "pasword": "unknown-secret", "tokens": ["unknown-secret-1", {"deep": "unknown-secret-2"}],
            "proxy-url": "http://u:unknown-login@h", "colour": "blue", "ratio": 1.5, "none": null, "empty": [],
            "millrace": {"shards": 2, "run-dir": "/run/x"}
        }
        """

    private static let secrets = [
        "pass-a", "pass-b", "spend-b", "url-login", "socks-login", "access-secret",
        "http-secret",
        "api-secret", "key-secret", "unknown-secret", "unknown-login",
    ]

    private func document(_ text: String = text, _ line: String = "") -> ConfigurationDocument {
        ConfigurationDocument(
            file: ConfigurationFile(path: "config.json", bytes: Array(text.utf8)),
            options: CommandLineReading(line.split(separator: " ").map(String.init)).options, surroundings: .user)
    }

    private func receive(
        _ sent: String, for text: String = text, _ line: String = ""
    ) -> ConfigurationDocument.Reception {
        document(text, line).receive(Array(sent.utf8))
    }

    /// What a document comes to, given that it is accepted.
    private func accepted(
        _ sent: String, for text: String = text, _ line: String = "", _ location: SourceLocation = #_sourceLocation
    ) throws -> (settings: Settings, text: String) {
        guard case .accepted(let settings, _, let fileText, _) = receive(sent, for: text, line) else {
            Issue.record("\(receive(sent, for: text, line))", sourceLocation: location)
            throw Refused()
        }
        return (settings, fileText)
    }

    private struct Refused: Error {}

    private func refusals(_ sent: String, for text: String = text, _ line: String = "") -> [String] {
        guard case .refused(let diagnostics) = receive(sent, for: text, line) else { return ["not refused"] }
        return diagnostics.map(\.logText)
    }

    // MARK: - Out

    @Test func everythingIsServedAndNoSecretIs() throws {
        let served = document().text
        for secret in Self.secrets { #expect(!served.contains(secret), "\(secret)") }
        for shown in [
            "\"colour\": \"blue\"", "\"ratio\": 1.5", "\"url\": \"a.example:1\"", "\"none\": null", "\"r1\"", "[]",
            "\"user\": \"wallet-a\"", "\"user\": \"wallet-b\"",
        ] {
            #expect(served.contains(shown), "\(shown)")
        }
        #expect(!served.contains("Ours."), "comments are not part of it")
        #expect(throws: Never.self) { try JSONReader.read(Array(served.utf8)) }
    }

    @Test func anEmptySecretIsShownAsWhatItIs() {
        let served = document(withPool(#""access-password": "", "http": {"access-token": null}"#)).text
        #expect(served.contains(#""access-password": """#) && served.contains(#""access-token": null"#))
    }

    @Test func optionsAreLaidOverTheFile() {
        let served = document(Self.text, "--http-port 9 --access-password option-secret --retries 7").text
        #expect(served.contains("\"port\": 9") && served.contains("\"retries\": 7"))
        #expect(!served.contains("option-secret"))
    }

    @Test func everyKeyOfTheSecretsIsAKeyAndEveryTellingNameIsDecided() {
        let paths = Set(KnownKey.all.map(\.path))
        for path in KnownKey.secrets.keys { #expect(paths.contains(path), "\(path)") }
        // Known, and open though their names sound like secrets.
        let open: Set<String> = ["user-agent", "millrace.limits.logins", "millrace.pass-login"]
        for path in paths where !open.contains(path) && KnownKey.secrets[path] == nil {
            let name = path.split(separator: ".").last ?? ""
            #expect(!KnownKey.tellingNames.contains { name.contains($0) }, "\(path)")
        }
    }

    // MARK: - And in again

    @Test(arguments: ["", "--http-port 9", "--access-password s --retries 7 --shards 3", "-o p:1 -u w -b 0.0.0.0:1"])
    func whatWasServedChangesNothing(line: String) {
        #expect(receive(document(Self.text, line).text, for: Self.text, line) == .unchanged)
    }

    @Test func aChangeKeepsAllSecrets() throws {
        let sent = document().text.replacing("\"blue\"", with: "\"red\"").replacing("\"r1\"", with: "\"r2\"")
        let (settings, text) = try accepted(sent)
        #expect(settings.pools.map(\.user) == ["wallet-a", "wallet-b"])
        #expect(settings.pools.map(\.password) == ["pass-a", "pass-b"])
        #expect(settings.pools[0].rigID == "r2")
        #expect(settings.api?.accessToken == "http-secret" && settings.accessPassword == "access-secret")
        for secret in Self.secrets { #expect(text.contains(secret), "\(secret)") }
        #expect(!text.contains("***"))
        // The text is a file that says the same.
        #expect(resolved(text).settings == settings)
    }

    @Test func aSecretThatIsWrittenOutReplacesTheOldOne() throws {
        let sent = withPool(#""access-password": "new""#).replacing(
            "pool.example:4444\"", with: "a.example:1\", \"pass\": \"***\"")
        let settings = try accepted(sent).settings
        #expect(settings.accessPassword == "new" && settings.pools[0].password == "pass-a")
    }

    @Test func theMarkMeansNothingWhereNoSecretIs() throws {
        let sent = withPool("\"user-agent\": \"***\"")
        #expect(try accepted(sent).settings.userAgent == "***")
        #expect(refusals(withPool("\"api\": {\"access-token\": \"***\"}"), for: withPool("")).count == 1)
    }

    @Test func aDocumentIsJudgedByTheRulesOfAFileWithItsOwnLines() {
        #expect(
            refusals("{\n\"pools\": [{\"url\": \"a\"}],\n  \"http\": 0\n}")
                == ["document:3:11: http: expected an object, found a number"])
        #expect(refusals("[]") == ["document:1:1: expected an object ('{'), found a list"])
        #expect(refusals("{").first?.hasPrefix("document:1:2: ") == true)
        #expect(refusals("{}").first?.contains("no pool is enabled") == true)
    }

    @Test func anOptionsSecretDoesNotGetIntoTheFile() throws {
        let base = withPool("\"retries\": 3")
        let served = document(base, "--access-password option-secret --http-access-token t").text
        let (settings, text) = try accepted(
            served.replacing("\"retries\": 3", with: "\"retries\": 4"), for: base,
            "--access-password option-secret --http-access-token t")
        #expect(settings.accessPassword == "option-secret" && settings.retries == 4)
        #expect(!text.contains("option-secret") && !text.contains("http") && !text.contains("***"))
    }

    /// Mutated documents: an answer, never a trap; what is accepted is a file that says the same, without the mark in
    /// the place of a secret that was there.
    @Test func damagedDocumentsNeverTrap() {
        let document = document()
        let served = Array(document.text.utf8)
        var random = SeededGenerator(seed: 11)
        for _ in 0..<500 {
            var sent = served
            for _ in 0...random.below(2) {
                let place = random.below(sent.count)
                if random.below(2) == 0 { sent[place] = UInt8(random.below(128)) } else { sent.remove(at: place) }
            }
            guard case .accepted(let settings, _, let text, _) = document.receive(sent) else { continue }
            #expect(resolved(text).settings == settings)
        }
    }
}
