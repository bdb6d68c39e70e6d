/// The receiving side of the bus. It passes every event of a shard once and in order, and detects missing events.
///
/// Frames can arrive late, twice or not at all, and the shard can be a new process. The gate knows the next expected
/// sequence number (`next`) and the end of the stream as far as known (`end`). It passes a frame that continues the
/// stream. It holds a frame that is ahead and requests a replay of the gap. It ignores events that it passed before. A
/// shard that no longer has the missing events answers with `LiveMiners`: only then do they count as lost, and the next
/// checkpoint corrects the totals.
///
/// A different epoch means another process of the shard. The epochs do not show which one is newer, and frames of a
/// crashed process can be read after its successor's answer. So a frame of an unknown epoch waits (`Stranger`), and the
/// gate makes a request. The epoch that answers a request made when both the unknown and the current epoch were already
/// known is newer than both. It becomes the current one, and all other unknown epochs of that time are over. An epoch
/// never becomes current again.
public struct SequenceGate: Sendable {
    /// A change for the fold, in order.
    public enum Delivery: Equatable, Sendable {
        /// The shard is a new process, which knows nothing of the former one's miners.
        case epochBegan(Epoch)
        /// Events that were not passed before, in order.
        case events(Epoch, ArraySlice<ShardEvent>)
        /// Events are lost for good, or happened before this process started. Exactly these miners are connected.
        case liveMiners(Epoch, [MinerJoined])
        /// The number of events that happened and cannot be received. 0 = unknown, possibly none: the epoch ended
        /// without its last checkpoint (`Checkpoint.isLast`).
        case lost(Epoch, UInt64)
    }

    /// The time after which an unanswered request is repeated. A shard answers in its next loop turn.
    public static let answerMillisecondsMax: UInt64 = 1_000
    /// Events held behind a gap or of unknown epochs: two seconds of a very busy shard. Frames beyond this are dropped
    /// and replayed.
    static let heldEventsMax = 32_768
    /// Former epochs whose late frames are still passed. Two restarts within one bus delay are rare; four mean that the
    /// shard keeps crashing.
    static let formerMax = 4
    /// Older epochs: they are remembered so that they do not appear as new, and their late events are reported as lost.
    /// The gate would only be wrong if the bus delayed a frame through this number of restarts.
    static let departedMax = 1_024
    /// Unknown epochs within one round trip. Frames of further ones are dropped; the one that is running sends more.
    static let strangersMax = 4

    struct Stream: Sendable {
        let epoch: Epoch
        /// The sequence number of the first event that was not passed.
        var next: UInt64 = 0
        /// The sequence number after the last event known to have happened.
        var end: UInt64 = 0
        /// Its last checkpoint was passed: nothing is missing after it.
        var isOver = false
    }

    /// An epoch that has not answered a request yet.
    struct Stranger: Sendable {
        let epoch: Epoch
        /// The number of the last request made before its first frame.
        let heardAfter: UInt32
        var end: UInt64 = 0
        var frames: [EventFrame] = []
    }

    public let shard: UInt16
    /// Events passed from answers to requests, most of them missed at first.
    public private(set) var replayedCount: UInt64 = 0
    var current: Stream?
    var former: [Stream] = []
    var departed: [Stream] = []
    var strangers: [Stranger] = []
    /// Frames behind a gap of the current stream.
    var held: [EventFrame] = []
    var heldCount = 0
    var asked: (from: UInt64, at: UInt64)?
    /// The number of the latest request, and its value when the current epoch began.
    var requests: UInt32 = 0
    var begunAfter: UInt32 = 0
    /// True until the first delivery: earlier events of the stream are history, not losses.
    var isNewcomer = true
    /// True until the current epoch has answered a request: the shard may have been restarted.
    var isInDoubt = false

    /// A receiver without any state.
    public init(shard: UInt16) {
        self.shard = shard
    }

    /// A receiver that continues from the `position` of an earlier process.
    public init(shard: UInt16, resuming epoch: Epoch, next: UInt64) {
        self.shard = shard
        if epoch != .unknown { current = Stream(epoch: epoch, next: next, end: next) }
        isNewcomer = false
        isInDoubt = true
    }

    /// The position from which the stream continues; the receiver has everything before it. `(.unknown, 0)` after the
    /// last checkpoint of an epoch: the start of the next one, whose epoch is not known yet.
    public var position: (epoch: Epoch, next: UInt64)? {
        guard let current else { return isNewcomer ? nil : (.unknown, 0) }
        return current.isOver ? (.unknown, 0) : (current.epoch, current.next)
    }

    /// True while events are known to be missing, or it is unknown which epoch is current.
    public var isBehind: Bool {
        isInDoubt || !strangers.isEmpty || current.map { $0.next < $0.end } ?? true
    }

