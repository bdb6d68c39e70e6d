internal import ApiDocuments
internal import Synchronization
internal import Telemetry

/// The latest events, for all clients of `/1/events`. One thread appends; any may read.
///
/// The ring keeps the records, a third of the size of their text. The text of new events is written once, when the
/// first client reads them; without clients none is written. A slow client never makes the ring longer: it falls behind
/// the oldest event and gets a gap.
final class EventRing: Sendable {
    /// At 1,000 shares a second a client may be disconnected for a minute and a half.
    static let bytesMaxDefault = 8 * 1024 * 1024
    /// Bytes of records whose text is kept: 7,000 shares, 2 MiB of text. A client that is further behind writes the
    /// text for itself.
    static let freshBytesMaxDefault = 512 * 1024

    /// What there is at a position.
    enum Reading {
        case batch(EventBatch)
        /// The event was removed; `oldest` is the position of the oldest one that is kept.
        case removed(oldest: UInt64)
        /// The event has not arrived.
        case nothingYet
    }

    fileprivate struct State: Sendable {
        let bytesMax: Int
        let freshBytesMax: Int
        /// In order; those before `head` were removed.
        var batches: [EventBatch] = []
        var head = 0
        /// The first batch whose text is kept.
        var fresh = 0
        var byteCount = 0
        var freshBytes = 0
        /// The position of the next event.
        var end: UInt64 = 0
        /// The position in the stream of the collector.
        var position: (epoch: Epoch, next: UInt64)?
        /// No events are known to be missing.
        var isCaughtUp = false
        var summary: FeedSummary?
        var summaryNumber: UInt64 = 0
    }

    private let state: Mutex<State>

    init(bytesMax: Int = EventRing.bytesMaxDefault, freshBytesMax: Int = EventRing.freshBytesMaxDefault) {
        state = Mutex(State(bytesMax: bytesMax, freshBytesMax: freshBytesMax))
    }

    // MARK: For the thread that appends.

    /// Appends events.
    /// - Parameter id: of the first event; those of the others follow. nil: the events are not in the stream.
    func append(_ events: [FeedEvent], id: EventID?) {
        for first in stride(from: 0, to: events.count, by: EventBatch.eventsMax) {
            let end = min(first + EventBatch.eventsMax, events.count)
            let some = end - first == events.count ? events : Array(events[first..<end])
            let id = id.map { EventID(epoch: $0.epoch, sequence: $0.sequence + UInt64(first)) }
            state.withLock { $0.append(EventBatch(place: $0.end, id: id, events: some)) }
        }
    }

    /// Records the position in the stream of the collector, and whether all available events before it are here.
    func setProgress(position: (epoch: Epoch, next: UInt64)?, isCaughtUp: Bool) {
        state.withLock {
            $0.position = position
            $0.isCaughtUp = isCaughtUp
        }
    }

    /// Replaces the latest summary.
    func publish(_ summary: FeedSummary) {
        state.withLock {
            $0.summary = summary
            $0.summaryNumber += 1
        }
    }

    // MARK: For clients.

    /// The position of the next event.
    var end: UInt64 { state.withLock { $0.end } }

    func reading(at place: UInt64) -> Reading { state.withLock { $0.reading(at: place) } }

    /// The latest summary and its number; nil if it is the one with this number.
    func summary(after number: UInt64) -> (FeedSummary, number: UInt64)? {
        state.withLock { state in
            guard let summary = state.summary, state.summaryNumber != number else { return nil }
            return (summary, state.summaryNumber)
        }
    }

    /// Where a client continues that has received everything up to an event.
    enum Resumption: Equatable {
        case at(UInt64)
        /// At this position, and `missed` events before it are lost; nil = an unknown number.
        case behindGap(UInt64, missed: UInt64?)
        /// The gateway is still catching up with the stream: try again later.
        case notKnownYet
    }

    func resumption(after id: EventID) -> Resumption { state.withLock { $0.resumption(after: id) } }
}

extension EventRing.State {
    private var oldest: UInt64 { head < batches.count ? batches[head].place : end }

    fileprivate mutating func append(_ batch: EventBatch) {
        batches.append(batch)
        end = batch.end
        byteCount += batch.byteCount
        freshBytes += batch.byteCount
        while freshBytes > freshBytesMax, fresh < batches.count - 1 {
            batches[fresh].stopSharingText()
            freshBytes -= batches[fresh].byteCount
            fresh += 1
        }
        while byteCount > bytesMax, head < batches.count - 1 {
            byteCount -= batches[head].byteCount
            if fresh == head {
                freshBytes -= batches[head].byteCount
                fresh += 1
            }
            // Releases the batch at once; its place in the array is removed later.
            batches[head] = .removed
            head += 1
        }
        // Rarely, so that removing one from the front costs little on average.
        if head > 1_024, head > batches.count / 2 {
            batches.removeFirst(head)
            fresh -= head
            head = 0
        }
    }

    fileprivate func reading(at place: UInt64) -> EventRing.Reading {
        if place >= end { return .nothingYet }
        if place < oldest { return .removed(oldest: oldest) }
        var (low, high) = (head, batches.count - 1)
        while low < high {
            let middle = low + (high - low) / 2
            if batches[middle].end > place { high = middle } else { low = middle + 1 }
        }
        return .batch(batches[low])
    }

    fileprivate func resumption(after id: EventID) -> EventRing.Resumption {
        let wanted = id.sequence + 1
        let known = position.flatMap { $0.epoch == id.epoch ? $0.next : nil }
        // The client has received more than this gateway, or invented the id.
        if let known, wanted > known { return isCaughtUp ? .behindGap(end, missed: nil) : .notKnownYet }
        // From the newest, where most clients continue. The search runs once for each connect.
        var next: (place: UInt64, sequence: UInt64)?
        for batch in batches[head...].reversed() {
            guard let first = batch.id, first.epoch == id.epoch else { continue }
            // The end of the batch. If events are lost there, the gap has its own position.
            if wanted >= first.sequence + UInt64(batch.events.count) { return .at(batch.end) }
            if wanted >= first.sequence { return .at(batch.place + (wanted - first.sequence)) }
            next = (batch.place, first.sequence)
        }
        if let next { return .behindGap(next.place, missed: next.sequence - wanted) }
        if let known { return known == wanted ? .at(end) : .behindGap(end, missed: known - wanted) }
        // An earlier epoch of the collector: all events that are kept came after it.
        return isCaughtUp ? .behindGap(oldest, missed: nil) : .notKnownYet
    }
}
