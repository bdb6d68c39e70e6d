/// One client of `/1/events`: where in the ring it is, and what it wants. Its memory does not depend on how far behind it
/// is. Time comes in as monotonic milliseconds.
struct EventCursor: Sendable {
    /// How long a client that resumes waits for a gateway that is itself only just catching up with the stream.
    static let patienceMillis: Int64 = 5_000
    /// Text that is made ready in one go.
    private static let portionBytes = 16 * 1024

    private enum Place {
        case at(UInt64)
        /// The last event that the client saw, and until when it is looked for.
        case after(EventID, until: Int64)
    }

    private let ring: EventRing
    private let filter: EventFilter
    private var place: Place
    private var summaryNumber: UInt64 = 0
    /// Text on its way, from `sent` on.
    private var text: [UInt8] = EventText.opening
    private var sent = 0
    private var owesKeepAlive = false

    /// - Parameters:
    ///   - id: the last event that the client has seen; nil = it wants what happens from now on.
    ///   - isLost: it has seen events before, and nobody can say which: that comes first.
    init(_ ring: EventRing, _ filter: EventFilter, after id: EventID?, isLost: Bool = false, at now: Int64) {
        self.ring = ring
        self.filter = filter
        place = id.map { .after($0, until: now + EventCursor.patienceMillis) } ?? .at(ring.end)
        if isLost { appendGap(nil) }
    }

    /// Writes what comes next into `buffer`, as much as fits.
    /// - Returns: how many bytes; 0 = nothing now.
    mutating func read(into buffer: UnsafeMutableRawBufferPointer, at now: Int64) -> Int {
        if sent == text.count { refill(at: now) }
        let count = min(buffer.count, text.count - sent)
        text.withUnsafeBytes { buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[sent..<sent + count])) }
        sent += count
        return count
    }

    /// The next `read` brings something, if only a comment.
    mutating func keepAlive() { owesKeepAlive = true }

    private mutating func refill(at now: Int64) {
        text.removeAll(keepingCapacity: true)
        sent = 0
        if case .after(let id, let deadline) = place { resume(after: id, isOver: now >= deadline) }
        if case .at(let place) = place { self.place = .at(appendEvents(from: place)) }
        if filter.wantsSummary, let (summary, number) = ring.summary(after: summaryNumber) {
            EventText.append(summary, to: &text)
            summaryNumber = number
        }
        if text.isEmpty && owesKeepAlive { text.append(contentsOf: EventText.keepAlive) }
        if !text.isEmpty { owesKeepAlive = false }
    }

    private mutating func resume(after id: EventID, isOver: Bool) {
        switch ring.resumption(after: id) {
        case .at(let place): self.place = .at(place)
        case .behindGap(let place, let missed):
            appendGap(missed)
            self.place = .at(place)
        case .notKnownYet where isOver:
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
            case .gone(let oldest):
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
