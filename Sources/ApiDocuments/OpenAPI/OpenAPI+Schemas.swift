internal import Configuration
internal import Control
internal import Telemetry

extension OpenAPI {
    /// The schemas of the documents and their parts, in the order of the components.
    static let schemas: [(name: String, schema: Schema)] =
        compatible + shards + [
            ("Upstreams", upstreams), ("Peers", peers), ("Worker", worker), ("History", history),
        ] + small

    private static let time = Schema.integer("Milliseconds since 1970.")
    private static let seconds = Schema.integer("Seconds.")

    // MARK: - Documents of xmrig-proxy

    private static let total = Schema.integer(
        "Total number of rows; only in answers to requests with `limit`, `offset` or `sort`.")
    private static let rates = Schema.number("kH/s")

    private static func hashrates(_ count: Int) -> Schema {
        .object(
            nil,
            .always(
                "total",
                .list(
                    of: .number(), count: count,
                    "kH/s over 1 minute, 10 minutes, 1 hour, 12 hours, 24 hours"
                        + (count > 5 ? ", the whole uptime." : "."))))
    }

    private static let miners = Schema.object(
        nil, .always("now", .integer("Logged in.")), .always("max", .integer("Highest number at one time.")))

    private static let results: [Schema.Member] = [
        .always("accepted", .integer("Shares that the pool accepted.")),
        .always("rejected", .integer("Shares that the pool refused.")),
        .always("invalid", .integer("Shares that Millrace refused, or could not bring to a pool.")),
        .always("avg_time", .integer("Seconds per accepted share.")),
        .always("latency", .integer("Median of the pool's answer times, in milliseconds.")),
        .always("hashes_total", .integer("Sum of the pool difficulties of accepted shares.")),
        .always("hashes_donate", .integer("Always 0.")),
        .always(
            "best",
            .list(
                of: .integer(), count: Snapshot.Results.bestCount,
                "The highest difficulties that accepted shares really had.")),
    ]

    private static let identity: [Schema.Member] = [
        .always("id", .text("16 hexadecimal digits, or what the configuration says.")),
        .always("worker_id", .text("The name of this proxy.")),
        .always("version", .text()),
        .always("kind", .text(oneOf: ["proxy"])),
        .always("ua", .text("The user agent that pools see.")),
        .always("donate_level", .integer("Always 0.")),
        .always("donated", .number("Always 0.")),
        .always(
            "uptime", .integer("Seconds since the service started, over which the totals were counted.")),
    ]

    /// The columns of the workers table.
    private static let workerRow = Schema.row(
        ("name", .text()), ("ip", .text("Of the last login.")), ("connections", .integer()),
        ("accepted", .integer()), ("rejected", .integer()), ("invalid", .integer()), ("hashes", .integer()),
        ("last_share", .integer("Milliseconds since 1970; 0 before the first.")), ("1m", rates), ("10m", rates),
        ("1h", rates), ("12h", rates), ("24h", rates))

    private static let upstreamCounts = Schema.object(
        nil, .always("active", .integer("Logged in.").orNull), .always("sleep", .integer("For want of miners.").orNull),
        .always("error", .integer("Neither.").orNull), .always("total", .integer().orNull))

