/// What HTTP clients can use at most. A client that exceeds a limit gets an error, or its connection is closed.
package struct HTTPLimits: Sendable {
    // MARK: Connections

    /// Connections at one time. A dashboard page needs a few.
    package var connections = 512
    /// Places that are kept free. A connection that uses one of them makes another one close (`ConnectionTable`). The
    /// server's threads need a moment for that, in which more clients may connect.
    package var connectionsReserved: Int { connections / 8 }
    /// Connections of one address. Above, the oldest one of the address is closed. A reverse proxy is one address too,
    /// so the limit is not small.
    package var connectionsPerAddress = 256
    /// Connections with TLS at one time: each has three descriptors, of which a process often has 1,024. Above, the
    /// oldest one of the address that has the most is closed.
    package var tlsConnections = 192
    /// Connections of libmicrohttpd: more than it gets. At its own limit it would close them without a word.
    var connectionsOfLibrary: Int { 2 * connections + 64 }
    /// Bytes of the buffer for the heads of a request and its response. Above, libmicrohttpd itself answers 414 or 431.
    /// Times `connections`, this is 16 MiB.
    package var connectionBytes = 32 * 1024
    /// Connections that the kernel may hold before they are accepted.
    package var backlog: Int32 = 512
    /// Threads of the server. Handlers only look up a finished body: measured, two threads serve more than 50,000
    /// requests a second.
    package var threads: UInt32 = 2

    // MARK: Requests

    /// Bytes of a request's first line and headers. Browsers send up to 8 KiB of cookies. Above: 431.
    package var headBytes = 16 * 1024
    /// Bytes of the path and the query. A percent-encoded worker name of 254 bytes is a tenth of it. Above: 414.
    package var targetBytes = 8 * 1024
    /// Bytes of a body that is read and discarded, so that its client can read the response. Above: 413.
    package var requestBodyBytes = 64 * 1024
    /// Bytes of all bodies that are being collected at one time. Above: 503. Only clients with the access token send
    /// long bodies, so this protects against accidents.
    package var collectedBytes = 4 << 20

    // MARK: Time

    /// Seconds without a byte in either direction.
    package var silenceSeconds: UInt32 = 15
    /// Milliseconds from the connect until the headers are complete. This ends requests that are sent byte by byte.
    package var headMillis: Int64 = 10_000
    /// Milliseconds from the headers, or from the previous response, until a request is complete. Also the longest time
    /// that an idle connection is kept.
    package var requestMillis: Int64 = 30_000
    /// Milliseconds from the request until the client has read the whole response. 3 MB, a table of 10,000 workers,
    /// need 50 kB/s.
    package var answerMillis: Int64 = 60_000
    /// Milliseconds for the last bytes of responses over TLS when the process stops.
    var lingerMillis: Int64 = 100
    /// Milliseconds that responses under way may take when the process stops.
    package var drainMillis: Int64 = 300

    // MARK: Responses

    /// Shorter bodies are not compressed: below a few packets nothing is gained.
    package var compressedBodyBytes = 2 * 1024
    /// zlib's fastest level: 10,000 workers take 15 ms. The default level takes 70 ms and saves another fifth.
    static let gzipLevel: Int32 = 1

    // MARK: Event streams

    /// Event streams at one time. Above: 503. An idle stream is not in the poll set.
    package var streams = 128
    /// Event streams of one address. Above: 503. A page has one or two, so this fits an office behind one address.
    package var streamsPerAddress = 32
    /// Milliseconds without an event after which a stream sends a comment. Shorter than the timeouts of common proxies.
    package var heartbeatMillis: Int64 = 10_000

    package init() {}
}
