import Testing

@testable import Configuration

/// What the operator reads about a broken file, to the letter: place, key, what was expected, what to do.
struct BrokenFileTests {
    struct Broken: Sendable, CustomTestStringConvertible {
        let name: String
        let bytes: [UInt8]
        let errors: [String]

        init(_ name: String, _ text: String, _ errors: String...) {
            self.init(name, bytes: Array(text.utf8), errors)
        }

        init(_ name: String, bytes: [UInt8], _ errors: [String]) {
            (self.name, self.bytes, self.errors) = (name, bytes, errors)
        }

        var testDescription: String { name }
    }

    private static let noPool =
        "error: no pool is enabled; add an enabled pool with a \"url\" to \"pools\", or give one with --url"

    private static let broken: [Broken] = [
        // Syntax.
        Broken("an empty file", "", "1:1: error: the file is empty, expected '{'"),
        Broken("nothing but a comment", "// later\n", "2:1: error: the file is empty, expected '{'"),
        Broken(
            "a comma missing", "{\n  \"retries\": 1\n  \"mode\": 2\n}",
            "3:3: error: expected ',' or '}' after a member"),
        Broken("a colon missing", "{\n  \"retries\" 1\n}", "2:13: error: expected ':' after the key"),
        Broken("an equal sign", "{\"colors\" = true}", "1:11: error: expected ':' after the key"),
        Broken("a semicolon", "{\"colors\": true;}", "1:16: error: expected ',' or '}' after a member"),
        Broken(
            "a key without quotes", "{\n  pools: []\n}", "2:3: error: expected a key in double quotes, or '}'"),
        Broken("single quotes", "{'pools': []}", "1:2: error: expected a key in double quotes, or '}'"),
        Broken(
            "curly quotes", "{\n  “pools”: []\n}",
            "2:3: error: expected a key in double quotes, or '}'; found U+201C, a character outside ASCII"),
        Broken(
            "a hard space", "{\"retries\":\u{a0}3}",
            "1:12: error: expected a value; found U+00A0, a character outside ASCII"),
        Broken(
            "a text without quotes", "{\"access-password\": secret}",
            "1:21: error: expected a value; strings must be in double quotes (true, false and null are not strings)"),
        Broken(
            "a leading zero", "{\"retries\": 03}",
            "1:13: error: expected a number as JSON defines it; strings must be in double quotes"),
        Broken(
            "a quote missing, lines of another system",
            "{\r\n  \"pools\": [{\"url\": \"a}],\r\n  \"retries\": 0\r\n}\r\n",
            "2:21: error: this string is not closed on its line"),
        Broken(
            "a file cut off", "{\n  \"pools\": [\n    {\"url\": \"a\"},\n",
            "4:1: error: the file ends, but the '[' of line 2, column 12 is not closed"),
        Broken("a file cut off at a value", "{\"retries\":", "1:12: error: the file ends where a value was expected"),
        Broken("an open comment", "{} /* end", "1:4: error: this comment is not closed with '*/'"),
        Broken(
            "two objects", "{\"retries\": 1}\n{\"retries\": 2}",
            "2:1: error: expected the end of the file after the closing '}'"),
        Broken(
            "no outer braces", "\"pools\": []",
            "1:8: error: expected the end of the file after the closing '}'"),
        Broken("a list", "[]", "1:1: error: expected an object ('{'), found a list"),
        Broken(
            "deep nesting", "{\"x\": " + String(repeating: "[", count: 100_000),
            "1:38: error: nested more than 32 brackets deep"),
        Broken("UTF-16", bytes: [0xff, 0xfe, 0x7b, 0x00], ["1:1: error: the file is UTF-16; save it as UTF-8"]),
        Broken(
            "Latin-1", bytes: Array("{\"user-agent\": \"B".utf8) + [0xfc] + Array("ro\"}".utf8),
            ["1:16: error: this string is not UTF-8; save the file as UTF-8"]),
        Broken(
            "a disk image", bytes: [UInt8](repeating: 0, count: 2 << 20),
            ["1:1: error: the file is larger than 1024 KiB"]),
        // Values. After a byte order mark the first column is still the first.
        Broken("no pool", "\u{feff}{}", noPool),
        Broken("pools that are no list", "{\"pools\": {}}", "1:11: error: pools: expected a list, found an object"),
        Broken(
            "a pool that is no object", "{\"pools\": [\n\"a:1\"]}",
            "2:1: error: pools[0]: expected an object, found a string"),
        Broken(
            "values where something else belongs",
            """
            {"pools": [{"url": "a"}],
             "access-password": 5, "bind": true,
             "http": "on", "api": {"port": 1e3},
             "millrace": {"shards": [], "history-days": 99999999999999999999}}
            """,
            "2:21: error: access-password: expected a string, found a number",
            "2:32: error: bind: expected a string, or a list, or an object, found true or false",
            "3:10: error: http: expected an object, found a string",
            "3:32: error: api.port: expected a number from 0 to 65535, found a number with a fraction or an exponent",
            "4:25: error: millrace.shards: expected a whole number, or a string, found a list",
            "4:45: error: millrace.history-days: expected a number from 1 to 3650, found a number of too many digits"),
        Broken(
            "a port beyond all ports",
            "{\"pools\": [{\"url\": \"a\"}], \"http\": {\"enabled\": true, \"port\": 80800}}",
            "1:61: error: http.port: expected a number from 0 to 65535, found 80800"),
        Broken(
            "a line break in a path", "{\"pools\": [{\"url\": \"a\"}], \"log-file\": \"a\\n\"}",
            "1:39: error: log-file: expected a string without line breaks and other control characters"),
        Broken(
            "an interface that would color a terminal", "{\"pools\": [{\"url\": \"[fe80::1%\\u001b[31m]:1\"}]}",
            "1:20: error: pools[0].url: expected an IPv6 address between the brackets"),
        Broken(
            "a wrong zone", "{\"pools\": [{\"url\": \"a\"}], \"bind\": [\"[fe80::1%\\u001b[31m]:1\", \"[::1%a b]:1\"]}",
            "1:36: error: bind[0]: expected an IPv6 address between the brackets",
            "1:62: error: bind[1]: expected an IPv6 address between the brackets"),
    ]

    @Test(arguments: broken)
    func aBrokenFileIsRefusedWithExactlyThis(_ broken: Broken) {
        let file = ConfigurationFile(path: "/etc/millrace/config.json", bytes: broken.bytes)
        let resolution = resolve(file: file, surroundings: .user)
        #expect(resolution.settings == nil)
        let separators = broken.errors.map { $0.hasPrefix("error: ") ? ": " : ":" }
        #expect(
            resolution.errorTexts == zip(separators, broken.errors).map { "/etc/millrace/config.json\($0)\($1)" })
    }

    @Test func forALogTheLevelIsLeftOut() {
        let warning = resolved(withPool(#""background": true"#)).warnings.first
        #expect(warning?.description == "config.json:3:19: warning: background: not supported yet, ignored")
        #expect(warning?.logText == "config.json:3:19: background: not supported yet, ignored")
    }

    /// A file as large as it may be, and one byte more.
    @Test func theLargestFileIsStillRead() {
        let start = Array(pool(#""url": "a""#).utf8)
        let blank = [UInt8](repeating: 0x20, count: ConfigurationFile.bytesMax - start.count)
        #expect(resolve(file: .init(path: "f", bytes: start + blank), surroundings: .user).settings != nil)
        #expect(resolve(file: .init(path: "f", bytes: start + blank + [0x20]), surroundings: .user).settings == nil)
    }
}
