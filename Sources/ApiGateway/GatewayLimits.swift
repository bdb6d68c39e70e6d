/// What clients can take of us at most. A client that wants more is refused or cut; mining does not know of any of it.
struct GatewayLimits: Sendable {
    /// A page of a dashboard needs a few connections; hundreds of dashboards are a lot.
    var connections = 512
    /// Places that are kept free. When a connection takes one of them, another one is closed (`ConnectionTable`): that
    /// takes the server's threads a moment, in which more may come.
    var connectionsReserved: Int { connections / 8 }
    /// One address cannot take all. (A reverse proxy is one address too, so the limit is not small.) Beyond, the oldest
    /// one of the address is closed.
    var connectionsPerAddress = 256
    /// Bytes that the server has for one connection: the request's head, and the answer's. Beyond, the server itself
    /// answers 414 or 431, in its own words. Times `connections`, this is 16 MiB.
    var connectionBytes = 32 * 1024
    /// Bytes of a request's first line and headers: browsers send up to 8 KiB of cookies. Beyond: 431.
    var headBytes = 16 * 1024
    /// Bytes of the path and the query: a worker's name of 254 bytes, percent-encoded, is a tenth. Beyond: 414.
    var targetBytes = 8 * 1024
    /// Bytes of a request's body that are read and thrown away, so that a client which sends one in good faith gets
    /// its answer. Beyond: 413. Also the most that `/json_rpc` takes.
    var requestBodyBytes = 64 * 1024
    /// Bytes of a configuration that is sent to us: what is larger is no configuration. Beyond: 413.
    var configurationBytes = 1 << 20
    /// Bytes of all requests' bodies that are being collected. Beyond: 503. Whoever sends a configuration has the
    /// token, so this is against accidents.
    var collectedBytes = 4 << 20
    /// Seconds without a byte in either direction.
    var silenceSeconds: UInt32 = 15
    /// From the connect until the headers are there: trickled ones end here. Clients send them at once.
    var headMillis: Int64 = 10_000
    /// From the headers, or from the last answer, until a request has come whole. Also how long an idle connection is
    /// kept at most.
    var requestMillis: Int64 = 30_000
    /// From the request until the client has taken the whole answer: a table of 10,000 workers is 3 MB, which takes
    /// 50 kB/s.
    var answerMillis: Int64 = 60_000
    /// Bytes of all bodies in memory, old ones included that slow clients still read: beyond, no further body is
    /// built, and 503 is answered in its place. 10,000 workers make 40 of them.
    var bodyBytes = 128 * 1024 * 1024
    /// Shorter bodies are sent as they are: below a few packets nothing is gained.
    var compressedBodyBytes = 2 * 1024
    /// zlib's fastest: 10,000 workers take it 15 ms, and its default 70 ms for a fifth less.
    static let gzipLevel: Int32 = 1
    /// A page that was asked for within this time gets its next body before anybody asks for it.
    var warmMillis: UInt64 = 5_000
    /// Bodies of one snapshot that were made for a single query (`?sort=…`, one worker). Further ones take the place
    /// of the oldest.
    var questionsKept = 64
    /// Bytes of these bodies. A sorted table of 10,000 workers is 1 MB.
    var questionBytes = 16 * 1024 * 1024
    /// How long bodies for single queries may be built per snapshot, in microseconds of all threads together: half
    /// of one processor. Beyond: 503 until the next snapshot.
    var questionMicros: Int64 = 500_000
    /// Clients that follow the events. Beyond: 503. They are out of the poll set while nothing happens.
    var streams = 128
    /// Those of one address. Beyond: 503. A page has one or two, so this is an office behind one address.
    var streamsPerAddress = 32
    /// A stream that says nothing for this long says that it is alive. Shorter than what proxies on the way allow.
    var heartbeatMillis: Int64 = 10_000
    /// Requests that wait for the supervisor, or for the database. Beyond: 503.
    var errands = 32
    /// How long an answer about the past serves those who ask the same again: it changes once a minute.
    var historyMillis: Int64 = 2_000
    /// Answers that are kept for that. One is up to 160 KiB.
    var historyKept = 16
    /// How long the supervisor may take for a change: it validates the whole configuration.
    var controlMillis = 10_000
    /// How long the supervisor may take to say how it stands; it has nothing to look up.
    var statusMillis = 1_000
    /// How long its last word counts.
    var statusAgeMillis: Int64 = 5_000
    /// Handlers only find a finished body and hand it over: measured, two threads serve 50,000 requests a second and more.
    var threads: UInt32 = 2
    /// How long answers that are under way may take once the process shall leave.
    var drainMillis: Int64 = 300
    /// Connections that the kernel may hold before they are accepted.
    var backlog: Int32 = 512
}
