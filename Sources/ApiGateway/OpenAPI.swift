/// `/openapi.json`: the API, described for programs.
enum OpenAPI {
    /// Every path of the API, in the order of the document.
    static let paths = [
        "/", "/workers.json", "/1/summary", "/2/summary", "/api.json", "/1/workers", "/1/workers/{name}", "/1/miners",
        "/1/shards", "/1/upstreams", "/1/history", "/1/events", "/1/config", "/2/config", "/json_rpc", "/metrics",
        "/healthz", "/readyz", "/openapi.json",
    ]

    static func document(version: String) -> [UInt8] { [] }
}
