// How the gate classifies frames: of the current epoch of the shard, a former one, or an unknown one.

extension SequenceGate {
    /// - Parameter request: the number of the request that the message answers; 0 = none.
    /// - Returns: true when `epoch` is the current one, possibly as a result of this call.
    mutating func meet(_ epoch: Epoch, answering request: UInt32, _ news: inout [Delivery]) -> Bool {
        if current?.epoch == epoch {
            // Nearly all frames are live ones.
            if request != 0 { settleDoubts(request, &news) }
            return true
        }
        guard !former.contains(where: { $0.epoch == epoch }), !departed.contains(where: { $0.epoch == epoch }) else {
            return false
        }
        // The first epoch is accepted until an answer shows another one.
        guard current == nil || wasMade(request, after: begunAfter) else { return false }
        begin(epoch, request, &news)
        return true
    }

    /// Processes a frame that is not of the current epoch.
    mutating func takeAside(_ frame: EventFrame, _ news: inout [Delivery]) {
        if let index = former.firstIndex(where: { $0.epoch == frame.epoch }) {
            var stream = former[index]
            passWithLoss(frame, &stream, &news)
            former[index] = stream
        } else if let index = departed.firstIndex(where: { $0.epoch == frame.epoch }) {
            guard frame.end > departed[index].next else { return }
            news.append(.lost(frame.epoch, frame.end - departed[index].next))
            departed[index].next = frame.end
        } else {
            keep(frame)
        }
    }

    private mutating func keep(_ frame: EventFrame) {
        var index = strangers.firstIndex { $0.epoch == frame.epoch }
        if index == nil, strangers.count < SequenceGate.strangersMax {
            index = strangers.count
            strangers.append(Stranger(epoch: frame.epoch, heardAfter: requests))
            // Answers to earlier requests do not decide about this epoch.
            asked = nil
        }
        guard let index else { return }
        strangers[index].end = max(strangers[index].end, frame.end)
        guard heldCount + frame.events.count <= SequenceGate.heldEventsMax else { return }
        strangers[index].frames.append(frame)
        heldCount += frame.events.count
    }

    /// The current epoch has answered: pending epochs that were known at the time of the request are older. Their
    /// events are too late to be folded before the current ones.
    private mutating func settleDoubts(_ request: UInt32, _ news: inout [Delivery]) {
        isInDoubt = false
        guard !strangers.isEmpty else { return }
        for stranger in takeStrangers(heardBefore: request) {
            news.append(.lost(stranger.epoch, stranger.end))
            depart(Stream(epoch: stranger.epoch, next: stranger.end, end: stranger.end))
        }
    }

    /// Makes `epoch` the current one.
    private mutating func begin(_ epoch: Epoch, _ request: UInt32, _ news: inout [Delivery]) {
        if let old = current {
            leave(old, &news)
            isNewcomer = false
        }
        isInDoubt = false
        asked = nil
        begunAfter = requests
        var stream = Stream(epoch: epoch)
        // In the order in which they were received: epochs that ended before the gate knew them.
        for stranger in takeStrangers(heardBefore: request, and: epoch) {
            if stranger.epoch == epoch {
                stream.end = stranger.end
                held = stranger.frames
                heldCount += held.reduce(0) { $0 + $1.events.count }
            } else {
                news.append(.epochBegan(stranger.epoch))
                var unheard = Stream(epoch: stranger.epoch)
                unheard.end = stranger.end
                abandon(unheard, stranger.frames, &news)
            }
        }
        current = stream
        news.append(.epochBegan(epoch))
        passHeld(&news)
    }

    /// - Returns: the pending epochs that were known when the request was made, and `epoch`.
    private mutating func takeStrangers(heardBefore request: UInt32, and epoch: Epoch? = nil) -> [Stranger] {
        var taken: [Stranger] = []
        var others: [Stranger] = []
        for stranger in strangers {
            if stranger.epoch == epoch || wasMade(request, after: stranger.heardAfter) {
                taken.append(stranger)
                heldCount -= stranger.frames.reduce(0) { $0 + $1.events.count }
            } else {
                others.append(stranger)
            }
        }
        strangers = others
        return taken
    }

    /// Whether one request was made after another. Request numbers wrap around.
    private func wasMade(_ request: UInt32, after other: UInt32) -> Bool {
        request != 0 && Int32(bitPattern: request &- other) > 0 && Int32(bitPattern: requests &- request) >= 0
    }

    // MARK: - Former epochs

    private mutating func leave(_ stream: Stream, _ news: inout [Delivery]) {
        var stream = stream
        let frames = held
        held = []
        heldCount -= frames.reduce(0) { $0 + $1.events.count }
        // A new receiver does not count as lost what happened before its first delivery.
        if isNewcomer { stream.next = frames.map(\.first).min() ?? stream.end }
        abandon(stream, frames, &news)
    }

    /// Closes the stream of an ended process: passes the held frames and reports the gaps between them as lost.
    private mutating func abandon(_ stream: Stream, _ frames: [EventFrame], _ news: inout [Delivery]) {
        var stream = stream
        for frame in frames.sorted(by: { $0.first < $1.first }) { passWithLoss(frame, &stream, &news) }
        if stream.next < stream.end {
            news.append(.lost(stream.epoch, stream.end - stream.next))
            stream.next = stream.end
        }
        // How many events it recorded after that is unknown.
        if !stream.isOver { news.append(.lost(stream.epoch, 0)) }
        former.append(stream)
        if former.count > SequenceGate.formerMax { depart(former.removeFirst()) }
    }

    private mutating func depart(_ stream: Stream) {
        departed.append(stream)
        if departed.count > SequenceGate.departedMax { departed.removeFirst() }
    }
}
