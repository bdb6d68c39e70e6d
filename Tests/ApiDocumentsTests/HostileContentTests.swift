import ApiFixtures
import Configuration
import Control
import Foundation
import Telemetry
import TestSupport
import Testing

@testable import ApiDocuments

/// Names, agents and addresses come from strangers, rates from sums of what pools say. Whatever they hold, every
/// document stays whole.
@Suite struct HostileContentTests {
    private static let texts = [
        "", "\"", "\\", "\\\"}],", "\n", "\r\n", "\u{0}", "\u{1}\u{1f}\u{7f}", "{}", "\u{fffd}", "\u{2028}</script>",
        String(decoding: [0xff, 0x22, 0xc3], as: UTF8.self), "Schürfer 🛠", "a,b=\"c\"} 1\n# TYPE x counter", "..", "%",
        "null", "NaN", String(repeating: "\\", count: 250),
    ]

    private static let rates = [
        0, -0.0, 1, .nan, .infinity, -.infinity, -1, .leastNonzeroMagnitude, .greatestFiniteMagnitude, 12_345.678,
    ]

    /// A farm whose every text and number is odd.
    private func view(workers count: Int) -> ServiceView {
        var view = ServiceView.ofFarm
        view.snapshot.workers = (0..<count).map { index in
            let suffix = index < Self.texts.count ? "" : "\(index)"
            var row = Snapshot.WorkerRow(
                name: Self.texts[index % Self.texts.count] + suffix, ip: Self.texts[(index + 1) % Self.texts.count])
            row.connections = UInt32(index % 3)
            row.accepted = index % 2 == 0 ? .max : 0
            row.lastShareAt = .max
            row.hashrates.oneMinute = Self.rates[index % Self.rates.count]
            row.hashrates.tenMinutes = Self.rates[(index + 1) % Self.rates.count]
            return row
        }
        view.miners = (0..<count).map { index in
            let text = Self.texts[index % Self.texts.count]
            return MinerRow(
                miner: MinerJoined(
                    key: UInt64(index), worker: text, ip: text, agent: text, user: text, rigID: text, shard: 1))
        }
        view.snapshot.hashrates.oneMinute = .nan
        view.snapshot.hashrates.oneDay = .infinity
        view.snapshot.database.message = Self.texts[3]
        view.snapshot.pools = [Self.texts[3], Self.texts[4]]
        view.snapshot.results.latencySumMilliseconds = .max
        view.status?.configuration.lastRefusal = Self.texts
        view.status?.children[0].lastDeath = Self.texts[3]
        view.status?.children[0].restartCauses = [Self.texts[3]: .max, "": 1]
        return view
    }

    private func documents(_ view: ServiceView) throws -> [(path: String, body: [UInt8])] {
        var documents = [
            ("/workers.json", ClassicDocuments.workers(of: view.snapshot)),
            ("/1/workers", CurrentDocuments.workers(of: view.snapshot, naming: .user)),
            ("/1/miners", CurrentDocuments.miners(of: view)), ("/1/shards", CurrentDocuments.shards(of: view)),
            ("/1/upstreams", CurrentDocuments.upstreams(of: view)),
        ]
        for query in ["sort=-hashrate&limit=10", "sort=name", "offset=5"] {
            let list = try ListQuery<WorkerColumn>(parsing: query)
            documents.append(
                ("/1/workers", CurrentDocuments.workers(of: view.snapshot, naming: .user, list: list)))
        }
        for row in view.snapshot.workers.prefix(Self.texts.count) {
            let body = try #require(CurrentDocuments.worker(named: row.name, of: view))
            documents.append(("/1/workers/{name}", body))
        }
        return documents
    }

    @Test(arguments: [0, 1, 40])
    func everyDocumentStaysWhole(workers: Int) throws {
        let validator = try SchemaValidator(document: OpenAPI.document(version: "1", needsToken: true))
        for (path, body) in try documents(view(workers: workers)) {
            _ = try JSONSerialization.jsonObject(with: Data(body))
            #expect(String(validating: body, as: UTF8.self) != nil)
            // Numbers above Int64.max are integers too, but not to the reader of these tests.
            let text = String(decoding: body, as: UTF8.self).replacing("\(UInt64.max)", with: "1")
            #expect(try validator.faults(in: Array(text.utf8), path: path) == [], "\(path)")
        }
    }

    @Test func tenThousandRowsAreTenThousandRows() throws {
        let view = view(workers: 10_000)
        for (path, body) in [
            ("workers", CurrentDocuments.workers(of: view.snapshot, naming: .user)),
            ("miners", CurrentDocuments.miners(of: view)),
        ] {
            let document = try #require(JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
            #expect((document[path] as? [Any])?.count == 10_000)
        }
    }

    @Test(arguments: [0, 1, 40, 10_000])
    func everyLineOfTheMetricsIsAHeadOrASample(workers: Int) throws {
        let body = Metrics.text(
            of: view(workers: workers), identity: .ofFarm, workersMax: workers, machine: .ofFarm)
        let text = try #require(String(validating: body, as: UTF8.self))
        #expect(text.hasSuffix("\n") && !text.utf8.contains(0))
        var seen: Set<Substring> = []
        // Bytes, as a reader sees them: to Swift "\r\n" is one character.
        for line in text.utf8.split(separator: UInt8(ascii: "\n")).map(Substring.init) where !line.hasPrefix("#") {
            let sample = try #require(MetricLine(line), "\(line)")
            #expect(sample.value.isFinite)
            #expect(seen.insert(sample.series).inserted, "twice: \(sample.series)")
        }
        #expect(workers < 40 || seen.count > workers * 5)
    }
}

/// One sample of the text format. A reader of its own, byte by byte: a regular expression takes 20 s for 50,000 lines.
private struct MetricLine {
    var series: Substring
    var value: Double

    /// nil when the line is none.
    init?(_ line: Substring) {
        var rest = line.utf8
        guard let first = rest.first, MetricLine.isName(first) else { return nil }
        rest = rest.drop(while: MetricLine.isName)
        if rest.first == UInt8(ascii: "{") {
            repeat {
                rest = rest.dropFirst().drop(while: MetricLine.isName)
                guard rest.starts(with: "=\"".utf8), let after = MetricLine.skipped(rest.dropFirst(2)) else {
                    return nil
                }
                rest = after
            } while rest.first == UInt8(ascii: ",")
            guard rest.popFirst() == UInt8(ascii: "}") else { return nil }
        }
        guard rest.first == UInt8(ascii: " "), let value = Double(Substring(rest.dropFirst())) else { return nil }
        series = line[..<rest.startIndex]
        self.value = value
    }

    /// What follows a quoted text; nil when it does not end, or has another escape than the three.
    private static func skipped(_ text: Substring.UTF8View) -> Substring.UTF8View? {
        var rest = text
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\"") { return rest }
            guard byte == UInt8(ascii: "\\") else { continue }
            guard let escaped = rest.popFirst(), "\"\\n".utf8.contains(escaped) else { return nil }
        }
        return nil
    }

    private static func isName(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || byte == UInt8(ascii: "_")
    }
}
