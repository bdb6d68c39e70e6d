import Testing

@testable import Configuration

struct MillraceTests {
    @Test(arguments: [("\"auto\"", 1, 4), ("null", 1, 4), ("\"cores\"", 4, nil), ("1", 1, nil), ("256", 256, nil)])
    func shardsAreANumberOrOnePerCoreOrGrow(_ value: String, _ count: Int, _ most: Int?) {
        let settings = resolved(withPool("\"millrace\": {\"shards\": \(value)}")).settings
        #expect(settings?.shards == count && settings?.shardsMax == most)
    }

    @Test(arguments: [("0", "0"), ("257", "257"), ("-1", "-1"), ("\"4\"", "a string"), ("\"many\"", "a string")])
    func otherNumbersOfShardsAreAnError(_ value: String, _ found: String) {
        #expect(
            resolved(withPool("\"millrace\": {\"shards\": \(value)}")).errors.map(\.message)
                == ["millrace.shards: expected \"auto\", \"cores\" or a number from 1 to 256, found \(found)"])
    }

    @Test(arguments: [(0, 1), (1, 1), (300, 256)])
    func oddNumbersOfCoresStillGiveShards(_ cores: Int, _ shards: Int) {
        let surroundings = Surroundings.user.with { $0.coreCount = cores }
        #expect(resolved(pool(#""url": "a""#), in: surroundings).settings?.shardsMax == shards)
        let fixed = resolved(withPool(#""millrace": {"shards": "cores"}"#), in: surroundings)
        #expect(fixed.settings?.shards == shards)
    }

    @Test func directoriesFollowTheUserTheServiceManagerAndRoot() throws {
        func places(_ change: (inout Surroundings) -> Void) -> [String]? {
            resolved(pool(#""url": "a""#), in: Surroundings.user.with(change)).settings
                .map { [$0.runDirectory, $0.database] }
        }
        #expect(
            places { _ in }
                == ["/run/user/1000/millrace", "/home/ann/.local/state/millrace/statistics.sqlite"])
        #expect(places { $0.userID = 0 } == ["/run/millrace", "/var/lib/millrace/statistics.sqlite"])
        #expect(
            places { $0.environment = ["RUNTIME_DIRECTORY": "/run/a:/run/b", "STATE_DIRECTORY": "/var/lib/a"] }
                == ["/run/a", "/var/lib/a/statistics.sqlite"])
        #expect(
            places { $0.environment = ["XDG_RUNTIME_DIR": "not/absolute", "XDG_STATE_HOME": "/s"] }
                == ["/tmp/millrace-1000", "/s/millrace/statistics.sqlite"])
        #expect(
            places {
                $0.environment = [:]
                $0.homeDirectory = nil
            } == ["/tmp/millrace-1000", "/tmp/millrace-1000/statistics.sqlite"])
    }

    @Test func anInstanceWithItsOwnRunDirectoryKeepsItsDatabaseThere() {
        let settings = resolved(withPool(#""millrace": {"run-dir": "/tmp/two"}"#)).settings
        #expect(settings?.database == "/tmp/two/statistics.sqlite")
    }

    @Test(arguments: [
        ("/var/lib/millrace-b", "/var/lib/millrace-b/statistics.sqlite"),
        ("/var/lib/b:/var/lib/c", "/var/lib/b/statistics.sqlite"), ("", "/run/two/statistics.sqlite"),
        ("relative", "/run/two/statistics.sqlite"),
    ])
    func theStateDirectoryOfTheUnitComesBeforeAGivenRunDirectory(_ variable: String, _ database: String) {
        let surroundings = Surroundings.user.with {
            $0.environment = ["RUNTIME_DIRECTORY": "/run/b", "STATE_DIRECTORY": variable]
        }
        let text = withPool(#""millrace": {"run-dir": "/run/two"}"#)
        let settings = resolved(text, in: surroundings).settings
        #expect(settings?.runDirectory == "/run/two" && settings?.database == database)
        let given = withPool(#""millrace": {"run-dir": "/run/two", "database": "/d/my.sqlite"}"#)
        #expect(resolved(given, in: surroundings).settings?.database == "/d/my.sqlite")
    }

    @Test func pathsCountFromTheFileOrFromWhereTheOptionWasTyped() throws {
        let text = withPool(#""log-file": "../l", "millrace": {"run-dir": "./r", "database": "d//e"}"#)
        let file = ConfigurationFile(path: "../etc/config.json", bytes: Array(text.utf8))
        let inFile = try #require(resolve(file: file, surroundings: .user).settings)
        #expect(inFile.logFile == "/home/ann/l")
        #expect(inFile.runDirectory == "/home/ann/etc/r" && inFile.database == "/home/ann/etc/d/e")
        let options = [GivenOption("run-dir", "r"), GivenOption("log-file", "l"), GivenOption("database", "/d")]
        let typed = try #require(resolve(file: file, options: options, surroundings: .user).settings)
        #expect(typed.logFile == "/home/ann/work/l")
        #expect(typed.runDirectory == "/home/ann/work/r" && typed.database == "/d")
    }

    @Test func aRunDirectoryLeavesRoomForTheNamesOfSockets() {
        let longest = "/" + String(repeating: "r", count: Settings.runDirectoryBytesMax - 1)
        #expect(longest.utf8.count + 1 + Settings.socketNameBytesMax < 108)
        #expect(resolved(withPool("\"millrace\": {\"run-dir\": \"\(longest)\"}")).errors.isEmpty)
        #expect(
            resolved(withPool("\"millrace\": {\"run-dir\": \"\(longest)r\"}")).errors.map(\.message)
                == ["millrace.run-dir: the path has 75 bytes; the limit for sockets in it is 74"])
    }

    @Test func statisticsAreKeptForAMonthAndWorkersForAWeekUnlessToldOtherwise() {
        let usual = resolved(withPool("")).settings
        #expect(usual?.historyDays == 30 && usual?.forgetWorkersDays == 7)
        let text = withPool(#""millrace": {"history-days": 1, "forget-workers-days": 3650}"#)
        let settings = resolved(text).settings
        #expect(settings?.historyDays == 1 && settings?.forgetWorkersDays == 3650)
    }

    @Test(arguments: ["history-days", "forget-workers-days"], ["0", "3651", "-1"])
    func otherNumbersOfDaysAreAnError(_ key: String, _ days: String) {
        #expect(
            resolved(withPool("\"millrace\": {\"\(key)\": \(days)}")).errors.map(\.message)
                == ["millrace.\(key): expected a number from 1 to 3650, found \(days)"])
    }

    @Test func theLogHasTwoForms() {
        #expect(resolved(withPool(#""millrace": {"log-format": "JSON"}"#)).settings?.logFormat == .json)
        #expect(
            resolved(withPool(#""millrace": {"log-format": "xml"}"#)).errors.map(\.message)
                == ["millrace.log-format: expected one of text, json, found \"xml\""])
    }

    @Test func workersHaveNoSeriesOfTheirOwnUnlessAskedFor() {
        #expect(resolved(withPool("")).settings?.metricsPerWorker == 0)
        #expect(resolved(withPool(#""millrace": {"metrics-per-worker": 10000}"#)).settings?.metricsPerWorker == 10_000)
        #expect(
            resolved(withPool(#""millrace": {"metrics-per-worker": 10001}"#)).errors.map(\.message)
                == ["millrace.metrics-per-worker: expected a number from 0 to 10000, found 10001"])
    }
}

struct FileChoiceTests {
    @Test func aNamedFileIsTheOnlyOne() {
        let options = [GivenOption("url", "a"), GivenOption("config", "my.json")]
        #expect(fileChoice(options: options, surroundings: .user) == .exactly(["my.json"]))
    }

    @Test func optionsThatNameAPoolNeedNoFile() {
        #expect(fileChoice(options: [GivenOption("url", "a")], surroundings: .user) == .none)
    }

    @Test func elseTheUsualPlacesAreSearched() {
        #expect(
            fileChoice(options: [], surroundings: .user)
                == .firstOf([
                    "/opt/millrace/bin/config.json", "/home/ann/work/config.json",
                    "/home/ann/.config/millrace/config.json", "/home/ann/.xmrig-proxy.json",
                    "/home/ann/.config/xmrig-proxy.json", "/etc/millrace/config.json",
                ]))
        let surroundings = Surroundings.user.with {
            $0.environment["XDG_CONFIG_HOME"] = "/c"
            $0.homeDirectory = nil
        }
        #expect(
            fileChoice(options: [GivenOption("data-dir", ".")], surroundings: surroundings)
                == .firstOf(["/home/ann/work/config.json", "/c/millrace/config.json", "/etc/millrace/config.json"]))
    }
}

struct NearestNameTests {
    @Test(arguments: [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("prot", "port", 1), ("abc", "abc", 0)])
    func distancesAreCounted(_ left: String, _ right: String, _ distance: Int) {
        #expect(editDistance(Array(left.utf8), Array(right.utf8)) == distance)
        #expect(editDistance(Array(right.utf8), Array(left.utf8)) == distance)
    }

    @Test func onlyNearNamesAreOffered() {
        #expect(nearestName(to: "Custom_Diff", among: ["custom-diff", "custom-diff-stats"]) == "custom-diff")
        #expect(nearestName(to: "x", among: ["retries"]) == nil)
        #expect(nearestName(to: "password", among: ["pass", "url"]) == "pass")
        #expect(nearestName(to: "donate", among: ["donate-level", "dns"]) == "donate-level")
        #expect(nearestName(to: "url-of-it", among: ["url"]) == nil, "three letters are chance")
        #expect(nearestName(to: String(repeating: "a", count: 100_000), among: ["a"]) == nil)
    }
}
