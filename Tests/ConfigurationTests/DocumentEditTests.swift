import TestSupport
import Testing

@testable import Configuration

/// What a client sends back after it has changed the document of `GET /1/config`.
struct DocumentEditTests {
    /// A service: its file, if it has one, and its options.
    private struct Service {
        var text: String?
        var options: [GivenOption]
        var released: Set<String> = []

        init(_ text: String?, _ line: String = "") {
            self.text = text
            options = ConfigurationTests.options(line)
        }

        var document: ConfigurationDocument {
            ConfigurationDocument(
                file: text.map { ConfigurationFile(path: "config.json", bytes: Array($0.utf8)) }, options: options,
                released: released, path: "/run/x/config.json", surroundings: .user)
        }

        /// Takes what was shown, with these changes; the settings that are in force then.
        mutating func change(
            _ changes: (String, String)..., in location: SourceLocation = #_sourceLocation
        ) throws -> Settings {
            var sent = document.text
            for (old, new) in changes {
                try #require(sent.contains(old), "\(old) is shown", sourceLocation: location)
                sent = sent.replacing(old, with: new)
            }
            return try take(sent, in: location)
        }

        mutating func take(_ sent: String, in location: SourceLocation = #_sourceLocation) throws -> Settings {
            guard case .accepted(let settings, _, let text, let released) = document.receive(Array(sent.utf8)) else {
                Issue.record("\(document.receive(Array(sent.utf8)))", sourceLocation: location)
                throw Refused()
            }
            self.text = text
            self.released = released
            // The file says the same, and so does the service after it has read it.
            let read = resolve(
                file: ConfigurationFile(path: "config.json", bytes: Array(text.utf8)), options: options,
                released: released, surroundings: .user)
            #expect(read.settings == settings, sourceLocation: location)
            #expect(!text.contains("***"), sourceLocation: location)
            #expect(document.receive(Array(document.text.utf8)) == .unchanged, sourceLocation: location)
            return settings
        }

        func refusals(_ sent: String) -> [String] {
            guard case .refused(let diagnostics) = document.receive(Array(sent.utf8)) else { return ["not refused"] }
            return diagnostics.map(\.logText)
        }

        /// At the next start, with the same command line.
        var afterRestart: Settings? { resolved(text, options).settings }
    }

    private struct Refused: Error {}

    private static let two = """
        {"pools": [{"url": "a.example:1", "user": "wa", "pass": "pa"}, {"url": "b.example:2", "user": "wb", "pass": "pb"}],
         "http": {"enabled": true, "access-token": "token"}, "retries": 3}
        """

    private func logins(_ settings: Settings) -> [String] {
        settings.pools.map { "\($0.user):\($0.password)@\($0.name)" }
    }

    // MARK: - Secrets stay at their place

    @Test func aPoolOfAnotherAddressKeepsThePasswordOfItsPlace() throws {
        var service = Service(Self.two)
        let settings = try service.change(("a.example:1", "c.example:3"), ("\"wa\"", "\"wc\""))
        #expect(logins(settings) == ["wc:pa@c.example:3", "wb:pb@b.example:2"])
    }

    @Test func swappedPoolsHaveThePasswordsOfTheirPlaces() throws {
        var service = Service(Self.two)
        let settings = try service.change(
            ("a.example:1", "B"), ("b.example:2", "a.example:1"), ("\"B\"", "\"b.example:2\""), ("\"wa\"", "W"),
            ("\"wb\"", "\"wa\""), ("W", "\"wb\""))
        #expect(logins(settings) == ["wb:pa@b.example:2", "wa:pb@a.example:1"])
    }

