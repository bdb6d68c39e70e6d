internal import Addresses
internal import CMicrohttpd
internal import Synchronization

/// The streams that clients read just now.
final class OpenStreams: Sendable {
    private struct Table {
        var isClosed = false
        var streams: [ObjectIdentifier: StreamingAnswer] = [:]

        func count(of client: Network?) -> Int { streams.values.count { $0.client == client } }
    }

    private let limits: GatewayLimits
    private let table = Mutex(Table())

    init(limits: GatewayLimits) {
        self.limits = limits
    }

    var count: Int { table.withLock { $0.streams.count } }

    /// Takes in one more; throws 503 when there are too many, in all or of this client, or none are taken any more.
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
        // Two threads may have passed the check for the last place: one too many does no harm.
        table.withLock {
            if $0.isClosed { answer.finish() }
            $0.streams[ObjectIdentifier(answer)] = answer
        }
        return answer
    }

    /// The client is gone, or has it all.
    func close(_ answer: StreamingAnswer) {
        _ = table.withLock { $0.streams.removeValue(forKey: ObjectIdentifier(answer)) }
        answer.closed()
    }

    /// Call about once a second: whoever has heard nothing for long hears something.
    /// - Parameter report: told for each stream when its client took something last; must not come back here.
    func keepAlive(at now: Int64, report: (_ socket: Int32, _ lastRead: Int64) -> Void) {
        let streams = table.withLock {
            // Within the lock: a stream leaves the table before its socket is closed and its number is used again.
            for stream in $0.streams.values { report(stream.socket, stream.lastRead) }
            return Array($0.streams.values)
        }
        // Outside of it: a stream that is woken may end at once, and wants to leave the table.
        for stream in streams { stream.keepAlive(at: now, silenceMillis: limits.heartbeatMillis) }
    }

    /// Ends all, and takes in no more.
    func finishAll() {
        let streams = table.withLock {
            $0.isClosed = true
            return Array($0.streams.values)
        }
        for stream in streams { stream.finish() }
    }
}

/// One stream as libmicrohttpd pulls it.
final class StreamingAnswer: Sendable {
    private let stream: any EventStream
    fileprivate let client: Network?
    fileprivate let socket: Int32
    private let suspension: Suspension
    private let isFinishing = Atomic<Bool>(false)
    private let lastReadMillis: Atomic<Int64>

    fileprivate init(
        stream: any EventStream, client: Network?, socket: Int32, suspension: Suspension, at now: Int64
    ) {
        self.stream = stream
        self.client = client
        self.socket = socket
        self.suspension = suspension
        lastReadMillis = Atomic(now)
    }

    fileprivate var lastRead: Int64 { lastReadMillis.load(ordering: .relaxed) }

    /// The answer's bytes: as `MHD_ContentReaderCallback` wants them.
    func pull(into buffer: UnsafeMutableRawBufferPointer, at now: Int64) -> Int {
        while true {
            if isFinishing.load(ordering: .acquiring) { return -1 }  // MHD_CONTENT_READER_END_OF_STREAM
            switch stream.read(into: buffer) {
            case .bytes(let count):
                lastReadMillis.store(now, ordering: .relaxed)
                return count
            case .nothingYet: if suspension.suspend() { return 0 }
            case .end: return -1
            }
        }
    }

    fileprivate func keepAlive(at now: Int64, silenceMillis: Int64) {
        guard now - lastRead >= silenceMillis else { return }
        stream.askForHeartbeat()
        suspension.wake()
    }

    fileprivate func finish() {
        isFinishing.store(true, ordering: .releasing)
        suspension.wake()
    }

    fileprivate func closed() {
        suspension.end()
        stream.closed()
    }
}
