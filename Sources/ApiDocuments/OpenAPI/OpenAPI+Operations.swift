extension OpenAPI {
    /// One method of a path.
    struct Operation: Sendable {
        enum Method: String, Sendable {
            case get, put, post
        }

        enum Tag: String, CaseIterable, Sendable {
            case classic = "xmrig-proxy 2.4"
            case current = "xmrig-proxy 6"
            case millrace = "Millrace"
            case operation = "Operation"

            var description: String {
                switch self {
                case .classic: "The documents of xmrig-proxy 2.4, as its wiki describes them."
                case .current: "The documents of current xmrig-proxy."
                case .millrace: "Documents that xmrig-proxy does not have."
                case .operation: "Monitoring, and this description."
                }
            }
        }

        /// An error response. The raw value is its name among the components.
        enum Failure: String, CaseIterable, Sendable {
            case badRequest = "BadRequest"
            case unauthorized = "Unauthorized"
            case forbidden = "Forbidden"
            case notFound = "NotFound"
            case conflict = "Conflict"
            case contentTooLarge = "ContentTooLarge"
            case targetTooLong = "TargetTooLong"
            case unsupportedMediaType = "UnsupportedMediaType"
            case tooManyRequests = "TooManyRequests"
            case headersTooLarge = "HeadersTooLarge"
            case unavailable = "Unavailable"

            var status: String {
                switch self {
                case .badRequest: "400"
                case .unauthorized: "401"
                case .forbidden: "403"
                case .notFound: "404"
                case .conflict: "409"
                case .contentTooLarge: "413"
                case .targetTooLong: "414"
                case .unsupportedMediaType: "415"
                case .tooManyRequests: "429"
                case .headersTooLarge: "431"
                case .unavailable: "503"
                }
            }

            var description: String {
                switch self {
                case .badRequest: "A parameter or the body is invalid; `message` says what was expected."
                case .unauthorized: "The access token is missing."
                case .forbidden: "The access token is wrong, or `message` says what forbids the request."
                case .notFound: "Not found."
                case .conflict: "Not possible in the current state of the service."
                case .contentTooLarge: "The body is too large."
                case .targetTooLong: "The path and the query are too long."
                case .unsupportedMediaType: "The Content-Type must be `application/json`."
                case .tooManyRequests: "Too many different wrong tokens from this address."
                case .headersTooLarge: "The headers are too large."
                case .unavailable: "Temporarily unavailable; retry later."
                }
            }
        }

        struct Answer: Sendable {
            var status = "200"
            var description: String
            var type = "application/json"
            var schema: Schema?
        }

        var method: Method
        var path: String
        var id: String
        var tag: Tag
        var summary: String
        var parameters: [Parameter] = []
        var body: Schema?
        /// Responses other than errors; the usual one first.
        var answers: [Answer]
        var failures: [Failure] = []
        /// Needs no access token.
        var isOpen = false
        /// For GET: whether the response has an `ETag`.
        var isTagged = true
    }

    struct Parameter: Sendable {
        enum Place: String, Sendable {
            case query, path, header
        }

        var name: String
        var place = Place.query
        var description: String
        var schema: Schema

        /// The parameters for paging and sorting a list.
        static func list<Column: ListColumn>(_ column: Column.Type) -> [Parameter] {
            let names = Column.allCases.flatMap { [$0.rawValue, "-\($0.rawValue)"] }
            let rows = ListQueryLimits.rowsMax
            return [
                Parameter(
                    name: "limit", description: "Maximum number of rows. Default: all.",
                    schema: .integer(in: 1...rows)),
                Parameter(
                    name: "offset", description: "Number of rows to skip.",
                    schema: .integer(in: 0...rows)),
                Parameter(
                    name: "sort", description: "The column to sort by; a leading - means descending order.",
                    schema: .text(oneOf: names)),
            ]
        }
    }

    /// All operations, in the order of the document.
    static let operations: [Operation] = classic + current + millrace + forPrograms

    private static func document(
        _ path: String, _ id: String, _ tag: Operation.Tag, _ summary: String, _ schema: String,
        parameters: [Parameter] = [], failures: [Operation.Failure] = []
    ) -> Operation {
        Operation(
            method: .get, path: path, id: id, tag: tag, summary: summary, parameters: parameters,
            answers: [.init(description: summary, schema: .named(schema))], failures: failures)
    }

    private static let classic = [
        document("/", "classicSummary", .classic, "The summary.", "ClassicSummary"),
        document("/workers.json", "classicWorkers", .classic, "The table of workers.", "ClassicWorkers"),
    ]

    private static let current =
        [("/1/summary", "summary"), ("/2/summary", "summary2"), ("/api.json", "summaryAsFile")].map {
            document($0, $1, .current, "The summary.", "Summary")
        } + [
            document(
                "/2/backends", "backends", .current, "Mining backends; a proxy has none.", "Backends"),
            document(
                "/1/workers", "workers", .current, "The table of workers.", "Workers",
                parameters: Parameter.list(WorkerColumn.self), failures: [.badRequest]),
            document(
                "/1/miners", "miners", .current, "The miners that are logged in.", "Miners",
                parameters: Parameter.list(MinerColumn.self), failures: [.badRequest]),
        ]
        + [("/1/config", ""), ("/2/config", "2")].flatMap { path, suffix in
            [
                document(
                    path, "config" + suffix, .current,
                    "The configuration in force, with every key; secrets are replaced by ***.",
                    "Configuration", failures: [.forbidden, .conflict]),
                configure(.put, path, "putConfig" + suffix),
                configure(.post, path, "postConfig" + suffix),
            ]
        } + [
            Operation(
                method: .post, path: "/json_rpc", id: "jsonRPC", tag: .current,
                summary: "JSON-RPC 2.0; a proxy has no methods, so the answer is an error.",
                body: .named("RPCRequest"),
                answers: [.init(description: "The error.", schema: .named("RPCAnswer"))],
                failures: [.forbidden, .unsupportedMediaType])
        ]

    private static func configure(_ method: Operation.Method, _ path: String, _ id: String) -> Operation {
        Operation(
            method: method, path: path, id: id, tag: .current,
            summary: "Replace the configuration by a whole document. *** keeps the secret at the same place.",
            body: .named("Configuration"),
            answers: [.init(status: "204", description: "The configuration is in force and in the file.")],
            failures: [.badRequest, .forbidden, .conflict, .unsupportedMediaType])
    }

    private static let time = Schema.text(matching: HistoryQuery.timePattern)

    private static let millrace =
        [
            document(
                "/1/workers/{name}", "worker", .millrace, "Everything about one worker.", "Worker",
                parameters: [
                    Parameter(
                        name: "name", place: .path, description: "The name, percent-encoded.", schema: .text(atLeast: 1)
                    )
                ], failures: [.badRequest, .notFound]),
            document("/1/shards", "shards", .millrace, "State of the service and of its processes.", "Shards"),
            document(
                "/1/upstreams", "upstreams", .millrace, "The pool connections.", "Upstreams",
                parameters: Parameter.list(UpstreamColumn.self), failures: [.badRequest]),
            document(
                "/1/peers", "peers", .millrace, "The addresses that miners connect from.", "Peers",
                parameters: Parameter.list(PeerColumn.self), failures: [.badRequest]),
            document(
                "/1/history", "history", .millrace, "Shares and hashrates over time, in steps of a minute or more.",
                "History",
                parameters: [
                    Parameter(name: "worker", description: "Only this worker. Default: all.", schema: .text()),
                    Parameter(
                        name: "shard",
                        description: "Only this shard. Default: all. Together with `worker` the answer is 404.",
                        schema: .integer(in: 0...255)),
                    Parameter(
                        name: "from",
                        description:
                            "Start: a Unix time in milliseconds or seconds, or a time relative to now (-24h). Default: "
                            + "a day before `to`.", schema: time),
                    Parameter(
                        name: "to", description: "End (exclusive), in the same formats. Default: now.", schema: time),
                    Parameter(
                        name: "step",
                        description:
                            "Seconds per point, or a duration such as 10m; rounded up to whole minutes, and longer "
                            + "above \(HistoryQuery.pointsMax) points. Default: chosen by the length of the range.",
                        schema: .text(matching: HistoryQuery.stepPattern)),
                ], failures: [.badRequest, .notFound]),
            Operation(
                method: .get, path: "/1/events", id: "events", tag: .millrace,
                summary: "Stream of shares, logins and errors (Server-Sent Events).",
                parameters: [
                    Parameter(
                        name: "types", description: "Event types, separated by commas. Default: all.",
                        schema: .text(matching: EventQuery.typesPattern)),
                    Parameter(name: "worker", description: "Only events of this worker's miners.", schema: .text()),
                    Parameter(
                        name: "last-event-id", description: "Same as the header, for clients that cannot send headers.",
                        schema: .text()),
                    Parameter(
                        name: "Last-Event-ID", place: .header,
                        description:
                            "The id of the last event received: the stream continues after it. If the id is "
                            + "unknown, the stream begins with a `gap`.", schema: .text()),
                ],
                answers: [
                    .init(
                        description: "An endless stream. The schema describes one event.",
                        type: "text/event-stream", schema: .named("Event"))
                ],
                failures: [.badRequest], isTagged: false),
        ] + changesOfShards

    private static let forPrograms = [
        Operation(
            method: .get, path: "/metrics", id: "metrics", tag: .operation, summary: "Metrics for Prometheus.",
            answers: [
                .init(
                    description: "The text format 0.0.4.", type: "text/plain",
                    schema: .text("Lines of HELP, TYPE and samples."))
            ]),
        Operation(
            method: .get, path: "/healthz", id: "alive", tag: .operation, summary: "Liveness: the API is served.",
            answers: [.init(description: "Alive.", schema: .named("Health"))], isOpen: true, isTagged: false),
        Operation(
            method: .get, path: "/readyz", id: "ready", tag: .operation,
            summary: "Readiness: a shard accepts miners and a pool connection is up.",
            answers: [
                .init(description: "Ready.", schema: .named("Health")),
                .init(status: "503", description: "Not ready; `missing` says why.", schema: .named("Unready")),
            ], isOpen: true),
        Operation(
            method: .get, path: "/openapi.json", id: "openAPI", tag: .operation, summary: "This document.",
            answers: [.init(description: "OpenAPI 3.1.", schema: .object())]),
    ]
}
