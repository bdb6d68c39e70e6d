internal import ApiDocuments
internal import HTTPServing
internal import Linux
internal import Synchronization

/// `/1/events`: gives each client a cursor in the ring, and wakes all clients when there is more to read.
final class EventStreams: EventStreamSource {
    private let ring: EventRing
    private let suspensions = Mutex<[ObjectIdentifier: Suspension]>([:])

    init(ring: EventRing) { self.ring = ring }

    func open(_ request: EventStreamRequest, suspension: Suspension) throws(HTTPError) -> any EventStream {
        let query: EventQuery
        do throws(QueryFault) {
            query = try EventQuery(parsing: request.query, lastEventID: request.lastEventID)
        } catch {
            throw HTTPError(error)
        }
        let cursor = EventCursor(
            ring, query.filter, after: query.lastID, isLost: query.isLost, at: MonotonicClock.milliseconds)
        let stream = CursorStream(cursor) { [self] stream in
            _ = suspensions.withLock { $0.removeValue(forKey: ObjectIdentifier(stream)) }
        }
        suspensions.withLock { $0[ObjectIdentifier(stream)] = suspension }
        return stream
    }

    /// There may be something to read. Any thread.
    func wakeAll() {
        // Outside of the lock: a stream that is woken may close at once.
        for suspension in suspensions.withLock({ Array($0.values) }) { suspension.wake() }
    }

    /// Sends the latest numbers to all clients that include summaries.
    func publish(_ summary: FeedSummary) {
        ring.publish(summary)
        wakeAll()
    }
}

/// The stream of one client, as the server reads it.
private final class CursorStream: EventStream {
    private let cursor: Mutex<EventCursor>
    private let whenClosed: @Sendable (CursorStream) -> Void

    init(_ cursor: EventCursor, whenClosed: @escaping @Sendable (CursorStream) -> Void) {
        self.cursor = Mutex(cursor)
        self.whenClosed = whenClosed
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> EventStreamPiece {
        // Used by this thread within the call only, which the compiler cannot see through the lock.
        nonisolated(unsafe) let buffer = buffer
        let count = cursor.withLock { $0.read(into: buffer, at: MonotonicClock.milliseconds) }
        return count > 0 ? .bytes(count) : .nothingYet
    }

    func requestHeartbeat() { cursor.withLock { $0.requestHeartbeat() } }
    func closed() { whenClosed(self) }
}
