import Foundation
import TestSupport
import Testing

/// docs/LOGS.md lists every line that the sources can log, and no other.
struct LogTableTests {
    /// By target. A target that is not listed here logs nothing, or is not part of the service.
    private static let sections = [
        "StratumWorker": "Shards", "Supervisor": "Supervisor", "StatsCollector": "Collector", "ApiGateway": "Gateway",
        "HTTPServing": "Gateway", "Certificates": "Every process", "DaemonKit": "Every process",
    ]
    private static let practice = ["PracticePool", "MinerSwarm", "MicroBench", "HostileInput", "RandomX"]
    /// Where texts are made apart from the call that logs them.
    private static let texts = [
        (file: "Supervisor/Verbs/Reports.swift", from: "return switch self {", to: "\n    }\n"),
        (file: "Supervisor/Start/Summary.swift", from: "return [", to: "\n        ]\n"),
        (
            file: "StratumWorker/Reports/OperatorLog+Miners.swift", from: "func text(_ reason: CloseReason)",
            to: "\n    }\n"
        ),
    ]
    /// Files in which a line that is only a value comes from `texts` or from a `Line`.
    private static let passingOn = [
        "StratumWorker/Reports/OperatorLog.swift", "StratumWorker/Reports/OperatorLog+Miners.swift",
    ]

    /// - Returns: the target of each file and its text.
    private static func sources() throws -> [(target: String, name: String, text: String)] {
        let directory = Checkout.root.appending(path: "Sources")
        let names = try FileManager.default.subpathsOfDirectory(atPath: directory.path)
        return try names.filter { $0.hasSuffix(".swift") }.sorted().compactMap { name in
            let target = String(name.prefix { $0 != "/" })
            guard !practice.contains(target) else { return nil }
            return (target, name, try String(contentsOf: directory.appending(path: name), encoding: .utf8))
        }
    }

    private static func linesOfTheSources() throws -> Set<LogPattern> {
        var lines: Set<LogPattern> = []
        for (target, name, text) in try sources() {
            var found = SwiftText(text).logCalls()
            for place in texts where place.file == name {
                found += try SwiftText(text).literals(from: place.from, to: place.to).map { ($0, nil) }
            }
            for (pattern, level) in found {
                if pattern == "…", passingOn.contains(name) { continue }
                let section = try #require(sections[target], "\(name) logs: add its target to the test and the table")
                lines.insert(LogPattern(section: section, text: pattern, level: level))
            }
        }
        return lines
    }

