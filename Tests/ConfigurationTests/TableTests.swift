import TestSupport
import Testing

@testable import Configuration

/// What holds for every row of the tables, without naming one.
struct TableTests {
    /// A configuration in which the key at `path` has this value, and all that it needs around it.
    private func file(_ path: String, _ value: String) -> String {
        let names = path.split(separator: ".").map(String.init)
        let leaf = "\"\(names[names.count - 1])\": \(value)"
        if names.count == 3 { return withPool("\"\(names[0])\": {\"\(names[1])\": {\(leaf)}}") }
        guard names.count == 2 else {
            return path == "pools" ? "{\(leaf)}" : withPool(leaf)
        }
        switch names[0] {
        case "pools[]": return pool(path == "pools[].url" ? leaf : "\"url\": \"a\", " + leaf)
        case "bind[]": return withPool("\"bind\": [{\(leaf)}, \"0.0.0.0:1\"]")
        default: return withPool("\"\(names[0])\": {\(leaf)}")
        }
    }

    /// "pools[].url" as messages show it.
    private func shownPath(_ path: String) -> String { path.split(separator: "[]").joined(separator: "[0]") }

    private static let samples: [(kind: KnownKey.Kinds, value: String)] = [
        (.boolean, "true"), (.integer, "5"), (.text, "\"t\""), (.array, "[]"), (.object, "{}"),
    ]

    /// Values whose wrongness keeps the only pool from being used.
    private static let required: Set<String> = ["pools[].url"]

    @Test(arguments: KnownKey.all.map(\.path))
    func aWrongTypeIsSaidAtTheKeyAndStopsOnlyWhereItIsStrict(_ path: String) throws {
        let key = try #require(KnownKey.all.first { $0.path == path })
        let wrong = TableTests.samples.filter { !key.kinds.contains($0.kind) }.map(\.value) + ["1.5"]
        for value in wrong {
            let resolution = resolved(file(path, value))
            let findings = key.isStrict ? resolution.errors : resolution.warnings
            let finding = findings.first { $0.message.hasPrefix(shownPath(path) + ": expected ") }
            #expect(finding?.line != nil, "\(path): \(value) gave \(resolution.errorTexts) \(resolution.warningTexts)")
            #expect((resolution.settings == nil) == (key.isStrict || TableTests.required.contains(path)))
        }
    }

    /// What a wrong value leaves is what no value leaves.
    @Test(arguments: KnownKey.all.filter { !$0.isStrict && !["pools[].url", "tls"].contains($0.path) }.map(\.path))
    func aWrongTypeIsTheSameAsNoValue(_ path: String) throws {
        let key = try #require(KnownKey.all.first { $0.path == path })
        let without = resolved(file(path, "null")).settings
        for value in TableTests.samples.filter({ !key.kinds.contains($0.kind) }).map(\.value) + ["1.5"] {
            #expect(resolved(file(path, value)).settings == without, "\(path): \(value)")
        }
    }

    @Test(arguments: KnownKey.all.map(\.path))
    func aNumberIsTakenAtItsLimitsAndNotBeyond(_ path: String) throws {
        let key = try #require(KnownKey.all.first { $0.path == path })
        guard let range = key.range else { return }
        for (number, isWrong) in [
            (range.lowerBound, false), (range.upperBound, false), (range.lowerBound - 1, true),
            (range.upperBound + 1, true), (.min, true), (.max, true),
        ] as [(Int64, Bool)] {
            let resolution = resolved(file(path, String(number)))
            let findings = key.isStrict ? resolution.errors : resolution.warnings
            let isRefused = findings.contains { $0.message.hasPrefix(shownPath(path) + ": expected ") }
            #expect(isRefused == isWrong, "\(path): \(number)")
            #expect(!isWrong || key.isStrict || resolution.settings != nil, "\(path): \(number)")
        }
    }

