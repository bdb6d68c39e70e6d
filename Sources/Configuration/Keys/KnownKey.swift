/// A key of the configuration file. The table of all keys (`all`) determines the checks of unknown keys, types and
/// ranges, and the warnings about unsupported features. docs/CONFIG.md describes each key.
public struct KnownKey: Sendable {
    /// "retries", "http.port", "pools[].url".
    public let path: String
    public let support: Support

    let kinds: Kinds
    /// For numbers; a number outside is a wrong value.
    let range: ClosedRange<Int64>?

    public enum Support: Sendable {
        /// Supported.
        case full
        /// Valid without effect; a warning would not be useful.
        case silent
        /// Valid and ignored, with a warning unless its value disables the feature.
        case notYet
    }

    /// The JSON types that a key accepts; null is always accepted and means "not given".
    struct Kinds: OptionSet, Sendable {
        let rawValue: UInt8

        static let boolean = Kinds(rawValue: 1)
        static let integer = Kinds(rawValue: 2)
        static let text = Kinds(rawValue: 4)
        static let array = Kinds(rawValue: 8)
        static let object = Kinds(rawValue: 16)

        init(rawValue: UInt8) {
            self.rawValue = rawValue
        }

        /// The type of a value; nil for null and for numbers with a fraction, which no key accepts.
        init?(of value: JSONValue) {
            switch value {
            case .boolean: self = .boolean
            case .integer: self = .integer
            case .text: self = .text
            case .array: self = .array
            case .object: self = .object
            case .null, .decimal: return nil
            }
        }
    }

    private init(
        _ path: String, _ kinds: Kinds, _ range: ClosedRange<Int64>? = nil, _ support: Support = .full
    ) {
        self.path = path
        self.kinds = kinds
        self.range = range
        self.support = support
    }

    /// Whether a wrong value is an error. For other keys it causes a warning and the default is used, as in
    /// xmrig-proxy, whose files must work here. An error is required for keys that decide who can connect and what can
    /// be changed, where a default could be less safe than the intended value; for keys without a sensible default; and
    /// for the `millrace` object.
    var isStrict: Bool {
        if KnownKey.strictPaths.contains(path) { return true }
        if KnownKey.lenientNames.contains(path) { return false }
        let root = path.prefix { $0 != "." && $0 != "[" }
        return KnownKey.strictRoots.contains(String(root))
    }

    /// What a wrong value means in xmrig-proxy.
    var fallback: String { path == "tls" ? "TLS for miners is off" : "the default is used" }

    /// Whether "true" and "5" in quotes are used as the values that they spell.
    var takesQuotedValues: Bool {
        // A host named "true" is less likely than a quoted value.
        let isText = kinds.contains(.text) && path != "tls"
        return !isText && path != "custom-diff" && !path.hasPrefix("millrace")
    }

    private static let strictPaths: Set<String> = [
        "pools", "pools[].tls-fingerprint", "pools[].tls-verify", "pools[].socks5",
    ]
    private static let strictRoots: Set<String> = ["bind", "access-password", "http", "api", "millrace"]
    /// These keys only name the proxy.
    private static let lenientNames: Set<String> = ["api.id", "api.worker-id"]

    /// "a string, or a number from 1 to 3600".
    var expectation: String {
        var forms: [String] = []
        if kinds.contains(.boolean) { forms.append("true or false") }
        if kinds.contains(.integer) {
            if let range {
                forms.append("a number from \(range.lowerBound) to \(range.upperBound)")
            } else {
                forms.append("a whole number")
            }
        }
        if kinds.contains(.text) { forms.append("a string") }
        if kinds.contains(.array) { forms.append("a list") }
        if kinds.contains(.object) { forms.append("an object") }
        return forms.joined(separator: ", or ")
    }

    /// The keys of the object at `parent` ("" for the whole file, "http", "pools[]"), by their last component.
    static func table(of parent: String) -> [String: KnownKey] { tables[parent] ?? [:] }

    private static let tables: [String: [String: KnownKey]] = {
        var tables: [String: [String: KnownKey]] = [:]
        for key in all {
            let names = key.path.split(separator: ".")
            let parent = names.dropLast().joined(separator: ".")
            tables[parent, default: [:]][String(names[names.count - 1])] = key
        }
        return tables
    }()

    /// The limit of numbers without a limit of their own: they must fit into 32 bits.
    private static let noLimit = Int64(Int32.max)
    private static let port: ClosedRange<Int64> = 0...65535
    static let keepaliveSeconds: ClosedRange<Int64> = 0...86_400
    /// Ten years: longer retention is not a deliberate choice.
    private static let days: ClosedRange<Int64> = 1...3650