    @Test func aRemovedPoolTakesThePasswordOfTheLastPlaceWithIt() throws {
        var service = Service(Self.two)
        let settings = try service.take(
            pool(#""url": "b.example:2", "user": "wb", "pass": "***""#))
        #expect(logins(settings) == ["wb:pa@b.example:2"])
        #expect(try #require(service.text).contains("pb") == false)
    }

    @Test(arguments: ["\"pass\"", "\"spend-secret-key\""])
    func anAddedPoolHasNoSecretToKeep(key: String) {
        let sent = "{\"pools\": [{\"url\": \"a\"}, {\"url\": \"b\"},\n{\"url\": \"c\",\n \(key): \"***\"}]}"
        let name = key.replacing("\"", with: "")
        #expect(
            Service(Self.two).refusals(sent) == [
                "document:3:\(key.count + 4): pools[2].\(name): "
                    + #""***" keeps the present secret, but there is none; give the secret itself"#
            ])
    }

    @Test func aMarkWhereNothingIsSetIsRefused() {
        #expect(Service(Self.two).refusals(#"{"pools": [{"url": "a"}], "access-password": "***"}"#).count == 1)
        #expect(Service(Self.two).refusals(#"{"pools": [{"url": "a"}], "api": {"access-token": "***"}}"#).count == 1)
        #expect(Service(Self.two).refusals(#"{"pools": [{"url": "a", "spend-secret-key": "***"}]}"#).count == 1)
    }

    @Test func aPoolAddedWithItsOwnPasswordIsTaken() throws {
        var service = Service(Self.two)
        let settings = try service.change(
            ("\n    ],\n    \"retries\"", #", {"url": "c.example:3", "user": "wc", "pass": "pc"}], "retries""#))
        #expect(logins(settings) == ["wa:pa@a.example:1", "wb:pb@b.example:2", "wc:pc@c.example:3"])
        #expect(settings.api?.accessToken == "token")
    }

    // MARK: - Defaults stay out of the file

    @Test func onlyWhatWasChangedGetsIntoTheFile() throws {
        var service = Service(Self.two)
        #expect(try service.change(("\"retry-pause\": 1", "\"retry-pause\": 9")).retryPauseSeconds == 9)
        let keys = try rootObject(of: Array(try #require(service.text).utf8), shownName: "document").get().members.map(
            \.key)
        #expect(keys == ["pools", "http", "retries", "retry-pause"])
        #expect(try !#require(service.text).contains("restricted"))
    }

    @Test func aDefaultListThatIsChangedIsWrittenWhole() throws {
        var service = Service(Self.two)
        let settings = try service.change(("\"port\": 3333", "\"port\": 4444"))
        #expect(settings.binds == [.init(host: "0.0.0.0", port: 4444), .init(host: "::", port: 4444)])
    }

    @Test func oneAddressOfAListOfTextsIsChanged() throws {
        var service = Service(withPool(#""bind": ["127.0.0.1:1", "127.0.0.1:2"]"#))
        let settings = try service.change(("\"port\": 2", "\"port\": 5"))
        #expect(settings.binds.map(\.port) == [1, 5])
        #expect(try #require(service.text).contains("\"127.0.0.1:1\""), "what was not changed is as it was written")
    }

    @Test func aKeyThatIsLeftOutHasItsDefault() throws {
        var service = Service(Self.two)
        let settings = try service.take(#"{"pools": [{"url": "a.example:1", "user": "wa", "pass": "***"}]}"#)
        #expect(settings.retries == 2 && settings.api == nil && logins(settings) == ["wa:pa@a.example:1"])
    }

    @Test func whatVariablesStandForIsNotWritten() throws {
        var service = Service(pool(#""url": "a", "user": "${WALLET}""#))
        let settings = try service.change(("\"retries\": 2", "\"retries\": 4"))
        #expect(settings.pools[0].user == "48abc")
        #expect(try #require(service.text).contains("${WALLET}"))
    }

    @Test func findingsNameTheLinesOfTheDocument() throws {
        let service = Service("{\n\n\n\n" + #""pools": [{"url": "a", "coin": "none"}], "background": true}"#)
        let sent = """
            {"pools": [
            {"url": "a", "coin": "none"}], "retries": 5,
            "background": true}
            """
        guard case .accepted(_, let warnings, _, _) = service.document.receive(Array(sent.utf8)) else {
            throw TestFailure("refused")
        }
        #expect(warnings.compactMap(\.line) == [2, 3])
    }

    // MARK: - Options

    /// Gupaxx: starts with options, changes the pool by GET and PUT.
    @Test func poolsOfOptionsAreChangedUntilTheNextStart() throws {
        var service = Service(nil, "-o 127.0.0.1:1 --user rig-1 -b 127.0.0.1:2 --http-port 3 --http-access-token t")
        let settings = try service.change(
            ("\"127.0.0.1:1\"", "\"xvb.example:4\""), ("\"rig-1\"", "\"4Wallet\""),
            ("\"rig-id\": null", "\"rig-id\": \"8\""),
            ("\"keepalive\": false", "\"keepalive\": true"))
        #expect(logins(settings) == ["4Wallet:x@xvb.example:4"])
        #expect(settings.pools[0].rigID == "8" && settings.pools[0].keepaliveSeconds == 60)
        #expect(settings.api?.port == 3 && settings.api?.accessToken == "t" && settings.binds.map(\.port) == [2])
        #expect(service.released == ["pools"])
        #expect(try !#require(service.text).contains("http"), "what the options still decide is not written")
        // And back.
        #expect(logins(try service.change(("xvb.example:4", "127.0.0.1:1"))) == ["4Wallet:x@127.0.0.1:1"])
        #expect(service.afterRestart.map(logins) == ["rig-1:x@127.0.0.1:1"])
    }

    @Test func aBackupPoolIsAddedToThoseOfOptions() throws {
        var service = Service(nil, "-o a:1 -u wa -p pa --retries 4")
        let settings = try service.take(
            #"{"pools": [{"url": "a:1", "user": "wa", "pass": "***"}, {"url": "b:2", "user": "wb", "pass": "pb"}]}"#)
        #expect(logins(settings) == ["wa:pa@a:1", "wb:pb@b:2"])
        #expect(settings.retries == 4, "a key that the document does not name stays with its option")
    }

    @Test func oneOfSeveralPoolsOfOptionsIsRemoved() throws {
        var service = Service(nil, "-o a:1 -O wa:pa -o b:2 -O wb:pb")
        #expect(logins(try service.take(pool(#""url": "a:1", "user": "wa", "pass": "***""#))) == ["wa:pa@a:1"])
        #expect(service.afterRestart.map(logins) == ["wa:pa@a:1", "wb:pb@b:2"])
    }

    @Test func aSingleKeyOfAnObjectIsTakenOverAndTheOthersStayWithTheirOptions() throws {
        var service = Service(Self.two, "--http-port 9 --http-no-restricted --http-access-token option-token")
        let settings = try service.change(("\"port\": 9", "\"port\": 10"))
        #expect(settings.api?.port == 10 && settings.api?.accessToken == "option-token")
        #expect(settings.api?.isRestricted == false)
        #expect(service.released == ["http.port"])
        #expect(try !#require(service.text).contains("option-token"))
        #expect(service.afterRestart?.api?.port == 9)
    }

    @Test func poolsOfOptionsThatReplaceThoseOfTheFileAreWrittenWithTheirSecretsWhenChanged() throws {
        var service = Service(Self.two, "-o p.example:5 -u wp -p pp")
        #expect(logins(try service.change(("\"retries\": 3", "\"retries\": 4"))) == ["wp:pp@p.example:5"])
        #expect(try #require(service.text).contains("a.example"), "the file keeps its own")
        #expect(logins(try service.change(("p.example:5", "q.example:6"))) == ["wp:pp@q.example:6"])
        #expect(try !#require(service.text).contains("a.example"))
    }

    @Test func theOperatorHearsOnceThatADocumentOutranksAnOption() throws {
        let service = Service(nil, "-o a:1 --retries 4 --shards 2")
        let sent = service.document.text.replacing("\"retries\": 4", with: "\"retries\": 5")
        guard case .accepted(_, let warnings, _, let released) = service.document.receive(Array(sent.utf8)) else {
            throw TestFailure("refused")
        }
        #expect(released == ["retries"] && warnings.count == 1)
        #expect(warnings[0].message.hasPrefix("retries: the document overrides the command-line option"))
        var later = service
        _ = try later.take(sent)
        let again = sent.replacing("\"retries\": 5", with: "\"retries\": 6")
        guard case .accepted(_, let none, _, _) = later.document.receive(Array(again.utf8)) else {
            throw TestFailure("refused")
        }
        #expect(none == [])
    }

    @Test func anOptionOfWhatCannotBeChangedWhileTheServiceRunsIsKept() {
        let service = Service(Self.two, "--run-dir /run/a --shards 2")
        let sent = service.document.text.replacing("\"/run/a\"", with: "\"/run/b\"")
        let refusals = service.refusals(sent)
        #expect(refusals.count == 1 && refusals[0].contains("millrace.run-dir: is set by a command-line option"))
        // With all of its object too.
        #expect(service.refusals(#"{"pools": [{"url": "a"}], "millrace": null}"#).count == 1)
    }

    @Test(arguments: [
        "-o a:1", "-o a:1 -u w -p p -b 127.0.0.1:1", "-o a:1 --http-port 9 --no-workers --shards 3 --verbose -6",
        "-o a:1 -O u:p -o b:2 --access-password s --api-port 7 --api-access-token t",
    ])
    func whatOptionsAloneShowChangesNothing(line: String) {
        let document = Service(nil, line).document
        #expect(document.receive(Array(document.text.utf8)) == .unchanged)
    }

    @Test func nullsThatAClientDropsAreNoChange() {
        let document = Service(Self.two).document
        let sent = document.text.split(separator: "\n").filter { !$0.hasSuffix("null,") }.joined(separator: "\n")
        #expect(document.receive(Array(sent.utf8)) == .unchanged)
    }
}
