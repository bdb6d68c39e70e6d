import Testing

@testable import Configuration

struct ExpansionTests {
    @Test func variablesAreReplacedWhereXmrigProxyReplacesThem() throws {
        let settings = try #require(
            resolved(
                """
                {"pools": [{"url": "a", "user": "${WALLET}.${HOSTNAME}", "pass": "${XMRIG_VERSION}${XMRIG_KIND}",
                  "rig-id": "$${XMRIG_HOSTNAME}$"}], "log-file": "${XMRIG_HOME_DIR}/${XMRIG_DATA_DIR}.log",
                  "http": {"enabled": true, "access-token": "${WALLET}"}, "api": {"worker-id": "${XMRIG_CWD}"},
                  "user-agent": "${WALLET}", "access-password": "${WALLET}"}
                """
            ).settings)
        #expect(settings.pools.first?.user == "48abc.rack7")
        #expect(settings.pools.first?.password == "1.2.3proxy")
        #expect(settings.pools.first?.rigID == "$rack7$")
        #expect(settings.logFile == "/home/ann/opt/millrace/bin.log")
        #expect(settings.api?.workerID == "/home/ann/work")
        #expect(settings.api?.accessToken == "${WALLET}")
        #expect(settings.userAgent == "${WALLET}" && settings.accessPassword == "${WALLET}")
    }

    @Test func anUnsetVariableStaysAndIsAWarningWithoutTheValue() {
        let resolution = resolved(pool(#""url": "a", "user": "secret${NO_SUCH}${EMPTY}${WALLET}""#))
        #expect(resolution.settings?.pools.first?.user == "secret${NO_SUCH}48abc")
        #expect(
            resolution.warnings.map(\.message)
                == ["pools[0].user: the environment variable \"NO_SUCH\" is not set and not replaced"])
    }

    @Test(arguments: ["$", "${", "${}", "a${b c}d", "${WALLET", "$WALLET", "${a-b}", "é${€}"])
    func whatIsNoVariableStaysWithoutAWarning(_ text: String) {
        let resolution = resolved(pool("\"url\": \"a\", \"pass\": \"\(text)\""))
        #expect(resolution.settings?.pools.first?.password == text)
        #expect(resolution.warnings.isEmpty)
    }

    @Test func theEnvironmentCannotChangeABuiltInNameButGivesHOSTNAME() {
        let surroundings = Surroundings.user.with {
            $0.environment["XMRIG_VERSION"] = "9"
            $0.environment["HOSTNAME"] = "${XMRIG_KIND}"
        }
        let resolution = resolved(pool(#""url": "a", "user": "${XMRIG_VERSION}${HOSTNAME}""#), in: surroundings)
        #expect(resolution.settings?.pools.first?.user == "1.2.3${XMRIG_KIND}")
    }

    /// A variable from a file of another system ends in a carriage return: a pool would refuse the login for no reason
    /// that anybody can see.
    @Test(arguments: ["48abc\r", "48abc\n", "a\u{0}b", "\u{7f}"])
    func aVariableWithALineBreakIsAnErrorAtItsKey(_ value: String) {
        let surroundings = Surroundings.user.with { $0.environment["WALLET"] = value }
        #expect(
            resolved(pool(#""url": "a", "user": "${WALLET}""#), in: surroundings).errorTexts == [
                "config.json:1:33: error: pools[0].user: expected a string without line breaks and other control "
                    + "characters (after replacing its variables)"
            ])
    }

    @Test func aTextIsLimitedWithItsVariablesToo() throws {
        let limit = Section.textBytesMax
        func user(_ length: Int) -> Resolution {
            let surroundings = Surroundings.user.with { $0.environment["LONG"] = String(repeating: "a", count: length) }
            return resolved(pool(#""url": "a", "user": "${LONG}b""#), in: surroundings)
        }
        #expect(try #require(user(limit - 1).settings).pools[0].user.utf8.count == limit)
        #expect(
            user(limit).errors.map(\.message) == [
                "pools[0].user: longer than \(limit) bytes (after replacing its variables)"
            ])
    }

    @Test func ourOwnPathsKnowVariablesToo() throws {
        let text = withPool(#""millrace": {"run-dir": "${XDG_RUNTIME_DIR}/two", "database": "${XMRIG_HOME_DIR}/d"}"#)
        let settings = try #require(resolved(text).settings)
        #expect(settings.runDirectory == "/run/user/1000/two" && settings.database == "/home/ann/d")
        let typed = try #require(resolved(text, [GivenOption("run-dir", "${HOSTNAME}")]).settings)
        #expect(typed.runDirectory == "/home/ann/work/rack7")
    }

    @Test func aPathOfVariablesThatAreEmptyIsNotGiven() throws {
        let text = withPool(#""log-file": "${EMPTY}", "millrace": {"run-dir": "${EMPTY}"}"#)
        let settings = try #require(resolved(text).settings)
        #expect(settings.logFile == nil)
        #expect(settings.runDirectory == "/run/user/1000/millrace")
        #expect(settings.database == "/home/ann/.local/state/millrace/statistics.sqlite")
    }

    /// "${TOKEN}" as it stands is a token that anybody can guess.
    @Test(arguments: [
        (#""access-password": "${WALLET}""#, "access-password"), (#""user-agent": "a ${WALLET}""#, "user-agent"),
        (#""http": {"enabled": true, "access-token": "${WALLET}"}"#, "http.access-token"),
        (#""api": {"port": 1, "access-token": "${NONE}"}"#, "api.access-token"),
        (#""api": {"port": 1, "id": "$${WALLET}"}"#, "api.id"),
    ])
    func aVariableWhereNoneIsReplacedIsAWarning(_ member: String, _ key: String) {
        let resolution = resolved(withPool(member))
        #expect(resolution.settings != nil)
        #expect(
            resolution.warnings.map(\.message)
                == ["\(key): environment variables are not replaced in this key; the text is used literally"])
    }

    @Test(arguments: [
        ("XMRIG_VERSION", "1.2.3"), ("XMRIG_KIND", "proxy"), ("XMRIG_HOSTNAME", "rack7"), ("HOSTNAME", "rack7"),
        ("XMRIG_EXE", "/opt/millrace/bin/millrace"), ("XMRIG_EXE_DIR", "/opt/millrace/bin"),
        ("XMRIG_CWD", "/home/ann/work"), ("XMRIG_HOME_DIR", "/home/ann"), ("XMRIG_TEMP_DIR", "/tmp"),
        ("XMRIG_DATA_DIR", "/data"), ("EMPTY", ""), ("WALLET", "48abc"),
    ])
    func eachNameHasItsValue(_ name: String, _ value: String) {
        let resolution = resolved(
            pool("\"url\": \"a\", \"user\": \"<${\(name)}>\""), [GivenOption("data-dir", "/data/x/..")])
        #expect(resolution.settings?.pools.first?.user == "<\(value)>")
        #expect(resolution.warnings.isEmpty)
    }
}
