import TestSupport
import Testing

@testable import Configuration

/// An option and its key are two spellings of one thing (docs/COMPATIBILITY.md, "Command line"), and the option wins.
struct OptionAndKeyTests {
    struct Pair: Sendable, CustomTestStringConvertible {
        let line: String
        /// What the line stands for in a file: "http.port": "7".
        let values: [String: String]

        init(_ line: String, _ values: [String: String]) {
            (self.line, self.values) = (line, values)
        }

        var options: [GivenOption] { CommandLineReading(line.split(separator: " ").map(String.init)).options }
        var testDescription: String { line }
    }

    private static let pairs: [Pair] = [
        Pair("-r 7", ["retries": "7"]), Pair("--retries=7", ["retries": "7"]), Pair("-R7", ["retry-pause": "7"]),
        Pair("--user-agent ua", ["user-agent": "\"ua\""]), Pair("-4", ["dns.ip_version": "4"]),
        Pair("-4 -6", ["dns.ip_version": "6"]), Pair("--dns-ttl 7", ["dns.ttl": "7"]),
        Pair("-b [::1]:7", ["bind": "[\"[::1]:7\"]"]),
        Pair("-b 0.0.0.0:7 --bind=[::]:8", ["bind": "[{\"host\": \"0.0.0.0\", \"port\": 7}, \"[::]:8\"]"]),
        Pair("--custom-diff 700", ["custom-diff": "700"]), Pair("--custom-diff-stats", ["custom-diff-stats": "true"]),
        Pair("--access-password=p", ["access-password": "\"p\""]), Pair("--no-algo-ext", ["algo-ext": "false"]),
        Pair("--workers=agent", ["workers": "\"agent\""]), Pair("--no-workers", ["workers": "false"]),
        Pair("--tls-bind [::1]:7", ["bind": "[{\"host\": \"::1\", \"port\": 7, \"tls\": true}]"]),
        Pair(
            "-b 0.0.0.0:7 --tls-bind=[::]:8",
            ["bind": "[\"0.0.0.0:7\", {\"host\": \"::\", \"port\": 8, \"tls\": true}]"]),
        Pair("--tls-gen n", ["tls.enabled": "true", "tls.gen": "\"n\""]),
        Pair("--tls-protocols TLSv1.3", ["tls.enabled": "true", "tls.protocols": "\"TLSv1.3\""]),
        Pair(
            "--tls-cert /c --tls-cert-key=/k", ["tls.enabled": "true", "tls.cert": "\"/c\"", "tls.cert_key": "\"/k\""]),
        Pair(
            "--tls-dhparam /d --tls-ciphers c",
            ["tls.enabled": "true", "tls.dhparam": "\"/d\"", "tls.ciphers": "\"c\""]),
        Pair("--tls-ciphersuites s", ["tls.enabled": "true", "tls.ciphersuites": "\"s\""]),
        Pair("-m simple --reuse-timeout 9", ["mode": "\"simple\"", "reuse-timeout": "9"]),
        Pair("--http-enabled", ["http.enabled": "true"]),
        Pair("--http-host ::1", ["http.enabled": "true", "http.host": "\"::1\""]),
        Pair("--http-port=7", ["http.enabled": "true", "http.port": "7"]),
        Pair("--http-access-token t", ["http.enabled": "true", "http.access-token": "\"t\""]),
        Pair("--http-no-restricted", ["http.enabled": "true", "http.restricted": "false"]),
        Pair("--http-port 7 --api-id i", ["http.enabled": "true", "http.port": "7", "api.id": "\"i\""]),
        Pair("--http-port 7 --api-port 8", ["http.enabled": "true", "http.port": "7", "api.port": "8"]),
        Pair("--api-port 7", ["http.enabled": "false", "api.port": "7"]),
        Pair(
            "--api-port 7 --api-access-token t --api-worker-id w",
            ["http.enabled": "false", "api.port": "7", "api.access-token": "\"t\"", "api.worker-id": "\"w\""]),
        Pair("-l p.log", ["log-file": "\"p.log\""]), Pair("--no-color", ["colors": "false"]),
        Pair("--verbose", ["verbose": "true"]), Pair("--debug", ["debug": "true"]),
        Pair("--shards=3", ["millrace.shards": "3"]), Pair("--shards auto", ["millrace.shards": "\"auto\""]),
        Pair("--run-dir r", ["millrace.run-dir": "\"r\""]), Pair("--database d", ["millrace.database": "\"d\""]),
        Pair("--log-format json", ["millrace.log-format": "\"json\""]),
        Pair("-S", ["syslog": "true"]), Pair("-B --donate-level 1", ["background": "true", "donate-level": "1"]),
    ]