    private static let compatible: [(name: String, schema: Schema)] = [
        (
            "ClassicSummary",
            .object(
                nil,
                identity + [
                    .always("hashrate", hashrates(ClassicDocuments.windowCount)), .always("miners", miners),
                    .always("upstreams", .integer("Pool connections that are logged in.")),
                    .always("results", .object(nil, results + [.always("error_log", errorLog)])),
                ])
        ),
        (
            "ClassicWorkers",
            .object(
                nil, .always("hashrate", hashrates(ClassicDocuments.windowCount)),
                .always("workers", .list(of: workerRow, "Without disconnected workers that never had a share.")))
        ),
        (
            "Summary",
            .object(
                nil,
                identity + [
                    .always("restricted", .flag("Read-only.")), .always("resources", resources),
                    .always("features", .list(of: .text(), "Always api, http and tls.")),
                    .always("algo", .text("Always invalid.")),
                    .always(
                        "mode",
                        .text(
                            "How miners share pool connections.",
                            oneOf: Settings.Mode.allCases.map(\.rawValue))),
                    .always("hashrate", hashrates(6)), .always("miners", miners),
                    .always("workers", .integer("Rows of the table of workers.")),
                    .always("upstreams", summaryUpstreams),
                    .always(
                        "results",
                        .object(nil, results + [.always("expired", .integer("Shares for the previous job."))])),
                ])
        ),
        (
            "Workers",
            .object(
                nil, .always("hashrate", hashrates(6)),
                .always(
                    "mode", .text("What names a worker.", oneOf: Settings.WorkerNaming.allCases.map(\.rawValue))),
                .always("workers", .list(of: workerRow, "All known workers.")), .sometimes("total", total))
        ),
        (
            "Miners",
            .object(
                nil, .always("format", .list(of: .text(), count: 10, "The names of the columns.")),
                .always("miners", .list(of: minerRow, "Sorted by id.")),
                .always("tls", .list(of: tlsRow.orNull, "Of each row of miners; null without TLS.")),
                .sometimes("total", total))
        ),
    ]

    private static let errorLog = Schema.list(
        of: .text(), "The most recent pool errors, newest first; a number in brackets says how often it occurred.")

    private static let resources = Schema.object(
        nil,
        .always(
            "memory",
            .object(
                nil, .always("free", .integer("Bytes.")), .always("total", .integer("Bytes.")),
                .always("resident_set_memory", .integer("Bytes, of all processes together; a shared page counts once."))
            )),
        .always("load_average", .list(of: .number(), count: 3, "Over 1, 5 and 15 minutes.")),
        .always("hardware_concurrency", .integer("Processors.")))

    private static let summaryUpstreams = Schema.object(
        nil, .always("active", .integer("Logged in.")), .always("sleep", .integer("For want of miners.")),
        .always("error", .integer("Neither.")), .always("total", .integer()),
        .always("ratio", .number("Miners per active pool connection.")))

    private static let minerRow = Schema.row(
        ("id", .integer()), ("ip", .text()), ("tx", .integer("Bytes to the miner.")),
        ("rx", .integer("Bytes from the miner.")), ("state", .integer("Always 2: logged in.", in: 2...2)),
        ("diff", .integer("0 = not known yet.")), ("user", .text().orNull), ("password", .nothing("Never shown.")),
        ("rig_id", .text().orNull), ("agent", .text().orNull))

    private static let tlsRow = Schema.row(("version", tlsVersion), ("cipher", tlsCipher.orNull))

    // MARK: - Documents of Millrace

    private static let tlsVersion = Schema.text("TLSv1.3, TLSv1.2, TLSv1.1, TLSv1; TLS = another one.")
    private static let tlsCipher = Schema.text("In the words of OpenSSL.")

    private static let process: [Schema.Member] = [
        .always("state", .text(oneOf: ChildStatus.State.allCases.map(\.rawValue)).orNull),
        .always("pid", .integer("Null when there is no process.").orNull),
        .always("uptime", .integer("Seconds; null when there is no process.").orNull),
        .always("restarts", .integer("Number of restarts.").orNull),
        .always("restart_causes", .map(of: .integer(), "Restarts by cause, most frequent first.").orNull),
        .always("last_death", .text("Its last failure; null when there was none.").orNull),
    ]

