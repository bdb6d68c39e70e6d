/// What clients can take of us at most. A client that wants more is refused or cut; mining does not know of any of it.
struct GatewayLimits: Sendable {
    /// A page of a dashboard needs a few connections; hundreds of dashboards are a lot. More wait in the kernel's
    /// backlog until one ends, and none lasts long without asking for something.
    var connections: UInt32 = 512
    /// One address cannot take all: the health check of the machine itself always finds a place. (A reverse proxy is
    /// one address too, so the limit is not small.)
    var connectionsPerAddress: UInt32 = 384
    /// Bytes for the request line and the headers of one request, answer headers included: browsers send up to 8 KiB
    /// of cookies. Beyond, the server answers 414 or 431. Times `connections`, this is 8 MiB.
    var connectionBytes = 16 * 1024
    /// Bytes of a request's body that are read and thrown away, so that a client which sends one in good faith gets
    /// its answer. Beyond: 413.
    var requestBodyBytes: UInt64 = 64 * 1024
    /// Seconds without a byte in either direction.
    var silenceSeconds: UInt32 = 15
    /// From the connect, or from the last answer, until a request has come whole: trickled headers end here. Also how
    /// long an idle connection is kept at most.
    var requestMillis: Int64 = 30_000
    /// From the request until the client has taken the whole answer: a table of 10,000 workers is 3 MB, which takes
    /// 50 kB/s.
    var answerMillis: Int64 = 60_000
    /// Bytes of all bodies in memory, old ones included that slow clients still read: beyond, no further body is
    /// built, and 503 is answered in its place. 10,000 workers make 40 of them.
    var bodyBytes = 128 * 1024 * 1024
    /// Handlers only find a finished body and hand it over: measured, two threads serve 50,000 requests a second and more.
    var threads: UInt32 = 2
    /// How long answers that are under way may take once the process shall leave.
    var drainMillis: Int64 = 300
    /// Connections that the kernel may hold before they are accepted.
    var backlog: Int32 = 512
}