    private static func linesOfTheTable() throws -> Set<LogPattern> {
        let page = try String(contentsOf: Checkout.root.appending(path: "docs/LOGS.md"), encoding: .utf8)
        var section = ""
        var lines: Set<LogPattern> = []
        for line in page.split(separator: "\n") {
            if line.hasPrefix("## ") { section = String(line.dropFirst(3)) }
            guard let row = line.wholeMatch(of: /\| `(.+?)` \| ([A-Z, ]+) \| .*\|/) else { continue }
            let text = row.1.replacing(/\{[^}]*\}/, with: "…").replacing(/…+/, with: "…")
            for level in row.2.split(separator: ", ") {
                lines.insert(LogPattern(section: section, text: String(text), level: level.lowercased()))
            }
        }
        return lines
    }

    @Test func everyLineOfTheSourcesIsInTheTable() throws {
        let table = try LogTableTests.linesOfTheTable()
        for line in try LogTableTests.linesOfTheSources() {
            let isThere = table.contains { $0.covers(line) }
            #expect(isThere, "docs/LOGS.md, \(line.section), lacks \(line.level ?? "") \(line.text)")
        }
    }

    @Test func everyLineOfTheTableIsInTheSources() throws {
        let sources = try LogTableTests.linesOfTheSources()
        for row in try LogTableTests.linesOfTheTable() {
            let isThere = sources.contains { row.covers($0) }
            #expect(
                isThere, "docs/LOGS.md, \(row.section), has a line that nothing logs: \(row.level ?? "") \(row.text)")
        }
    }

    @Test func thereAreAsManyLinesAsOneWouldThink() throws {
        #expect(try LogTableTests.linesOfTheSources().count > 120)
    }

    @Test(arguments: [
        (#"log.info("a \(b("c", d)) e")"#, "a … e", "info"),
        (#"me.log.debug("x", metadata: ["k": "v"])"#, "x", "debug"),
        (#"logger.error("\(a)\(b): c")"#, "…: c", "error"),
        ("log.warning(\"\"\"\n   a \\\n   b\n   \"\"\")", "a b", "warning"),
        (#"Line(level: .notice, text: "back at \(pool)")"#, "back at …", "notice"),
        (#"log.log(level: l, "a" + "b \"c\"")"#, #"ab "c""#, "nil"),
    ])
    func callsAreFoundInEveryForm(_ source: String, _ text: String, _ level: String) {
        let calls = SwiftText(source).logCalls()
        #expect(calls.map(\.pattern) == [text] && calls.map { $0.level ?? "nil" } == [level])
    }
}

/// A line with "…" for each interpolated value.
private struct LogPattern: Hashable {
    var section: String
    var text: String
    /// nil when it depends on a value.
    var level: String?

    func covers(_ line: LogPattern) -> Bool {
        section == line.section && text == line.text && (line.level == nil || level == line.level)
    }
}

/// Parses as much of Swift as is needed to find literals.
private struct SwiftText {
    private let characters: [Character]

    init(_ text: String) {
        characters = Array(text)
    }

    /// The texts of log calls, with the level where the call has it.
    func logCalls() -> [(pattern: String, level: String?)] {
        let text = String(characters)
        let call =
            #/\b(?:log|logger|Logger\(label: "\w+"\))\.(trace|debug|info|notice|warning|error|critical|log)\(/#
        let line = #/\blevel: \.(\w+),\s*(?:text|message): /#
        let calls = text.matches(of: call.wordBoundaryKind(.simple)).map {
            ($0.range.upperBound, $0.1 == "log" ? nil : String($0.1))
        }
        let lines = text.matches(of: line.wordBoundaryKind(.simple)).map { ($0.range.upperBound, String($0.1)) }
        return (calls + lines).flatMap { start, level in
            patterns(at: text.distance(from: text.startIndex, to: start)).map { ($0, level) }
        }
    }

    func literals(from start: String, to end: String) throws -> [String] {
        let text = String(characters)
        let begin = try #require(text.range(of: start)).upperBound
        let finish = try #require(text.range(of: end, range: begin..<text.endIndex)).lowerBound
        return SwiftText(String(text[begin..<finish])).patterns(at: 0)
    }

    /// The literals from here to the end of the arguments; concatenated literals are joined.
    private func patterns(at start: Int) -> [String] {
        var position = start
        var depth = 0
        var found: [String] = []
        var since = ""
        while position < characters.count {
            let character = characters[position]
            if character == "\"" {
                let literal = literal(&position)
                let isContinued =
                    !found.isEmpty && since.allSatisfy { $0.isWhitespace || $0 == "+" } && since.contains("+")
                if isContinued { found[found.count - 1] += literal } else { found.append(literal) }
                since = ""
                continue
            }
            since.append(character)
            if since.hasSuffix("metadata:") { break }
            if character == "(" || character == "[" { depth += 1 }
            if character == ")" || character == "]" { depth -= 1 }
            if depth < 0 { break }
            position += 1
        }
        return found.map { String($0.replacing(/…+/, with: "…")) }
    }

    private func literal(_ position: inout Int) -> String {
        let isLong = starts(with: "\"\"\"", at: position)
        position += isLong ? 3 : 1
        var text = ""
        while position < characters.count {
            let character = characters[position]
            if isLong ? starts(with: "\"\"\"", at: position) : character == "\"" {
                position += isLong ? 3 : 1
                break
            }
            position += 1
            switch character {
            case "\n":
                skipBlanks(&position)
                text += text.isEmpty ? "" : "\n"
            case "\\" where characters[position] == "(":
                skipInterpolation(&position)
                text += "…"
            case "\\" where characters[position] == "\n":
                position += 1
                skipBlanks(&position)
            case "\\":
                text.append(characters[position])
                position += 1
            default: text.append(character)
            }
        }
        return text.trimmingCharacters(in: .newlines)
    }

    private func skipInterpolation(_ position: inout Int) {
        var depth = 0
        repeat {
            switch characters[position] {
            case "\"":
                _ = literal(&position)
                continue
            case "(": depth += 1
            case ")": depth -= 1
            default: break
            }
            position += 1
        } while depth > 0
    }

    private func skipBlanks(_ position: inout Int) {
        while position < characters.count, characters[position] == " " || characters[position] == "\t" { position += 1 }
    }

    private func starts(with text: String, at position: Int) -> Bool {
        characters[position...].starts(with: text)
    }
}