    /// Every key, in the order of docs/CONFIG.md.
    public static let all: [KnownKey] = [
        KnownKey("pools", .array),
        KnownKey("pools[].url", .text),
        KnownKey("pools[].user", .text),
        KnownKey("pools[].pass", .text),
        KnownKey("pools[].rig-id", .text),
        KnownKey("pools[].algo", .text),
        KnownKey("pools[].coin", .text),
        KnownKey("pools[].keepalive", [.boolean, .integer], keepaliveSeconds),
        KnownKey("pools[].enabled", .boolean),
        KnownKey("pools[].tls", .boolean),
        KnownKey("pools[].sni", .boolean),
        KnownKey("pools[].tls-fingerprint", .text),
        KnownKey("pools[].tls-verify", .boolean),
        KnownKey("pools[].socks5", [.text, .integer], port),
        // These two make the pool unusable: `PoolReading` omits it with a warning or error.
        KnownKey("pools[].daemon", .boolean),
        KnownKey("pools[].self-select", .text),
        // These have an effect only together with the ones above.
        KnownKey("pools[].submit-to-origin", .boolean, nil, .silent),
        KnownKey("pools[].spend-secret-key", .text, nil, .silent),
        KnownKey("pools[].daemon-poll-interval", .integer, nil, .silent),
        KnownKey("pools[].daemon-job-timeout", .integer, nil, .silent),
        KnownKey("pools[].daemon-zmq-port", .integer, nil, .silent),
        KnownKey("algo", .text),
        KnownKey("coin", .text),
        KnownKey("retries", .integer, 1...1000),
        KnownKey("retry-pause", .integer, 1...3600),
        KnownKey("user-agent", .text),
        KnownKey("dns", .object),
        KnownKey("dns.ip_version", .integer),
        KnownKey("dns.ttl", .integer),
        KnownKey("dns.ipv6", .boolean, nil, .notYet),
        KnownKey("donate-level", .integer, 0...99, .notYet),

        KnownKey("bind", [.array, .text, .object]),
        KnownKey("bind[].host", .text),
        KnownKey("bind[].port", .integer, 0...65535),
        KnownKey("bind[].tls", .boolean),
        // Only a list is valid; `Interpretation` reports a better error than the table.
        KnownKey("bind[].proxy-protocol", [.array, .text, .boolean, .integer, .object]),
        KnownKey("access-password", .text),
        KnownKey("algo-ext", .boolean),
        KnownKey("custom-diff", .integer),
        KnownKey("custom-diff-stats", .boolean),
        KnownKey("workers", [.boolean, .text]),
        KnownKey("mode", .text),
        KnownKey("reuse-timeout", .integer, 0...noLimit),
        KnownKey("tls", [.boolean, .text, .object]),
        KnownKey("tls.enabled", .boolean),
        KnownKey("tls.protocols", .text),
        KnownKey("tls.cert", .text),
        KnownKey("tls.cert_key", .text),
        KnownKey("tls.cert-key", .text),
        KnownKey("tls.ciphers", .text),
        KnownKey("tls.ciphersuites", .text),
        KnownKey("tls.dhparam", .text),
        KnownKey("tls.gen", .text),

        KnownKey("http", .object),
        KnownKey("http.enabled", .boolean),
        KnownKey("http.host", .text),
        KnownKey("http.port", .integer, port),
        KnownKey("http.access-token", .text),
        KnownKey("http.restricted", .boolean),
        KnownKey("api", .object),
        KnownKey("api.id", .text),
        KnownKey("api.worker-id", .text),
        KnownKey("api.port", .integer, port),
        KnownKey("api.access-token", .text),
        KnownKey("api.ipv6", .boolean),
        KnownKey("api.restricted", .boolean),

        KnownKey("log-file", .text),
        KnownKey("verbose", [.boolean, .integer], 0...noLimit),
        KnownKey("debug", .boolean),
        KnownKey("colors", .boolean),
        KnownKey("access-log-file", .text, nil, .notYet),
        KnownKey("syslog", .boolean),
        KnownKey("background", .boolean, nil, .notYet),
        KnownKey("dry-run", .boolean),
        KnownKey("print-time", .integer),
        KnownKey("title", [.boolean, .text], nil, .silent),
        KnownKey("watch", .boolean),
        KnownKey("autosave", .boolean),

        KnownKey("millrace", .object),
        KnownKey("millrace.shards", [.text, .integer]),
        KnownKey("millrace.keep-connections", .boolean),
        KnownKey("millrace.guard-pools", .boolean),
        KnownKey("millrace.pass-login", .boolean),
        KnownKey("millrace.run-dir", .text),
        KnownKey("millrace.database", .text),
        KnownKey("millrace.history-days", .integer, days),
        KnownKey("millrace.forget-workers-days", .integer, days),
        KnownKey("millrace.log-format", .text),
        KnownKey("millrace.http-hosts", .array),
        KnownKey("millrace.http-cors", .boolean),
        KnownKey("millrace.trust-documents", .boolean),
        KnownKey("millrace.limits", .object),
        KnownKey("millrace.limits.connections", .integer, 0...1_000_000),
        KnownKey("millrace.limits.waiting", .integer, 0...65_536),
        KnownKey("millrace.limits.logins", .integer, 0...100_000),
        KnownKey("millrace.limits.burst", .integer, 1...1_000_000),
        KnownKey("millrace.limits.faults", .integer, 0...100_000),
        KnownKey("millrace.limits.ban", .integer, 1...86_400),
        KnownKey("millrace.limits.dry-run", .boolean),
        KnownKey("millrace.limits.allow", .array),
        KnownKey("millrace.limits.deny", .array),
        KnownKey("millrace.limits.allow-file", .text),
        KnownKey("millrace.limits.deny-file", .text),
        KnownKey("millrace.metrics-per-worker", .integer, 0...Int64(Settings.metricsPerWorkerMax)),
    ]
}
