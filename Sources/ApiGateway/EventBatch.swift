internal import Synchronization
internal import Telemetry

/// Events that arrived together, and their text, written by the first client that comes by and shared with those who
/// are as far as it is.
final class EventBatch: Sendable {
    /// The text of the whole batch.
    private struct Text: Sendable {
        var bytes: [UInt8] = []
        /// Where the text of each event ends.
        var ends: [Int] = []
    }

    private enum Writing: Sendable {
        case notYet
        case done(Text)
        /// The batch is old: whoever still reads it writes for itself, so that old texts take no memory.
        case everyoneForItself
    }

    /// Events of one batch at most, so that writing one of them holds up nobody for long.
    static let eventsMax = 256

    /// The place of the first event in the ring; the others follow one by one.
    let place: UInt64
    /// Of the first event; the others' sequence numbers follow one by one. nil: they are not of the stream.
    let id: EventID?
    let events: [FeedEvent]
    /// What it takes of the ring's bound.
    let byteCount: Int
    private let text = Mutex(Writing.notYet)

    init(place: UInt64, id: EventID?, events: [FeedEvent]) {
        self.place = place
        self.id = id
        self.events = events
        byteCount = events.reduce(EventBatch.ownBytes) { $0 + $1.byteCount }
    }

    /// Stands where one was that is not kept any more.
    static let gone = EventBatch(place: 0, id: nil, events: [])

    /// The object, its array's head and its place in the ring.
    private static let ownBytes = 192

    /// The place after the last event.
    var end: UInt64 { place + UInt64(events.count) }

    /// From now on the text is not kept.
    func growOld() { text.withLock { $0 = .everyoneForItself } }

    /// Appends the text of events that pass, from `start` on, until there are `bytesMax` bytes or a bit more.
    /// - Returns: the place to go on from.
    func append(from start: UInt64, _ filter: EventFilter, to bytes: inout [UInt8], bytesMax: Int) -> UInt64 {
        var index = Int(start - place)
        let shared: Text? = text.withLock { writing in
            switch writing {
            case .done(let text): return text
            case .everyoneForItself: return nil
            case .notYet:
                let text = written()
                writing = .done(text)
                return text
            }
        }
        while index < events.count, bytes.count < bytesMax {
            if filter.passes(events[index]) {
                if let shared {
                    let begin = index == 0 ? 0 : shared.ends[index - 1]
                    bytes.append(contentsOf: shared.bytes[begin..<shared.ends[index]])
                } else {
                    EventText.append(events[index], id: id(of: index), to: &bytes)
                }
            }
            index += 1
        }
        return place + UInt64(index)
    }

    private func written() -> Text {
        var text = Text()
        text.bytes.reserveCapacity(events.count * 320)  // a share takes so much
        text.ends.reserveCapacity(events.count)
        for index in events.indices {
            EventText.append(events[index], id: id(of: index), to: &text.bytes)
            text.ends.append(text.bytes.count)
        }
        return text
    }

    private func id(of index: Int) -> EventID? {
        id.map { EventID(epoch: $0.epoch, sequence: $0.sequence + UInt64(index)) }
    }
}
