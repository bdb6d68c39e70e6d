import TestSupport
import Testing

@testable import Configuration

/// What a client of the API may not have the service do: read its environment, and name files.
@Suite struct DocumentTrustTests {
    private static let variable = "${NAME} is allowed only in the configuration file"
    private static let file = "names a file, which only the configuration file may"

    private func document(_ text: String?, _ line: String = "") -> ConfigurationDocument {
        ConfigurationDocument(
            file: text.map { ConfigurationFile(path: "config.json", bytes: Array($0.utf8)) }, options: options(line),
            path: "/run/x/config.json", surroundings: .user)
    }

    /// The refusals of what was shown with one change; nil when it was accepted.
    private func refusals(
        _ document: ConfigurationDocument, _ old: String, _ new: String,
        in location: SourceLocation = #_sourceLocation
    ) -> [String]? {
        #expect(document.text.contains(old), "\(old) is shown", sourceLocation: location)
        guard case .refused(let errors) = document.receive(Array(document.text.replacing(old, with: new).utf8)) else {
            return nil
        }
        return errors.map(\.description)
    }

    @Test(arguments: [
        ("\"user\": \"w\"", "\"user\": \"${WALLET}\""), ("\"user\": \"w\"", "\"user\": \"a.${HOME}/b\""),
        ("\"rig-id\": null", "\"rig-id\": \"${PATH}\""), ("\"user\": \"w\"", "\"user\": \"${NOT_SET}\""),
        ("\"pass\": \"***\"", "\"pass\": \"x${MILLRACE_TOKEN}\""), ("\"url\": \"a:1\"", "\"url\": \"${WALLET}:1\""),
        ("\"worker-id\": null", "\"worker-id\": \"${XMRIG_EXE}\""),
        ("\"user-agent\": null", "\"user-agent\": \"${WALLET}\""),
    ])
    func variablesOfTheEnvironmentAreForTheFileOnly(old: String, new: String) {
        let pool = #""pools": [{"url": "a:1", "user": "w", "pass": "secret"}]"#
        let refused = refusals(document("{\(pool)}"), old, new)
        #expect(refused?.count == 1 && refused?.first?.contains(Self.variable) == true)
        let trusting = document("{\(pool), \"millrace\": {\"trust-documents\": true}}")
        #expect(refusals(trusting, old, new)?.contains { $0.contains(Self.variable) } != true)
    }

    @Test(arguments: [
        ("\"log-file\": null", "\"log-file\": \"/root/.ssh/authorized_keys\""),
        ("\"log-file\": null", "\"log-file\": \"../x\""),
        ("\"access-log-file\": null", "\"access-log-file\": \"/etc/cron.d/x\""),
        ("\"run-dir\": null", "\"run-dir\": \"/run\""), ("\"database\": null", "\"database\": \"/etc/passwd\""),
        ("\"cert\": null", "\"cert\": \"/etc/shadow\""), ("\"cert_key\": null", "\"cert_key\": \"/etc/shadow\""),
        ("\"dhparam\": null", "\"dhparam\": \"x\""),
    ])
    func filesAreNamedByTheFileOnly(old: String, new: String) {
        let pool = #""pools": [{"url": "a:1"}]"#
        let refused = refusals(document("{\(pool)}"), old, new)
        #expect(refused?.count == 1 && refused?.first?.contains(Self.file) == true)
        let trusting = document("{\(pool), \"millrace\": {\"trust-documents\": true}}")
        #expect(refusals(trusting, old, new)?.contains { $0.contains(Self.file) } != true)
        // Nor without a file, where options say everything.
        #expect(refusals(document(nil, "-o a:1"), old, new)?.first?.contains(Self.file) == true)
    }

    @Test func theKeyItselfIsForTheFileOnly() throws {
        let pool = #""pools": [{"url": "a:1"}]"#
        let (off, on) = ("\"trust-documents\": false", "\"trust-documents\": true")
        #expect(refusals(document("{\(pool)}"), off, on)?.count == 1)
        let both = off + ", \"x\": 1"
        #expect(refusals(document("{\(pool), \"millrace\": {\"trust-documents\": true}}"), on, both) == nil)
        // And both at once.
        let sent = #"{"pools": [{"url": "a:1"}], "log-file": "/x", "millrace": {"trust-documents": true}}"#
        guard case .refused(let errors) = document("{\(pool)}").receive(Array(sent.utf8)) else {
            throw TestFailure("accepted")
        }
        #expect(errors.count == 2)
    }