    private static let shards: [(name: String, schema: Schema)] = [
        (
            "Shards",
            .object(
                "A member is null if its source, the supervisor or the collector, does not answer.",
                .always("shards", .list(of: .named("Shard"), "Sorted by id.")),
                .always("collector", .named("Process")), .always("gateway", .named("Process")),
                .always(
                    "supervisor",
                    .object(
                        nil, .always("version", .text().orNull), .always("pid", .integer().orNull),
                        .always("uptime", seconds.orNull))),
                .always(
                    "degraded",
                    .list(
                        of: .object(
                            nil, .always("process", .text()),
                            .always("reason", .text(oneOf: DegradedStatus.Reason.allCases.map(\.rawValue))),
                            .always("message", .text())),
                        "Current degradations; empty if there are none."
                    ).orNull),
                .always(
                    "configuration",
                    .object(
                        nil, .always("file", .text("Null when there is none.").orNull),
                        .always("loaded_at", time.orNull),
                        .always(
                            "last_refusal",
                            .list(of: .text(), "Why the last attempt to load another one was refused.").orNull))),
                .always("database", database),
                .always("statistics", statistics))
        ),
        ("Process", .object(nil, process)),
        (
            "Shard",
            .object(
                nil,
                [.always("id", .integer())] + process + [
                    .always("live", .flag("Whether the collector receives its heartbeats.").orNull),
                    .always("miners", .integer("Logged in, and with a job.").orNull),
                    .always("miners_waiting", .integer("Logged in, and without a job yet.").orNull),
                    .always("connections", .integer("Of miners, logged in or not.").orNull),
                    .always(
                        "tls",
                        .object(
                            "Of miners.", .always("connections", .integer("All with TLS.").orNull),
                            .always(
                                "not_kept",
                                .integer("With a TLS older than 1.3: they reconnect when the process ends.").orNull),
                            .always("certificate_sha256", .text("Null without a certificate.").orNull),
                            .always("certificate_expires", time.orNull))),
                    .always("upstreams", upstreamCounts),
                    .always(
                        "shares",
                        .object(
                            "Restarts do not reset them.", .always("accepted", .integer().orNull),
                            .always("rejected", .integer().orNull), .always("invalid", .integer().orNull),
                            .always("expired", .integer().orNull), .always("hashes_total", .integer().orNull))),
                    .always(
                        "events",
                        .object(
                            nil, .always("lost", .integer("Never received by the collector.").orNull),
                            .always("replayed", .integer("Missed, then replayed on request.").orNull))),
                    .always(
                        "loop_delay_ms",
                        .number("The longest delay of its event loop in the last second, in milliseconds.").orNull),
                ])
        ),
    ]

    private static let database = Schema.object(
        nil,
        .always("state", .text(oneOf: Snapshot.Database.State.allCases.map(\.name)).orNull),
        .always("message", .text("Null without a failure.").orNull),
        .always("committed_at", .integer("Milliseconds since 1970; null before the first commit.").orNull))

    private static let statistics = Schema.object(
        nil, .always("age", .integer("Seconds since the collector's last snapshot.").orNull),
        .always("last_loss", .integer("Milliseconds since 1970; null when no event was ever lost.").orNull),
        .always(
            "incomplete_windows",
            .list(
                of: .text(oneOf: HashrateSpan.allCases.map(\.rawValue)),
                "The hashrates that are too low because events are missing."
            ).orNull))

    private static let upstreams = Schema.object(
        nil,
        .always(
            "upstreams",
            .list(
                of: .object(
                    nil, .always("shard", .integer()), .always("id", .integer("Within the shard.")),
                    .always("pool", .text("Host and port.").orNull),
                    .always("state", .text(oneOf: UpstreamGauge.State.allCases.map(\.name))),
                    .always("miners", .integer("In its nonce slots.")),
                    .always("diff", .integer("Null when it has no job.").orNull),
                    .always("height", .integer("Null when the pool does not say.").orNull),
                    .always("logged_in_since", .integer("Milliseconds since 1970; null when it is not.").orNull),
                    .always("job_age", .integer("Seconds; null when it has none.").orNull),
                    .always("accepted", .integer("Shares, since it was opened.")), .always("rejected", .integer()),
                    .always("in_flight", .integer("Shares that wait for the pool's answer.")),
                    .always("tls", tlsVersion.orNull), .always("cipher", tlsCipher.orNull)),
                "Sorted by shard and id.")),
        .sometimes("total", total))

