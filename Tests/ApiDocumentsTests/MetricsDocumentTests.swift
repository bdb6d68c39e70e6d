import ApiFixtures
import Foundation
import TestSupport
import Testing

@testable import ApiDocuments

/// docs/METRICS.md, the alerts and the dashboard against what `/metrics` answers. `promtool check rules` does the rest.
@Suite struct MetricsDocumentTests {
    /// Each family of the golden answer, which has all of them: its type and its labels.
    private static func families() throws -> [String: (type: String, labels: [String])] {
        var families: [String: (type: String, labels: [String])] = [:]
        let text = try Golden.text("metrics.txt")
        for match in text.matches(of: /# TYPE (\w+) (\w+)/) {
            let name = String(match.output.1)
            let sample = text.split(separator: "\n").first { $0.hasPrefix(name + "{") }
            let labels = sample?.matches(of: /[{,](\w+)="/).map { String($0.output.1) } ?? []
            families[name] = (String(match.output.2), labels)
        }
        return families
    }

    private static func file(_ path: String) throws -> String {
        try Checkout.text(path)
    }

    @Test func everyMetricIsExplainedWithItsTypeAndLabels() throws {
        let page = try Self.file("docs/METRICS.md")
        for (name, family) in try Self.families() {
            let labels = family.labels.map { "`\($0)`" }.joined(separator: ", ")
            #expect(page.contains("| `\(name)` | \(family.type) |\(labels.isEmpty ? "" : " \(labels)") |"), "\(name)")
        }
    }

    @Test(arguments: ["docs/METRICS.md", "deploy/prometheus/millrace.rules.yml", "deploy/grafana/millrace.json"])
    func everyMetricThatIsUsedExists(path: String) throws {
        let families = try Self.families()
        let used = Set(try Self.file(path).matches(of: /\bmillrace_[a-z0-9_]+/).map { String($0.output) })
        #expect(used.count > 10)
        for name in used {
            let family = families[name] ?? families[name.replacing(/_(sum|count)$/, with: "")]
            #expect(family != nil, "\(name)")
        }
    }

    /// Labels that are selected by, in `{…}`, have one of the values that there are.
    @Test(arguments: ["docs/METRICS.md", "deploy/prometheus/millrace.rules.yml", "deploy/grafana/millrace.json"])
    func everyLabelThatIsSelectedByExists(path: String) throws {
        let answer = try Golden.text("metrics.txt")
        let text = try Self.file(path).replacing("\\\"", with: "\"")
        for match in text.matches(of: /\b(outcome|window|state|quantile|reason)!?="([^"]*)"/) {
            #expect(answer.contains("\(match.output.1)=\"\(match.output.2)\""), "\(match.output.0)")
        }
    }

    /// `script/lint` runs the tests of the rules; here is whether each alert has one that fires and one that does not.
    @Test func everyAlertIsTestedFiringAndResolved() throws {
        let rules = try Self.file("deploy/prometheus/millrace.rules.yml")
        let alerts = rules.matches(of: /- alert: (\w+)/).map { String($0.output.1) }
        let tests = try Self.file("deploy/prometheus/millrace.tests.yml").split(separator: "  - name: ").dropFirst()
        #expect(alerts.count >= 20)
        for alert in alerts {
            let fires = "alertname: \(alert)\n        exp_alerts:"
            let test = tests.first { $0.contains(fires) && $0.contains("alertname: \(alert)}") }
            #expect(test != nil, "\(alert)")
        }
    }

    @Test func theDashboardIsJSON() throws {
        let document = try JSONSerialization.jsonObject(with: Data(Self.file("deploy/grafana/millrace.json").utf8))
        let panels = try #require((document as? [String: Any])?["panels"] as? [[String: Any]])
        #expect(Set(panels.compactMap { $0["id"] as? Int }).count == panels.count)
    }
}
