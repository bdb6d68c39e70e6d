/// The receiver's half of the bus: lets every event of a shard through once, in order, and notices what is missing.
///
/// Frames may come late, twice, or not at all, from a shard that may be another process by now. The gate knows where the
/// stream should go on (`next`) and how far it has been seen to reach (`end`). A frame that fits is let through; one that
/// is ahead is held back, and a request to replay what lies between falls due; what was let through before is ignored.
/// A shard that no longer has the missing events says so with `LiveMiners`: only then they count as lost, and the next
/// checkpoint repairs the totals.
///
/// Another epoch is another life of the shard. Which of two is the later one cannot be seen from them, and what a dead
/// process has sent may be read after its successor's answer. So a frame of an unknown epoch is a stranger's: it waits, and
/// a request goes out. Who answers a request that was made when the stranger, and the present epoch, were known already, is
/// alive after both: that life is the present one from then on, and every stranger that it does not know is over. So an
/// epoch that was left never comes back.
public struct SequenceGate: Sendable {
    /// What the fold is to be told, in order.
    public enum Delivery: Equatable, Sendable {
        /// The shard is another process than before: of the former's miners it knows nothing.
        case epochBegan(Epoch)
        /// Events that were not let through before, in their order.
        case events(Epoch, ArraySlice<ShardEvent>)
        /// Events are missing for good, or were over before this process began. These miners live, whatever was known.
        case liveMiners(Epoch, [MinerJoined])
        /// So many events happened and can never be had. 0 = nobody can know how many, if any: this life of the shard is
        /// over, and it was not heard to its last word (`Checkpoint.isLast`).
        case lost(Epoch, UInt64)
    }

    /// How long an answer may take before the request is made again. A shard answers in its next turn.
    public static let answerMillisecondsMax: UInt64 = 1_000
    /// How many events wait, behind a gap or as a stranger's: two seconds of a very busy shard. What comes beyond is
    /// replayed too.
    static let heldEventsMax = 32_768
    /// Former lives of a shard of which late frames still count. More than one restart within one delay of the bus is
    /// rare, four are a flapping shard.
    static let formerMax = 4
    /// Lives before those: what still comes of them is lost, and they are known not to be new. The bus would have to keep
    /// a frame through so many restarts for the gate to err.
    static let departedMax = 1_024
    /// Lives that may begin within one round trip. Of further ones nothing is kept; the one that lives shows again.
    static let strangersMax = 4

    struct Stream: Sendable {
        let epoch: Epoch
        /// The first sequence number that was not let through.
        var next: UInt64 = 0
        /// The sequence number after the last event known to have happened.
        var end: UInt64 = 0
        /// Its last word was let through: nothing is missing behind it.
        var isOver = false
    }

    /// A life that nobody has answered for yet.
    struct Stranger: Sendable {
        let epoch: Epoch
        /// The last request made when it was first heard.
        let heardAfter: UInt32
        var end: UInt64 = 0
        var frames: [EventFrame] = []
    }

    public let shard: UInt16
    /// Events that were let through from answers to requests: missed at first, most of them.
    public private(set) var replayedCount: UInt64 = 0
    var current: Stream?
    var former: [Stream] = []
    var departed: [Stream] = []
    var strangers: [Stranger] = []
    /// What waits behind a gap of the current stream.
    var held: [EventFrame] = []
    var heldCount = 0
    var asked: (from: UInt64, at: UInt64)?
    /// The number of the latest request, and which it was when the present epoch became the present one.
    var requests: UInt32 = 0
    var begunAfter: UInt32 = 0
    /// True until the first stream is under way: what it had sent before is history, not loss.
    var isNewcomer = true
    /// It is not known whether the shard still is the process that it was.
    var isInDoubt = false

    /// A receiver that knows nothing yet.
    public init(shard: UInt16) {
        self.shard = shard
    }

    /// A receiver that goes on from a `position` of an earlier life.
    public init(shard: UInt16, resuming epoch: Epoch, next: UInt64) {
        self.shard = shard
        if epoch != .unknown { current = Stream(epoch: epoch, next: next, end: next) }
        isNewcomer = false
        isInDoubt = true
    }

    /// Where the stream goes on: everything before is in the receiver's hands. After the last word of a life that is the
    /// beginning of the next one, whose epoch nobody knows yet: `(.unknown, 0)`.
    public var position: (epoch: Epoch, next: UInt64)? {
        guard let current else { return isNewcomer ? nil : (.unknown, 0) }
        return current.isOver ? (.unknown, 0) : (current.epoch, current.next)
    }

    /// True while events are known to be missing, or it is not known who the shard is.
    public var isBehind: Bool {
        isInDoubt || !strangers.isEmpty || current.map { $0.next < $0.end } ?? true
    }

    /// Whether what is said of this epoch is said of the present process.
    public func isCurrent(_ epoch: Epoch) -> Bool { current?.epoch == epoch }

    // MARK: - Messages

    /// Takes a message in; news that follows from it comes out. Messages of another shard are ignored.
    public mutating func receive(_ message: BusMessage) -> [Delivery] {
        switch message {
        case .events(let frame): receive(frame)
        case .liveMiners(let live): receive(live)
        case .replayEnd(let end): receive(end)
        case .gauges: []  // not of the stream
        case .replay, .acknowledge: []  // go the other way
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
        // At or before `next` it is the answer to an old question: we have those events.
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
        // More is to come: ask at once, unless the answer did not help; then the clock decides.
        if let asked, asked.from < stream.next { self.asked = nil }
        return news
    }

    // MARK: - Requests

    /// The request that has to be made now, if any; call it after each round of `receive` and about once a second.
    /// - Parameter now: monotonic milliseconds.
    public mutating func requestDue(at now: UInt64) -> ReplayRequest? {
        guard isBehind else {
            asked = nil
            return nil
        }
        if let asked, now >= asked.at, now - asked.at < SequenceGate.answerMillisecondsMax { return nil }
        asked = (current?.next ?? 0, now)
        requests &+= 1
        // 0 is no request.
        if requests == 0 { requests = 1 }
        return ReplayRequest(
            shard: shard, epoch: current?.epoch ?? .unknown, from: current?.next ?? 0, number: requests)
    }

    /// The request could not be handed to the network: it is due again next time.
    public mutating func requestFailed() {
        asked = nil
    }

    // MARK: - Letting through

    private mutating func hold(_ frame: EventFrame) {
        guard heldCount + frame.events.count <= SequenceGate.heldEventsMax else { return }
        held.append(frame)
        heldCount += frame.events.count
    }

    /// Lets through what a closed gap was holding up.
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

    /// For a stream of which nothing can be asked for any more.
    mutating func passWithLoss(_ frame: EventFrame, _ stream: inout Stream, _ news: inout [Delivery]) {
        if frame.first > stream.next {
            news.append(.lost(frame.epoch, frame.first - stream.next))
            stream.next = frame.first
        }
        pass(frame, &stream, &news)
    }

    /// - Precondition: the frame does not begin behind `stream.next`.
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