    private static let worker = Schema.object(
        nil, .always("name", .text()), .always("ip", .text("Of the last login.")),
        .always("connections", .integer("Live.")), .always("accepted", .integer()), .always("rejected", .integer()),
        .always("invalid", .integer()), .always("hashes", .integer("Sum of credited difficulties.")),
        .always("last_share", .integer("Milliseconds since 1970; null before the first.").orNull),
        .always("last_seen", time.orNull), .always("hashrate", hashrates(6)),
        .always(
            "refusals",
            .object(
                "Its shares that were not accepted, by reason.",
                RefusalReason.allCases.filter { $0 != .none }.map { .always($0.name, .integer()) })),
        .always(
            "miners",
            .list(
                of: .object(
                    nil, .always("id", .integer()), .always("shard", .integer()), .always("ip", .text()),
                    .always("agent", .text().orNull), .always("diff", .integer("0 = not known yet.")),
                    .always("tx", .integer("Bytes to the miner.")), .always("rx", .integer("Bytes from the miner.")),
                    .always("tls", tlsVersion.orNull), .always("cipher", tlsCipher.orNull)),
                "Its open connections, at most \(CurrentDocuments.workerMinersMax).")))

    private static let history = Schema.object(
        nil, .always("worker", .text().orNull), .always("shard", .integer().orNull),
        .always("step", .integer("Seconds per point.")), .always("from", time), .always("to", time),
        .always("format", .list(of: .text(), count: 6, "The names of the columns.")),
        .always(
            "points",
            .list(
                of: .row(
                    ("time", .integer("Start of the step, in milliseconds since 1970.")),
                    ("accepted", .integer()), ("rejected", .integer()), ("invalid", .integer()),
                    ("hashes", .integer("Sum of credited difficulties.")), ("hashrate", rates)),
                "In chronological order; steps without events may be missing.")))

    private static let small: [(name: String, schema: Schema)] = [
        (
            "Event",
            .object(
                nil, .sometimes("event", .text(oneOf: FeedEvent.Kind.allCases.map { "\($0.name)" })),
                .sometimes(
                    "id", .text("Position in the stream; summaries and gaps have none.", matching: EventID.pattern)),
                .sometimes("data", .text("One line of JSON, as docs/API.md shows it.")),
                .sometimes("retry", .integer("Milliseconds to wait before reconnecting.")))
        ),
        ("Backends", .list(of: .object(), count: 0, "Always empty.")),
        (
            "Configuration",
            .object(
                "See docs/CONFIG.md. It says more than a schema can: a document that matches this schema may still be "
                    + "answered with 400.")
        ),
        ("RPCRequest", .anything("Anything; a request is an object with a `method`.")),
        (
            "RPCAnswer",
            .object(
                nil, .always("id", .identifier("Of the request.")), .always("jsonrpc", .text(oneOf: ["2.0"])),
                .always(
                    "error",
                    .object(
                        nil, .always("code", .integer(in: -32_768 ... -32_000)), .always("message", .text()))))
        ),
        ("Health", .object(nil, .always("status", .text(oneOf: ["ok"])))),
        (
            "Unready",
            .object(
                nil, .always("status", .text(oneOf: ["not ready"])),
                .always("missing", .list(of: .text(), "What is missing, as text.")))
        ),
        (
            "Error",
            .object(
                nil, .always("status", .integer("The HTTP status.", in: 400...599)),
                .always("error", .text("Name of the status in capitals.")),
                .sometimes("message", .text("What was expected, or why the request was refused.")),
                .sometimes("lines", .list(of: .text(), "Further details.")))
        ),
    ]
}
