internal import ApiDocuments
internal import Synchronization
internal import Telemetry

/// Events that arrived together, and their text. The first client that reads the batch writes the text; the others
/// share it.
final class EventBatch: Sendable {
    /// The text of the whole batch.
    private struct Text: Sendable {
        var bytes: [UInt8] = []
        /// Where the text of each event ends.
        var ends: [Int] = []
    }

    private enum TextState: Sendable {
        case notWritten
        case written(Text)
        /// The batch is old: each client that reads it writes for itself, so that old texts use no memory.
        case notShared
    }

    /// Events of one batch, so that writing one delays no client for long.
    static let eventsMax = 256

    /// The position of the first event in the ring; the others follow.
    let place: UInt64
    /// The id of the first event; the sequence numbers of the others follow. nil: the events are not in the stream.
    let id: EventID?
    let events: [FeedEvent]
    /// Bytes that it counts for the limit of the ring.
    let byteCount: Int
    private let text = Mutex(TextState.notWritten)

    init(place: UInt64, id: EventID?, events: [FeedEvent]) {
        self.place = place
        self.id = id
        self.events = events
        byteCount = events.reduce(EventBatch.ownBytes) { $0 + $1.byteCount }
    }

    /// Takes the place of a batch that was removed.
    static let removed = EventBatch(place: 0, id: nil, events: [])

    /// The object, the head of its array and its place in the ring.
    private static let ownBytes = 192

    /// The position after the last event.
    var end: UInt64 { place + UInt64(events.count) }

    /// From now on the text is not kept.
    func stopSharingText() { text.withLock { $0 = .notShared } }

    /// Appends the text of the events that the filter includes, from `start` on, until there are at least `bytesMax`
    /// bytes.
    /// - Returns: the position to continue at.
    func append(from start: UInt64, _ filter: EventFilter, to bytes: inout [UInt8], bytesMax: Int) -> UInt64 {
        var index = Int(start - place)
        let shared: Text? = text.withLock { state in
            switch state {
            case .written(let text): return text
            case .notShared: return nil
            case .notWritten:
                let text = writeText()
                state = .written(text)
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

    private func writeText() -> Text {
        var text = Text()
        text.bytes.reserveCapacity(events.count * 320)  // the length of a share
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
