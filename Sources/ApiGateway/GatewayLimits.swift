internal import HTTPServing

/// Limits of the gateway. A request that exceeds one gets an error. Mining is not affected.
struct GatewayLimits: Sendable {
    /// Limits of HTTP clients.
    var http = HTTPLimits()
    /// Bytes of a configuration that a client sends: a longer document is not a configuration. Above: 413.
    var configurationBytes = 1 << 20
    /// Bytes of all bodies in memory, including old ones that slow clients still read. Above, no body is built and the
    /// request gets 503. 40 tables of 10,000 workers fit.
    var bodyBytes = 128 * 1024 * 1024
    /// Milliseconds for which a page that was requested gets its next body before the next request.
    var warmMillis: UInt64 = 5_000
    /// Bodies of one snapshot that were built for a query (`?sort=…`, one worker). The oldest one is removed for the
    /// next.
    var queriesKept = 64
    /// Bytes of these bodies. A sorted table of 10,000 workers is 1 MB.
    var queryBytes = 16 * 1024 * 1024
    /// Microseconds, of all threads together, for building bodies for queries in a second: half of one processor.
    /// Above: 503 until the next second.
    var queryMicros: Int64 = 500_000
    /// Requests that wait for the supervisor, or for the database. Above: 503.
    var waitingRequests = 32
    /// Milliseconds for which a history document is sent again for an equal query: it changes once a minute.
    var historyMillis: Int64 = 2_000
    /// History documents that are kept for that. One is up to 160 KiB.
    var historyKept = 16
    /// Milliseconds that the supervisor may take for a change: it validates the whole configuration.
    var controlMillis = 10_000
    /// Milliseconds that the supervisor may take to report its status, which it has in memory.
    var statusMillis = 1_000
    /// Milliseconds for which the last status is shown.
    var statusAgeMillis: Int64 = 5_000
}
