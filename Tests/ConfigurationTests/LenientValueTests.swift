import Testing

@testable import Configuration

/// Values that xmrig-proxy passes over: its files must start a service here, with a warning and its default.
struct LenientValueTests {
    private func warned(_ resolution: Resolution) -> [String] { resolution.warnings.map(\.message) }

    @Test(arguments: [
        ("custom-diff-stats", "60"), ("custom-diff-stats", "\"yes\""), ("workers", "1"), ("workers", "[]"),
        ("custom-diff", "\"1000\""), ("custom-diff", "1000.5"), ("retry-pause", "-1"), ("retry-pause", "3601"),
        ("retries", "0"), ("retries", "1001"), ("retries", "true"), ("verbose", "-1"), ("verbose", "\"loud\""),
        ("donate-level", "100"), ("donate-level", "\"one\""), ("print-time", "-1"), ("print-time", "false"),
        ("algo-ext", "0"), ("colors", "\"auto\""), ("log-file", "false"), ("user-agent", "7"), ("dns", "[]"),
        ("watch", "1"), ("syslog", "\"on\""), ("background", "0"), ("reuse-timeout", "-5"),
        ("access-log-file", "true"), ("mode", "1"), ("title", "{}"), ("debug", "2"),
    ])
    func aWrongValueIsTheDefaultAndAWarning(_ key: String, _ value: String) throws {
        let resolution = resolved(withPool("\"\(key)\": \(value)"))
        #expect(resolution.settings == resolved(withPool("\"\(key)\": null")).settings)
        #expect(resolution.errors.isEmpty)
        #expect(warned(resolution).count == 1)
        let warning = try #require(resolution.warnings.first)
        #expect(
            warning.message.hasPrefix("\(key): expected ")
                && warning.message.hasSuffix("the default is used, as in xmrig-proxy"))
        #expect(warning.line == 3)
    }

    @Test(arguments: [
        ("rig-id", "1"), ("rig-id", "true"), ("user", "7"), ("pass", "[\"x\"]"), ("keepalive", "-1"),
        ("keepalive", "\"often\""), ("keepalive", "86401"),
        ("enabled", "1"), ("sni", "\"name\""), ("tls", "0"), ("daemon", "\"no\""),
        ("self-select", "false"), ("daemon-poll-interval", "\"fast\""),
    ])
    func aWrongValueOfAPoolIsTheDefaultAndAWarning(_ key: String, _ value: String) {
        let resolution = resolved(pool("\"url\": \"a\", \"\(key)\": \(value)"))
        #expect(resolution.settings == resolved(pool("\"url\": \"a\"")).settings)
        #expect(warned(resolution).count == 1 && warned(resolution)[0].hasPrefix("pools[0].\(key): expected "))
    }

    @Test(arguments: [
        ("ip_version", "5", 0, 30), ("ip_version", "-4", 0, 30), ("ip_version", "\"six\"", 0, 30), ("ttl", "0", 0, 1),
        ("ttl", "-30", 0, 1), ("ttl", "99999999999", 0, 2_147_483_647), ("ttl", "true", 0, 30),
    ])
    func dnsFallsBackToWhatXmrigProxyUses(_ key: String, _ value: String, _ version: Int, _ ttl: Int) {
        let resolution = resolved(withPool("\"dns\": {\"\(key)\": \(value)}"))
        #expect(resolution.settings?.dns.ipVersion == version && resolution.settings?.dns.ttlSeconds == ttl)
        #expect(warned(resolution).count == 1)
    }

    @Test(arguments: ["3601", "7200", "86400", "9223372036854775807"])
    func aPrintTimeOfMoreThanAnHourIsAnHour(_ value: String) {
        let resolution = resolved(withPool("\"print-time\": \(value)"))
        #expect(resolution.settings?.printSeconds == 3_600)
        #expect(
            warned(resolution) == [
                "print-time: expected a number from 0 to 3600, found \(value); 3600 is used, as in xmrig-proxy"
            ])
    }

    // MARK: - Quoted values

    @Test(arguments: [
        ("\"retries\": \"7\"", "\"retries\": 7"), ("\"watch\": \"false\"", "\"watch\": false"),
        ("\"custom-diff-stats\": \"true\"", "\"custom-diff-stats\": true"), ("\"verbose\": \"1\"", "\"verbose\": 1"),
        ("\"http\": {\"enabled\": \"true\", \"port\": \"27023\"}", "\"http\": {\"enabled\": true, \"port\": 27023}"),
        (
            "\"http\": {\"enabled\": true, \"restricted\": \"false\"}",
            "\"http\": {\"enabled\": true, \"restricted\": false}"
        ),
        ("\"bind\": [{\"host\": \"::\", \"port\": \"5\"}]", "\"bind\": [{\"host\": \"::\", \"port\": 5}]"),
        ("\"api\": {\"port\": \"9\"}", "\"api\": {\"port\": 9}"),
        ("\"dns\": {\"ttl\": \"5\"}", "\"dns\": {\"ttl\": 5}"),
    ])
    func aTextThatSpellsTheValueIsTakenWithAWarning(_ quoted: String, _ plain: String) {
        let resolution = resolved(withPool(quoted))
        #expect(resolution.settings == resolved(withPool(plain)).settings && resolution.settings != nil)
        #expect(!warned(resolution).isEmpty)
        #expect(
            warned(resolution).allSatisfy {
                $0.hasSuffix("found a quoted value, used as if it were not quoted; remove the quotes")
            })
    }

    @Test(arguments: ["\"TRUE\"", "\"yes\"", "\"1\"", "1", "\"\"", "null "])
    func whetherTheAPIIsRestrictedIsNeverGuessed(_ value: String) {
        let resolution = resolved(withPool("\"http\": {\"enabled\": true, \"restricted\": \(value)}"))
        if value == "null " {
            #expect(resolution.settings?.api?.isRestricted == true)
        } else {
            #expect(resolution.errors.first?.message.hasPrefix("http.restricted: expected true or false") == true)
        }
    }

    @Test(arguments: ["\"027\"", "\" 27\"", "\"27 \"", "\"+27\"", "\"0x1b\"", "\"70000\"", "\"many\""])
    func aTextThatSpellsNoPortIsRefused(_ value: String) {
        #expect(resolved(withPool("\"http\": {\"enabled\": true, \"port\": \(value)}")).errors.count == 1)
    }

    @Test(arguments: ["\"shards\": \"2\"", "\"keep-connections\": \"true\"", "\"history-days\": \"5\""])
    func ourOwnObjectStaysStrict(_ member: String) {
        #expect(resolved(withPool("\"millrace\": {\(member)}")).errors.count == 1)
    }

    // MARK: - Addresses

    @Test(arguments: [
        (#""127.0.0.1:5""#, "127.0.0.1", 5), (#""[::1]:6""#, "::1", 6),
        (#"{"host": "0.0.0.0", "port": 7, "tls": false}"#, "0.0.0.0", 7), (#"{"host": "::", "port": "8"}"#, "::", 8),
    ])
    func oneAddressWithoutAListIsTaken(_ value: String, _ host: String, _ port: UInt16) {
        let resolution = resolved(withPool("\"bind\": \(value)"))
        #expect(resolution.settings?.binds == [.init(host: host, port: port)])
        #expect(warned(resolution)[0].hasSuffix("used as a single address"))
    }

    @Test(arguments: ["\"here\"", "\"0.0.0.0\"", "{}", "3333", "true", "{\"host\": \"localhost\", \"port\": 1}"])
    func aWrongAddressIsRefusedInAnyForm(_ value: String) {
        #expect(resolved(withPool("\"bind\": \(value)")).settings == nil)
    }

    // MARK: - Pools

    @Test(arguments: [
        "{}", "{\"user\": \"u\"}", "7", "\"b:1\"", "null", "{\"url\": \"\"}", "{\"url\": 5}", "{\"url\": \"b:99999\"}",
        "{\"url\": \"http://b:1\"}", "{\"url\": \"u@b:1\"}", "{\"url\": \"b c\"}", "{\"url\": \"u:123@b:1\"}",
    ])
    func aPoolThatCannotBeUsedIsLeftOutAmongGoodOnes(_ bad: String) {
        for list in ["\(bad), {\"url\": \"a:1\"}", "{\"url\": \"a:1\"}, \(bad)"] {
            let resolution = resolved("{\"pools\": [\(list)]}")
            #expect(resolution.settings?.pools.map(\.name) == ["a:1"], "\(resolution.errorTexts)")
            #expect(warned(resolution).contains { $0.hasSuffix("this pool is ignored") })
        }
        #expect(resolved("{\"pools\": [\(bad)]}").errors.count == 1)
    }

    @Test(arguments: [
        ("h:1/path", "h", 1, true), ("stratum+tcp://h:3333/xmr?x=1", "h", 3333, true),
        ("h:3333,b:4444", "h", 3333, true),
        ("[::1]:7/x", "::1", 7, true), ("h:3333 ", "h", 3333, false), (" h:3333", "h", 3333, false),
        ("h:3333 # main", "h", 3333, true), ("stratum+tcp://h:5/", "h", 5, false),
    ])
    func thePortEndsWhereItsDigitsEnd(_ url: String, _ host: String, _ port: UInt16, _ hasMore: Bool) {
        let resolution = resolved(pool("\"url\": \"\(url)\""))
        #expect(resolution.settings?.pools.map(\.host) == [host] && resolution.settings?.pools.map(\.port) == [port])
        #expect(warned(resolution).isEmpty != hasMore)
    }

    // MARK: - Files

    private func file(_ path: String, _ text: String) -> ConfigurationFile {
        ConfigurationFile(path: path, bytes: Array(text.utf8))
    }

    @Test func laterFilesWinKeyByKeyAndKeepWhatTheyDoNotName() throws {
        var last = file(
            "/b/last.json", #"{"retries": 7, "http": {"port": 9}, "access-password": null, "colors": "no"}"#)
        last.below = [
            file("/a/first.json", #"{"pools": [{"url": "a"}], "retries": 5, "access-password": "s", "log-file": "l"}"#),
            file("/a/second.json", #"{"http": {"enabled": true, "port": 8, "access-token": "t"}, "custom-diff": "1"}"#),
        ]
        let resolution = resolve(file: last, surroundings: .user)
        let settings = try #require(resolution.settings)
        #expect(settings.pools.map(\.host) == ["a"] && settings.retries == 7 && settings.accessPassword == "s")
        #expect(settings.api?.port == 9 && settings.api?.accessToken == "t")
        // A relative path counts from the directory of its own file, and a finding names its own file.
        #expect(settings.logFile == "/a/l")
        #expect(
            resolution.warnings.map { "\($0.file ?? ""):\($0.line ?? 0)" } == ["/a/second.json:1", "/b/last.json:1"])
    }

    @Test func aBrokenFileBelowIsAnErrorInItsName() {
        var last = file("/b.json", #"{"pools": [{"url": "a"}]}"#)
        last.below = [file("/a.json", "{}"), file("/broken.json", "{\n]")]
        #expect(resolve(file: last, surroundings: .user).errorTexts.map { $0.prefix(16) } == ["/broken.json:2:1"])
    }

    @Test func filesAreChosenInTheirOrder() {
        let options = CommandLineReading(["-c", "a", "-o", "p", "--config=b"]).options
        #expect(fileChoice(options: options, surroundings: .user) == .exactly(["a", "b"]))
    }

    @Test(arguments: ["true", "\"true\""])
    func aDryRunMayBeAskedForByTheFile(_ value: String) {
        #expect(resolved(withPool("\"dry-run\": \(value)")).isDryRun)
        #expect(!resolved(withPool("\"dry-run\": false")).isDryRun)
    }

    // MARK: - The home directory

    private func database(_ change: (inout Surroundings) -> Void) -> (path: String?, warnings: [String]) {
        let resolution = resolved(withPool("\"retries\": 2"), in: Surroundings.user.with(change))
        return (resolution.settings?.database, resolution.warnings.map(\.message))
    }

    @Test func withoutAUsableHomeTheStatisticsAreKeptInTheRunDirectory() {
        let fallback = "/run/user/1000/millrace/statistics.sqlite"
        let none = database { $0.homeDirectory = nil }
        #expect(none.path == fallback)
        #expect(none.warnings.first?.hasPrefix("millrace.database: there is no home directory (HOME)") == true)
        let readOnly = database { $0.unusableStateDirectories = ["/home/ann/.local/state"] }
        #expect(readOnly.path == fallback)
        #expect(readOnly.warnings.first?.contains("/home/ann/.local/state cannot be written to") == true)
        let both = database {
            $0.environment["XDG_STATE_HOME"] = "/x"
            $0.unusableStateDirectories = ["/x", "/home/ann/.local/state"]
        }
        #expect(both.path == fallback && both.warnings.count == 1)
    }

    @Test func theNextUsableDirectoryIsTaken() {
        let home = database {
            $0.environment["XDG_STATE_HOME"] = "/x"
            $0.unusableStateDirectories = ["/x"]
        }
        #expect(home.path == "/home/ann/.local/state/millrace/statistics.sqlite" && home.warnings.count == 1)
        let named = database { $0.environment["XDG_STATE_HOME"] = "/x" }
        #expect(named.path == "/x/millrace/statistics.sqlite" && named.warnings.isEmpty)
        let root = database { ($0.userID, $0.homeDirectory) = (0, nil) }
        #expect(root.path == "/var/lib/millrace/statistics.sqlite" && root.warnings.isEmpty)
    }
}