    @Test func whatTheFileSaysAlreadyStays() throws {
        let text = """
            {"pools": [{"url": "a:1", "user": "${WALLET}"}, {"url": "b:1", "user": "other"}],
             "log-file": "/var/log/m.log", "millrace": {"database": "/d/s.sqlite"}}
            """
        let service = document(text)
        #expect(refusals(service, "\"retries\": 2", "\"retries\": 4") == nil)
        #expect(refusals(service, "\"url\": \"a:1\"", "\"url\": \"c:1\"") == nil)
        // The pools change places.
        let moved = service.text.replacing("${WALLET}", with: "#").replacing("\"other\"", with: "\"${WALLET}\"")
            .replacing("\"#\"", with: "\"other\"")
        guard case .accepted(let settings, _, _, _) = service.receive(Array(moved.utf8)) else {
            throw TestFailure("\(service.receive(Array(moved.utf8)))")
        }
        #expect(settings.pools.map(\.user) == ["other", "48abc"] && settings.logFile == "/var/log/m.log")
        // A variable of one key is not one of another.
        #expect(refusals(service, "\"user\": \"other\"", "\"user\": \"x\", \"rig-id\": \"${WALLET}\"")?.count == 1)
        // To have no file any more names none.
        #expect(refusals(service, "\"log-file\": \"/var/log/m.log\"", "\"log-file\": null") == nil)
    }

    @Test func aPathOfAnOptionMayNotBeReplacedEither() {
        let service = document(#"{"pools": [{"url": "a:1"}]}"#, "--log-file /var/log/m.log")
        #expect(refusals(service, "\"/var/log/m.log\"", "\"/etc/passwd\"")?.first?.contains(Self.file) == true)
    }

    @Test(arguments: ["a$b", "$", "${", "${}", "${a b}", "$(HOME)", "$HOME", "100 $"])
    func whatIsNoVariableIsAText(text: String) {
        let service = document(#"{"pools": [{"url": "a:1", "user": "w"}]}"#)
        #expect(refusals(service, "\"user\": \"w\"", "\"user\": \"\(text)\"") == nil)
    }

    // MARK: - Names of the API

    private func http(_ millrace: String) -> Resolution {
        resolved(withPool("\"http\": {\"enabled\": true, \"port\": 8080}, \"millrace\": {\(millrace)}"))
    }

    @Test func hostNamesAndOtherOriginsAreRead() {
        let api = http(#""http-hosts": ["proxy.example.org", "*"], "http-cors": true"#).settings?.api
        #expect(api?.hosts == ["proxy.example.org", "*"] && api?.allowsOtherOrigins == true)
        let usual = http("").settings?.api
        #expect(usual != nil && usual?.hosts == nil && usual?.allowsOtherOrigins == nil)
        #expect(http(#""http-hosts": []"#).settings?.api?.hosts == nil)
        // Without an API they say nothing.
        #expect(resolved(withPool(#""millrace": {"http-hosts": ["a.b"]}"#)).settings?.api == nil)
    }

    @Test(arguments: ["\"\"", "\"http://a.b\"", "\"a.b:80\"", "\"a b\"", "3", "null", "\"u@a.b\"", "[\"a.b\"]"])
    func whatIsNoHostNameIsAnError(name: String) {
        #expect(
            http("\"http-hosts\": [\"a.b\", \(name)]").errors.map(\.message).first?.contains("http-hosts[1]") == true)
        #expect(http("\"http-hosts\": \"a.b\"").errors.count == 1)
        let many = Array(repeating: "\"a.b\"", count: Settings.API.hostsMax + 1).joined(separator: ",")
        #expect(http("\"http-hosts\": [\(many)]").errors.count == 1)
    }
}