    /// Whether `epoch` is that of the current process.
    public func isCurrent(_ epoch: Epoch) -> Bool { current?.epoch == epoch }

    // MARK: - Messages

    /// Processes a message and returns its deliveries. Messages of other shards are ignored.
    public mutating func receive(_ message: BusMessage) -> [Delivery] {
        switch message {
        case .events(let frame): receive(frame)
        case .liveMiners(let live): receive(live)
        case .replayEnd(let end): receive(end)
        case .gauges: []  // not part of the stream
        case .replay, .acknowledge: []  // sent in the other direction
        }
    }

    private mutating func receive(_ frame: EventFrame) -> [Delivery] {
        guard frame.shard == shard, !frame.events.isEmpty else { return [] }
        var news: [Delivery] = []
        guard meet(frame.epoch, answering: frame.request, &news) else {
            takeAside(frame, &news)
            return news
        }
        guard var stream = current else { return news }
        stream.end = max(stream.end, frame.end)
        if frame.first > stream.next {
            current = stream
            hold(frame)
            return news
        }
        pass(frame, &stream, &news)
        isNewcomer = false
        current = stream
        passHeld(&news)
        return news
    }

    private mutating func receive(_ live: LiveMiners) -> [Delivery] {
        guard live.shard == shard else { return [] }
        var news: [Delivery] = []
        guard meet(live.epoch, answering: live.request, &news) else { return news }
        // Not after `next`: a late answer, whose events have been passed.
        guard var stream = current, live.from > stream.next else { return news }
        if !isNewcomer { news.append(.lost(live.epoch, live.from - stream.next)) }
        isNewcomer = false
        stream.next = live.from
        stream.end = max(stream.end, live.from)
        current = stream
        news.append(.liveMiners(live.epoch, live.miners))
        passHeld(&news)
        return news
    }

    private mutating func receive(_ end: ReplayEnd) -> [Delivery] {
        guard end.shard == shard else { return [] }
        var news: [Delivery] = []
        guard meet(end.epoch, answering: end.request, &news), var stream = current else { return news }
        stream.end = max(stream.end, end.end)
        current = stream
        // There are more events: ask at once. If the answer had nothing new, the timeout decides.
        if let asked, asked.from < stream.next { self.asked = nil }
        return news
    }

    // MARK: - Requests

    /// The request to be made now, if any. Call it after each round of `receive` and about once a second.
    /// - Parameter now: monotonic milliseconds.
    public mutating func requestDue(at now: UInt64) -> ReplayRequest? {
        guard isBehind else {
            asked = nil
            return nil
        }
        if let asked, now >= asked.at, now - asked.at < SequenceGate.answerMillisecondsMax { return nil }
        asked = (current?.next ?? 0, now)
        requests &+= 1
        // 0 means "no request".
        if requests == 0 { requests = 1 }
        return ReplayRequest(
            shard: shard, epoch: current?.epoch ?? .unknown, from: current?.next ?? 0, number: requests)
    }

    /// The request could not be sent: it is due again with the next call.
    public mutating func requestFailed() {
        asked = nil
    }

    // MARK: - Passing

    private mutating func hold(_ frame: EventFrame) {
        guard heldCount + frame.events.count <= SequenceGate.heldEventsMax else { return }
        held.append(frame)
        heldCount += frame.events.count
    }

    /// Passes the held frames that continue the stream.
    mutating func passHeld(_ news: inout [Delivery]) {
        guard !held.isEmpty, var stream = current else { return }
        held.sort { $0.first < $1.first }
        var passed = 0
        while passed < held.count, held[passed].first <= stream.next {
            pass(held[passed], &stream, &news)
            heldCount -= held[passed].events.count
            passed += 1
        }
        held.removeFirst(passed)
        if passed > 0 { isNewcomer = false }
        current = stream
    }

    /// For a stream whose missing events can no longer be requested.
    mutating func passWithLoss(_ frame: EventFrame, _ stream: inout Stream, _ news: inout [Delivery]) {
        if frame.first > stream.next {
            news.append(.lost(frame.epoch, frame.first - stream.next))
            stream.next = frame.first
        }
        pass(frame, &stream, &news)
    }

    /// - Precondition: the frame does not begin after `stream.next`.
    private mutating func pass(_ frame: EventFrame, _ stream: inout Stream, _ news: inout [Delivery]) {
        guard frame.end > stream.next else { return }
        let events = frame.events.dropFirst(Int(stream.next - frame.first))
        if frame.request != 0 { replayedCount &+= UInt64(events.count) }
        if case .checkpoint(let checkpoint)? = events.last, checkpoint.isLast { stream.isOver = true }
        news.append(.events(frame.epoch, events))
        stream.next = frame.end
        stream.end = max(stream.end, stream.next)
    }
}