    /// What decides who may connect and what may be changed, and all of our own, must not fall back to a default.
    @Test func theStrictKeysAreThese() {
        let strict = KnownKey.all.filter(\.isStrict).map(\.path)
        #expect(
            strict.filter { !$0.hasPrefix("millrace") } == [
                "pools", "pools[].tls-fingerprint", "pools[].tls-verify", "pools[].socks5", "bind",
                "bind[].host", "bind[].port",
                "bind[].tls", "bind[].proxy-protocol", "access-password",
                "http", "http.enabled",
                "http.host", "http.port", "http.access-token", "http.restricted", "api", "api.port",
                "api.access-token", "api.ipv6", "api.restricted",
            ])
        #expect(KnownKey.all.filter { $0.path.hasPrefix("millrace") && !$0.isStrict }.isEmpty)
    }

    @Test(arguments: KnownKey.all.map(\.path))
    func nullMeansNotGiven(_ path: String) {
        // These are required in their objects.
        if ["pools", "pools[].url"].contains(path) || path.hasPrefix("bind[]") { return }
        let resolution = resolved(file(path, "null"))
        #expect(resolution.settings != nil && resolution.warnings.isEmpty)
    }

    @Test(
        arguments: KnownKey.all.filter { $0.kinds.contains(.text) && !["pools[].url", "bind"].contains($0.path) }
            .map(\.path))
    func aTextIsLimited(_ path: String) {
        let long = String(repeating: "a", count: Section.textBytesMax + 1)
        let errors = resolved(file(path, "\"\(long)\"")).errors
        #expect(errors.contains { $0.message == "\(shownPath(path)): longer than 1024 bytes" })
    }

    @Test func everyKeyBelongsToAnObjectOfTheTable() {
        let paths = Set(KnownKey.all.map(\.path))
        #expect(paths.count == KnownKey.all.count)
        for path in paths {
            guard let dot = path.lastIndex(of: ".") else { continue }
            let parent = path[..<dot]
            #expect(paths.contains(String(parent.hasSuffix("[]") ? parent.dropLast(2) : parent)), "\(path)")
        }
    }

    /// 5,000 random command lines over a file. The invariant: an answer, never a trap; settings exactly when there is
    /// no error; and every finding names an option or a place.
    @Test func randomCommandLinesNeverTrap() {
        let words = KnownOption.all.map { "--" + $0.name } + ["-o", "-ox", "-kp", "-O", "-", "--", "---", "-=", "--=x"]
        let values = ["", "5", "-1", "a:1", "[::1]:2", "auto", "${X}", "u:p", "0.0.0.0:1", "99999999999999999999", "é"]
        let text = withPool(#""http": {"enabled": true}, "api": {"port": 1}, "bind": ["0.0.0.0:1"]"#)
        var random = SeededGenerator(seed: 7)
        for _ in 0..<5_000 {
            var line: [String] = []
            for _ in 0..<random.below(8) {
                line.append(words[random.below(words.count)])
                if random.below(3) > 0 { line.append(values[random.below(values.count)]) }
            }
            let resolution = resolved(random.below(2) == 0 ? text : nil, CommandLineReading(line).options)
            #expect((resolution.settings == nil) == !resolution.errors.isEmpty)
            for finding in resolution.errors + resolution.warnings where finding.line == nil {
                #expect(finding.message.hasPrefix("--") || finding.message.hasPrefix("no pool"), "\(line): \(finding)")
            }
        }
    }

    @Test func pathsAreMadeAbsoluteByTheirTextAlone() {
        #expect(absolute("a/./b//c/", from: "/x") == "/x/a/b/c")
        #expect(absolute("../../../a", from: "/x/y") == "/a")
        #expect(absolute("/a/../b", from: "/x") == "/b")
        #expect(absolute("", from: "/x") == "/x")
        #expect(directory(of: "/a/b.json") == "/a" && directory(of: "/a") == "/" && directory(of: "/") == "/")
    }

    @Test func anOverlayWinsMemberByMember() throws {
        func object(_ text: String) throws -> JSONObject {
            guard case .object(let object) = try JSONReader.read(Array(text.utf8)).value else { return JSONObject() }
            return object
        }
        let below = try object(#"{"a": {"b": 1, "c": 2}, "d": 3, "e": [1]}"#)
        let merged = below.overlaid(with: try object(#"{"a": {"c": 4}, "d": {"f": 5}, "e": [], "g": 6}"#))
        #expect(merged.members.map(\.key) == ["a", "d", "e", "g"])
        guard case .object(let inner)? = merged["a"]?.value, case .object(let replaced)? = merged["d"]?.value else {
            throw TestFailure("no objects")
        }
        #expect(inner["b"]?.value == .integer(1) && inner["c"]?.value == .integer(4))
        #expect(replaced["f"]?.value == .integer(5))
        #expect(merged["e"]?.value == .array([]) && merged["g"]?.value == .integer(6))
    }
}
