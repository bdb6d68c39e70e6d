internal import Synchronization
internal import Telemetry

/// The latest events, for the clients of `/1/events`: one ring for all of them, in which each has a place. One thread
/// appends; any may read.
///
/// Kept are the records, a third of the size of their text. The text of what is new is written once, when the first
/// client wants it; when nobody listens none is. A client that is slow falls behind the tail, which it is told; it never
/// makes the ring longer.
final class EventRing: Sendable {
    /// At a thousand shares a second a client may be cut off for a minute and a half.
    static let bytesMaxDefault = 8 * 1024 * 1024
    /// Records of which the text is kept: seven thousand shares, 2 MiB of text. Whoever is further behind writes what
    /// he reads himself.
    static let freshBytesMaxDefault = 512 * 1024

    /// What is to be read at a place.
    enum Reading {
        case batch(EventBatch)
        /// It is gone; the oldest that is kept.
        case gone(oldest: UInt64)
        /// It is yet to come.
        case nothingYet
    }

    fileprivate struct State: Sendable {
        let bytesMax: Int
        let freshBytesMax: Int
        /// In order; those before `head` are gone.
        var batches: [EventBatch] = []
        var head = 0
        /// The first of which the text is kept.
        var fresh = 0
        var byteCount = 0
        var freshBytes = 0
        /// The place of the next event.
        var end: UInt64 = 0
        /// How far the stream has been seen.
        var position: (epoch: Epoch, next: UInt64)?
        /// Nothing is known to be missing.
        var isCaughtUp = false
        var summary: FeedSummary?
        var summaryNumber: UInt64 = 0
    }

    private let state: Mutex<State>

    init(bytesMax: Int = EventRing.bytesMaxDefault, freshBytesMax: Int = EventRing.freshBytesMaxDefault) {
        state = Mutex(State(bytesMax: bytesMax, freshBytesMax: freshBytesMax))
    }

    // MARK: For the thread that appends.

    /// - Parameter id: of the first event; the others follow one by one. nil: they are not of the stream.
    func append(_ events: [FeedEvent], id: EventID?) {
        for first in stride(from: 0, to: events.count, by: EventBatch.eventsMax) {
            let end = min(first + EventBatch.eventsMax, events.count)
            let some = end - first == events.count ? events : Array(events[first..<end])
            let id = id.map { EventID(epoch: $0.epoch, sequence: $0.sequence + UInt64(first)) }
            state.withLock { $0.append(EventBatch(place: $0.end, id: id, events: some)) }
        }
    }

    /// How far the stream has come, and whether all of it that can be had is here.
    func note(position: (epoch: Epoch, next: UInt64)?, isCaughtUp: Bool) {
        state.withLock {
            $0.position = position
            $0.isCaughtUp = isCaughtUp
        }
    }

    func publish(_ summary: FeedSummary) {
        state.withLock {
            $0.summary = summary
            $0.summaryNumber += 1
        }
    }

    // MARK: For clients.

    /// The place of the next event.
    var end: UInt64 { state.withLock { $0.end } }

    func reading(at place: UInt64) -> Reading { state.withLock { $0.reading(at: place) } }

    /// The latest summary, if it is not the one with this number.
    func summary(after number: UInt64) -> (FeedSummary, number: UInt64)? {
        state.withLock { state in
            guard let summary = state.summary, state.summaryNumber != number else { return nil }
            return (summary, state.summaryNumber)
        }
    }

    /// Where a client goes on that has seen everything up to an event.
    enum Resumption: Equatable {
        case at(UInt64)
        /// From this place on, and so many events before it are gone; nil = nobody knows how many.
        case behindGap(UInt64, missed: UInt64?)
        /// The stream is still being caught up with: ask again.
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
            batches[fresh].growOld()
            freshBytes -= batches[fresh].byteCount
            fresh += 1
        }
        while byteCount > bytesMax, head < batches.count - 1 {
            byteCount -= batches[head].byteCount
            if fresh == head {
                freshBytes -= batches[head].byteCount
                fresh += 1
            }
            // Its place in the array may stand for long; it itself goes at once.
            batches[head] = .gone
            head += 1
        }
        // Now and then, so that taking one off the front costs nothing on average.
        if head > 1_024, head > batches.count / 2 {
            batches.removeFirst(head)
            fresh -= head
            head = 0
        }
    }

    fileprivate func reading(at place: UInt64) -> EventRing.Reading {
        if place >= end { return .nothingYet }
        if place < oldest { return .gone(oldest: oldest) }
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
        // It has seen more than we have, or is not honest.
        if let known, wanted > known { return isCaughtUp ? .behindGap(end, missed: nil) : .notKnownYet }
        // From the newest, where most go on; a walk through all is one for each connect.
        var next: (place: UInt64, sequence: UInt64)?
        for batch in batches[head...].reversed() {
            guard let first = batch.id, first.epoch == id.epoch else { continue }
            // Where the batch ends. If events are lost there, the gap has a place of its own.
            if wanted >= first.sequence + UInt64(batch.events.count) { return .at(batch.end) }
            if wanted >= first.sequence { return .at(batch.place + (wanted - first.sequence)) }
            next = (batch.place, first.sequence)
        }
        if let next { return .behindGap(next.place, missed: next.sequence - wanted) }
        if let known { return known == wanted ? .at(end) : .behindGap(end, missed: known - wanted) }
        // Of another life of the collector: all that is kept came after it.
        return isCaughtUp ? .behindGap(oldest, missed: nil) : .notKnownYet
    }
}
