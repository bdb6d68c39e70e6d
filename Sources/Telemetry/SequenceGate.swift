/// The receiver's half of the bus: lets every event of a shard through once, in order, and notices what is missing.
///
/// Frames may come late, twice, or not at all, from a shard that may be another process by now. The gate knows where the
/// stream should go on (`next`) and how far it has been seen to reach (`end`). A frame that fits is let through; one that
/// is ahead is held back, and a request to replay what lies between falls due; what was let through before is ignored.
/// A shard that no longer has the missing events says so with `LiveMiners`: only then they count as lost, and the next
/// checkpoint repairs the totals.
///
/// An epoch not seen before is a new life of the shard, and ends the one before it. What still arrives of that one is
/// let through while it fits; nothing of it can be asked for any more.
public struct SequenceGate: Sendable {
    /// What the fold is to be told, in order.
    public enum News: Equatable, Sendable {
        /// The shard is another process than before: of the former's miners it knows nothing.
        case epochBegan(Epoch)
        /// Events that were not let through before, in their order.
        case events(Epoch, ArraySlice<ShardEvent>)
        /// Events are missing for good, or were over before this process began. These miners live, whatever was known.
        case liveMiners(Epoch, [MinerJoined])
        /// So many events happened and can never be had.
        case lost(Epoch, UInt64)
    }

    /// How long an answer may take before the request is made again. A shard answers in its next turn.
    public static let answerMillisecondsMax: UInt64 = 1_000
    /// How many events wait behind a gap: two seconds of a very busy shard. What comes beyond is replayed too.
    static let heldEventsMax = 32_768
    /// Former lives of a shard of which late frames are still recognised. More than one restart within one delay of the
    /// bus is rare, four are a flapping shard.
    static let formerMax = 4

    private struct Stream: Sendable {
        let epoch: Epoch
        /// The first sequence number that was not let through.
        var next: UInt64
        /// The sequence number after the last event known to have happened.
        var end: UInt64
    }

    public let shard: UInt16
    private var current: Stream?
    private var former: [Stream] = []
    private var held: [EventFrame] = []
    private var heldCount = 0
    private var asked: (from: UInt64, at: UInt64)?
    /// True until the first stream is under way: what it had sent before is history, not loss.
    private var isNewcomer = true

    /// A receiver that knows nothing yet.
    public init(shard: UInt16) {
        self.shard = shard
    }

    /// A receiver that has made everything before `next` its own in an earlier life.
    public init(shard: UInt16, resuming epoch: Epoch, next: UInt64) {
        self.shard = shard
        current = Stream(epoch: epoch, next: next, end: next)
        isNewcomer = false
    }

    /// Where the stream goes on: everything before is in the receiver's hands.
    public var position: (epoch: Epoch, next: UInt64)? { current.map { ($0.epoch, $0.next) } }

    /// True while events are known to be missing, or nothing is known of the shard.
    public var isBehind: Bool { current.map { $0.next < $0.end } ?? true }

    /// Whether what is said of this epoch is said of the present process.
    public func isCurrent(_ epoch: Epoch) -> Bool { current?.epoch == epoch }

    // MARK: - Messages

    /// Takes a message in; news that follows from it comes out. Messages of another shard are ignored.
    public mutating func receive(_ message: BusMessage) -> [News] {
        switch message {
        case .events(let frame): receive(frame)
        case .liveMiners(let live): receive(live)
        case .replayEnd(let end): receive(end)
        case .gauges: []  // not of the stream
        case .replay, .acknowledge: []  // go the other way
        }
    }

    private mutating func receive(_ frame: EventFrame) -> [News] {
        guard frame.shard == shard, !frame.events.isEmpty else { return [] }
        if let index = former.firstIndex(where: { $0.epoch == frame.epoch }) { return receiveLate(frame, index) }
        var news = begin(frame.epoch)
        guard var stream = current else { return news }
        stream.end = max(stream.end, frame.end)
        if frame.first > stream.next {
            current = stream
            hold(frame)
            return news
        }
        SequenceGate.pass(frame, &stream, &news)
        isNewcomer = false
        current = stream
        passHeld(&news)
        return news
    }

    private mutating func receive(_ live: LiveMiners) -> [News] {
        guard live.shard == shard, !isFormer(live.epoch) else { return [] }
        var news = begin(live.epoch)
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

    private mutating func receive(_ end: ReplayEnd) -> [News] {
        guard end.shard == shard, !isFormer(end.epoch) else { return [] }
        let news = begin(end.epoch)
        guard var stream = current else { return news }
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
        return ReplayRequest(shard: shard, epoch: current?.epoch ?? .unknown, from: current?.next ?? 0)
    }

    /// The request could not be handed to the network: it is due again next time.
    public mutating func requestFailed() {
        asked = nil
    }

    // MARK: - Epochs

    private func isFormer(_ epoch: Epoch) -> Bool { former.contains { $0.epoch == epoch } }

    /// Makes `epoch` the current one, if it is not.
    private mutating func begin(_ epoch: Epoch) -> [News] {
        guard current?.epoch != epoch else { return [] }
        var news: [News] = []
        if let old = current {
            former.append(abandonGaps(of: old, &news))
            isNewcomer = false
            if former.count > SequenceGate.formerMax { former.removeFirst() }
        }
        asked = nil
        current = Stream(epoch: epoch, next: 0, end: 0)
        news.append(.epochBegan(epoch))
        return news
    }

    /// The shard of this stream is gone: what is held goes through, what is missing between stays missing.
    private mutating func abandonGaps(of stream: Stream, _ news: inout [News]) -> Stream {
        var stream = stream
        held.sort { $0.first < $1.first }
        if isNewcomer { stream.next = held.first?.first ?? stream.end }
        for frame in held { SequenceGate.passWithLoss(frame, &stream, &news) }
        held = []
        heldCount = 0
        if stream.next < stream.end {
            news.append(.lost(stream.epoch, stream.end - stream.next))
            stream.next = stream.end
        }
        return stream
    }

    /// A frame of a former life, still on its way when the new one began.
    private mutating func receiveLate(_ frame: EventFrame, _ index: Int) -> [News] {
        var news: [News] = []
        SequenceGate.passWithLoss(frame, &former[index], &news)
        return news
    }

    // MARK: - Letting through

    private mutating func hold(_ frame: EventFrame) {
        guard heldCount + frame.events.count <= SequenceGate.heldEventsMax else { return }
        held.append(frame)
        heldCount += frame.events.count
    }

    /// Lets through what a closed gap was holding up.
    private mutating func passHeld(_ news: inout [News]) {
        guard !held.isEmpty, var stream = current else { return }
        held.sort { $0.first < $1.first }
        var passed = 0
        while passed < held.count, held[passed].first <= stream.next {
            SequenceGate.pass(held[passed], &stream, &news)
            heldCount -= held[passed].events.count
            passed += 1
        }
        held.removeFirst(passed)
        current = stream
    }

    private static func passWithLoss(_ frame: EventFrame, _ stream: inout Stream, _ news: inout [News]) {
        if frame.first > stream.next {
            news.append(.lost(frame.epoch, frame.first - stream.next))
            stream.next = frame.first
        }
        pass(frame, &stream, &news)
    }

    /// - Precondition: the frame does not begin behind `stream.next`.
    private static func pass(_ frame: EventFrame, _ stream: inout Stream, _ news: inout [News]) {
        guard frame.end > stream.next else { return }
        news.append(.events(frame.epoch, frame.events.dropFirst(Int(stream.next - frame.first))))
        stream.next = frame.end
        stream.end = max(stream.end, stream.next)
    }
}
