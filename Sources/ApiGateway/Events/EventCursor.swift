internal import ApiDocuments

/// The position of one client of `/1/events` in the ring, and its filter. Its memory does not depend on how far behind
/// it is. Times are monotonic milliseconds.
struct EventCursor: Sendable {
    /// Milliseconds that a client that resumes waits for a gateway that is still catching up with the stream.
    static let resumeWaitMillis: Int64 = 5_000
    /// Bytes of text that are prepared at once.
    private static let portionBytes = 16 * 1024

    private enum Place {
        case at(UInt64)
        /// The last event that the client received, and until when it is searched for.
        case after(EventID, until: Int64)
    }

    private let ring: EventRing
    private let filter: EventFilter
    private var place: Place
    private var summaryNumber: UInt64 = 0
    /// The prepared text; sent up to `sent`.
    private var text: [UInt8] = EventText.opening
    private var sent = 0
    private var owesHeartbeat = false

    /// - Parameters:
    ///   - id: the last event that the client has received; nil = it gets the events from now on.
    ///   - isLost: the client has received events before, but its id is unknown: it gets a gap first.
    init(_ ring: EventRing, _ filter: EventFilter, after id: EventID?, isLost: Bool = false, at now: Int64) {
        self.ring = ring
        self.filter = filter
        place = id.map { .after($0, until: now + EventCursor.resumeWaitMillis) } ?? .at(ring.end)
        if isLost { appendGap(nil) }
    }

    /// Writes the next text into `buffer`, as much as fits.
    /// - Returns: the number of bytes; 0 = there is nothing now.
    mutating func read(into buffer: UnsafeMutableRawBufferPointer, at now: Int64) -> Int {
        if sent == text.count { refill(at: now) }
        let count = min(buffer.count, text.count - sent)
        text.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[sent..<sent + count])) }
        sent += count
        return count
    }

    /// The next `read` returns at least a comment.
    mutating func requestHeartbeat() { owesHeartbeat = true }

    private mutating func refill(at now: Int64) {
        text.removeAll(keepingCapacity: true)
        sent = 0
        if case .after(let id, let deadline) = place { resume(after: id, hasTimedOut: now >= deadline) }
        if case .at(let place) = place { self.place = .at(appendEvents(from: place)) }
        if filter.wantsSummary, let (summary, number) = ring.summary(after: summaryNumber) {
            EventText.append(summary, to: &text)
            summaryNumber = number
        }
        if text.isEmpty && owesHeartbeat { text.append(contentsOf: EventText.keepAlive) }
        if !text.isEmpty { owesHeartbeat = false }
    }

    private mutating func resume(after id: EventID, hasTimedOut: Bool) {
        switch ring.resumption(after: id) {
        case .at(let place): self.place = .at(place)
        case .behindGap(let place, let missed):
            appendGap(missed)
            self.place = .at(place)
        case .notKnownYet where hasTimedOut:
            appendGap(nil)
            place = .at(ring.end)
        case .notKnownYet: break
        }
    }

    private mutating func appendEvents(from start: UInt64) -> UInt64 {
        var place = start
        while text.count < EventCursor.portionBytes {
            switch ring.reading(at: place) {
            case .nothingYet: return place
            case .removed(let oldest):
                appendGap(oldest - place)
                place = oldest
            case .batch(let batch):
                place = batch.append(from: place, filter, to: &text, bytesMax: EventCursor.portionBytes)
            }
        }
        return place
    }

    private mutating func appendGap(_ missed: UInt64?) { EventText.append(.gap(missed: missed), id: nil, to: &text) }
}
