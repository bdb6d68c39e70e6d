internal import Synchronization
internal import Telemetry

/// `/1/events`: gives each client its place in the ring, and wakes them all when there is more to read.
final class EventStreams: EventStreamSource {
    private let ring: EventRing
    private let sleepers = Mutex<[ObjectIdentifier: Suspension]>([:])

    init(ring: EventRing) { self.ring = ring }

    func open(_ request: EventStreamRequest, suspension: Suspension) throws(HTTPError) -> any EventStream {
        let wish: EventWish
        do throws(QueryFault) {
            wish = try EventWish(parsing: request.query, lastEventID: request.lastEventID)
        } catch {
            throw HTTPError(error)
        }
        let cursor = EventCursor(
            ring, wish.filter, after: wish.lastID, isLost: wish.isLost, at: Clock.monotonicMillis)
        let stream = OpenStream(cursor) { [self] stream in
            _ = sleepers.withLock { $0.removeValue(forKey: ObjectIdentifier(stream)) }
        }
        sleepers.withLock { $0[ObjectIdentifier(stream)] = suspension }
        return stream
    }

    /// There may be something new to read. Any thread.
    func wakeAll() {
        // Outside of the lock: who is woken may leave at once.
        for suspension in sleepers.withLock({ Array($0.values) }) { suspension.wake() }
    }

    /// The numbers of now, for all who want them.
    func publish(_ summary: FeedSummary) {
        ring.publish(summary)
        wakeAll()
    }
}

/// What a request for `/1/events` asks: `?types=share,joined&worker=NAME&last-event-id=ID`.
struct EventWish: Equatable, Sendable {
    var filter: EventFilter
    /// The last event that the client has seen.
    var lastID: EventID?
    /// It has seen something, but its id is none of ours: of another program that was here before, say. A refusal would
    /// end an `EventSource` for good, a gap tells it all that there is to say.
    var isLost = false

    init(filter: EventFilter, lastID: EventID?) {
        self.filter = filter
        self.lastID = lastID
    }

    /// What `types` may be, as a regular expression.
    static var typesPattern: String {
        let names = FeedEvent.Kind.allCases.map { "\($0.name)" }.joined(separator: "|")
        return "^(\(names))(,(\(names)))*$"
    }

    /// - Parameters:
    ///   - query: what stands after the `?`, as it came. Parameters with other names are ignored.
    ///   - lastEventID: the header, which browsers send when they come again; it is newer than the address.
    init(parsing query: String, lastEventID: String?) throws(QueryFault) {
        let parameters = try QueryParameters(parsing: query)
        var kinds = FeedEvent.Kind.allCases
        if let names = try parameters.text("types") {
            kinds = []
            for name in names.split(separator: ",", omittingEmptySubsequences: false) {
                guard let kind = FeedEvent.Kind(name: name) else {
                    let names = FeedEvent.Kind.allCases.map { "\($0.name)" }.joined(separator: ", ")
                    throw QueryFault(parameter: "types", expectation: "a comma-separated list of: \(names)")
                }
                kinds.append(kind)
            }
        }
        filter = EventFilter(kinds: kinds, worker: try parameters.text("worker"))
        let parameter = try parameters.text("last-event-id")
        let text = lastEventID ?? parameter
        // An empty one is what a browser has that has not seen any.
        guard let text, !text.isEmpty else { return }
        lastID = EventID(text)
        isLost = lastID == nil
    }
}

/// One client's stream, as the server pulls it.
private final class OpenStream: EventStream {
    private let cursor: Mutex<EventCursor>
    private let whenClosed: @Sendable (OpenStream) -> Void

    init(_ cursor: EventCursor, whenClosed: @escaping @Sendable (OpenStream) -> Void) {
        self.cursor = Mutex(cursor)
        self.whenClosed = whenClosed
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> EventStreamPiece {
        // Used within the call only, by its thread: what the compiler cannot see through the lock.
        nonisolated(unsafe) let buffer = buffer
        let count = cursor.withLock { $0.read(into: buffer, at: Clock.monotonicMillis) }
        return count > 0 ? .bytes(count) : .nothingYet
    }

    func askForHeartbeat() { cursor.withLock { $0.keepAlive() } }
    func closed() { whenClosed(self) }
}

extension HTTPError {
    init(_ fault: QueryFault) { self.init(.badRequest, message: "\(fault)") }
}
