internal import Addresses
internal import CMicrohttpd
internal import Synchronization

/// The event streams that are open.
final class OpenStreams: Sendable {
    private struct Table {
        var isClosed = false
        var streams: [ObjectIdentifier: StreamingAnswer] = [:]

        func count(of client: Network?) -> Int { streams.values.count { $0.client == client } }
    }

    private let limits: HTTPLimits
    private let table = Mutex(Table())

    init(limits: HTTPLimits) {
        self.limits = limits
    }

    /// Opens a stream. Throws 503 if too many are open, in all or of this client, or the server is stopping.
    func open(
        on connection: OpaquePointer, of client: Network?, at now: Int64,
        _ open: (Suspension) throws(HTTPError) -> any EventStream
    ) throws(HTTPError) -> StreamingAnswer {
        guard table.withLock({ !$0.isClosed && $0.streams.count < limits.streams }) else {
            throw HTTPError(
                .serviceUnavailable, message: "Too many event streams (limit \(limits.streams)).")
        }
        guard table.withLock({ $0.count(of: client) < limits.streamsPerAddress }) else {
            throw HTTPError(
                .serviceUnavailable,
                message: "Too many event streams from this address (limit \(limits.streamsPerAddress)).")
        }
        let suspension = Suspension(connection: connection)
        let answer = StreamingAnswer(
            stream: try open(suspension), client: client, socket: cmhd_socket(connection), suspension: suspension,
            at: now)
        // Two threads may have passed the check for the last place: one stream too many does no harm.
        table.withLock {
            if $0.isClosed { answer.finish() }
            $0.streams[ObjectIdentifier(answer)] = answer
        }
        return answer
    }

    /// The client has disconnected, or has read the whole stream.
    func close(_ answer: StreamingAnswer) {
        _ = table.withLock { $0.streams.removeValue(forKey: ObjectIdentifier(answer)) }
        answer.closed()
    }

    /// Sends a heartbeat on each idle stream. Call about once a second.
    /// - Parameter report: called for each stream with the time at which its client last read; must not call this type.
    func keepAlive(at now: Int64, report: (_ socket: Int32, _ lastRead: Int64) -> Void) {
        let streams = table.withLock {
            // Within the lock: a stream leaves the table before its socket is closed and its number is reused.
            for stream in $0.streams.values { report(stream.socket, stream.lastRead) }
            return Array($0.streams.values)
        }
        // Outside of it: a stream that is woken may end at once and leave the table.
        for stream in streams { stream.keepAlive(at: now, silenceMillis: limits.heartbeatMillis) }
    }

    /// Ends all streams, and opens no more.
    func finishAll() {
        let streams = table.withLock {
            $0.isClosed = true
            return Array($0.streams.values)
        }
        for stream in streams { stream.finish() }
    }
}
