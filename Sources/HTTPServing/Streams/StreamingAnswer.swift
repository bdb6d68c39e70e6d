internal import Addresses
internal import Synchronization

/// One event stream as libmicrohttpd reads it.
final class StreamingAnswer: Sendable {
    private let stream: any EventStream
    let client: Network?
    let socket: Int32
    private let suspension: Suspension
    private let isFinishing = Atomic<Bool>(false)
    private let lastReadMillis: Atomic<Int64>

    init(
        stream: any EventStream, client: Network?, socket: Int32, suspension: Suspension, at now: Int64
    ) {
        self.stream = stream
        self.client = client
        self.socket = socket
        self.suspension = suspension
        lastReadMillis = Atomic(now)
    }

    /// When the client last read, in monotonic milliseconds.
    var lastRead: Int64 { lastReadMillis.load(ordering: .relaxed) }

    /// Writes the next bytes into `buffer`.
    /// - Returns: what `MHD_ContentReaderCallback` requires: a count, 0 when suspended, or -1 at the end.
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

    /// Requests a heartbeat if the client has received nothing for `silenceMillis`.
    func keepAlive(at now: Int64, silenceMillis: Int64) {
        guard now - lastRead >= silenceMillis else { return }
        stream.requestHeartbeat()
        suspension.wake()
    }

    /// Ends the stream at its next read.
    func finish() {
        isFinishing.store(true, ordering: .releasing)
        suspension.wake()
    }

    /// The request has ended.
    func closed() {
        suspension.end()
        stream.closed()
    }
}