    /// A file in which every key says something else than the options above.
    private static let contrary: [String: String] = [
        "retries": "9", "retry-pause": "9", "user-agent": "\"file\"", "dns.ip_version": "0", "dns.ttl": "9",
        "bind": "[\"9.9.9.9:9\", \"9.9.9.9:10\"]", "custom-diff": "900", "custom-diff-stats": "false",
        "access-password": "\"file\"", "algo-ext": "true", "workers": "\"ip\"", "mode": "\"nicehash\"",
        "reuse-timeout": "8",
        "http.enabled": "true", "http.host": "\"9.9.9.9\"", "http.port": "9", "http.access-token": "\"file\"",
        "http.restricted": "true", "api.id": "\"file\"", "api.worker-id": "\"file\"", "api.port": "10",
        "api.access-token": "\"file\"", "log-file": "\"/file\"", "colors": "true", "verbose": "false",
        "debug": "false", "millrace.shards": "9", "millrace.run-dir": "\"/file\"", "millrace.database": "\"/file/d\"",
        "millrace.log-format": "\"text\"", "tls.enabled": "true", "tls.gen": "\"file\"", "tls.cert": "\"/file/c\"",
        "tls.cert_key": "\"/file/k\"", "tls.protocols": "\"TLSv1.2\"", "tls.ciphers": "\"file\"",
        "tls.ciphersuites": "\"file\"", "tls.dhparam": "\"/file/d\"",
    ]

    /// The file that holds these values, and one pool.
    private func file(_ values: [String: String]) -> String {
        var objects: [String: [String]] = [:]
        for (path, value) in values.sorted(by: { $0.key < $1.key }) {
            let names = path.split(separator: ".").map(String.init)
            objects[names.count > 1 ? names[0] : "", default: []].append("\"\(names[names.count - 1])\": \(value)")
        }
        let plain = objects.removeValue(forKey: "") ?? []
        return withPool((plain + objects.map { "\"\($0)\": {\($1.joined(separator: ", "))}" }).joined(separator: ", "))
    }

    @Test(arguments: pairs)
    func anOptionMeansTheSameAsItsKey(_ pair: Pair) {
        let typed = resolved(withPool(""), pair.options)
        let written = resolved(file(pair.values))
        #expect(typed.errorTexts == [] && written.errorTexts == [])
        #expect(typed.settings == written.settings)
        #expect(typed.warnings.count == written.warnings.count)
    }

    @Test(arguments: pairs)
    func anOptionWinsOverItsKeyAndChangesNoOther(_ pair: Pair) {
        let typed = resolved(file(OptionAndKeyTests.contrary), pair.options)
        let written = resolved(file(OptionAndKeyTests.contrary.merging(pair.values) { $1 }))
        #expect(typed.errorTexts == [] && written.errorTexts == [])
        #expect(typed.settings == written.settings)
    }

    /// In xmrig-proxy options after `-c` win and others lose (docs/COMPATIBILITY.md, "Configuration file"). Here the
    /// position does not matter.
    @Test(arguments: ["-r 7 -c f.json", "-c f.json -r 7"])
    func whereAnOptionStandsDoesNotMatter(_ line: String) {
        let options = CommandLineReading(line.split(separator: " ").map(String.init)).options
        #expect(resolved(withPool(#""retries": 9"#), options).settings?.retries == 7)
        #expect(fileChoice(options: options, surroundings: .user) == .exactly(["f.json"]))
    }

    /// A new option or key cannot slip past the two tests above.
    @Test func everyOptionOfAKeyThatWorksIsInTheTable() {
        let tested = Set(OptionAndKeyTests.pairs.flatMap(\.options).map(\.name))
        for option in KnownOption.all where option.group != .later {
            switch option.effect {
            case .key, .bind:
                #expect(tested.contains(option.name), "--\(option.name)")
            case .pool, .poolURL, .poolLogin, .none: break
            }
        }
    }

    // MARK: Pools

    private static let fingerprint = String(repeating: "0f", count: 32)
    private static let poolPairs: [Pair] = [
        Pair("-u u", ["user": "\"u\""]), Pair("--user=u", ["user": "\"u\""]), Pair("-pp", ["pass": "\"p\""]),
        Pair("-O u:v:p", ["user": "\"u:v\"", "pass": "\"p\""]), Pair("-O u:", ["user": "\"u\"", "pass": "\"\""]),
        Pair("--rig-id r", ["rig-id": "\"r\""]), Pair("-a rx/wow", ["algo": "\"rx/wow\""]),
        Pair("--coin=zephyr", ["coin": "\"zephyr\""]), Pair("-k", ["keepalive": "true"]),
        Pair("-u ${WALLET}", ["user": "\"${WALLET}\""]),
        Pair("--tls", ["tls": "true"]), Pair("--submit-to-origin", ["submit-to-origin": "true"]),
        Pair(
            "--tls --tls-fingerprint \(fingerprint)", ["tls": "true", "tls-fingerprint": "\"\(fingerprint)\""]),
    ]

    @Test(arguments: poolPairs)
    func anOptionOfAPoolMeansTheSameAsItsKey(_ pair: Pair) {
        let members = pair.values.map { ", \"\($0)\": \($1)" }.joined()
        let written = resolved(#"{"pools": [{"url": "[2001:db8::1]:4"\#(members)}, {"url": "b"}]}"#)
        let pools = written.settings?.pools
        #expect(pools?.count == 2)
        let lines = ["-o [2001:db8::1]:4 \(pair.line) -o b", "\(pair.line) -o [2001:db8::1]:4 --url=b"]
        for line in lines {
            let typed = resolved(nil, CommandLineReading(line.split(separator: " ").map(String.init)).options)
            #expect(typed.errorTexts + typed.warningTexts == [])
            #expect(typed.settings?.pools == pools)
        }
    }
}
