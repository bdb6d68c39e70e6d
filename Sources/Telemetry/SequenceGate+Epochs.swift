// Whose frames these are: the present life of the shard, a former one, or nobody knows yet.

extension SequenceGate {
    /// - Parameter request: the number of the request that the message answers; 0 = none.
    /// - Returns: true when `epoch` is the present one, perhaps from now on.
    mutating func meet(_ epoch: Epoch, answering request: UInt32, _ news: inout [Delivery]) -> Bool {
        if current?.epoch == epoch {
            // Live frames, nearly all of them.
            if request != 0 { settleDoubts(request, &news) }
            return true
        }
        guard !former.contains(where: { $0.epoch == epoch }), !departed.contains(where: { $0.epoch == epoch }) else {
            return false
        }
        // The first one to be heard is believed, until an answer knows better.
        guard current == nil || wasMade(request, after: begunAfter) else { return false }
        begin(epoch, request, &news)
        return true
    }

    /// A frame that is not of the present life.
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
            // What was asked before does not tell.
            asked = nil
        }
        guard let index else { return }
        strangers[index].end = max(strangers[index].end, frame.end)
        guard heldCount + frame.events.count <= SequenceGate.heldEventsMax else { return }
        strangers[index].frames.append(frame)
        heldCount += frame.events.count
    }

    /// The present life has answered: strangers that were known when it was asked are older than it. What they told comes
    /// too late to be folded before it.
    private mutating func settleDoubts(_ request: UInt32, _ news: inout [Delivery]) {
        isInDoubt = false
        guard !strangers.isEmpty else { return }
        for stranger in takeStrangers(heardBefore: request) {
            news.append(.lost(stranger.epoch, stranger.end))
            depart(Stream(epoch: stranger.epoch, next: stranger.end, end: stranger.end))
        }
    }

    /// Makes `epoch` the present one.
    private mutating func begin(_ epoch: Epoch, _ request: UInt32, _ news: inout [Delivery]) {
        if let old = current {
            leave(old, &news)
            isNewcomer = false
        }
        isInDoubt = false
        asked = nil
        begunAfter = requests
        var stream = Stream(epoch: epoch)
        // In the order in which they were heard: lives of which nothing was known before they were over.
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

    /// - Returns: strangers that were known when the request was made, and the one of this epoch.
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

    /// Whether a request was made later than another one. They count in a circle.
    private func wasMade(_ request: UInt32, after other: UInt32) -> Bool {
        request != 0 && Int32(bitPattern: request &- other) > 0 && Int32(bitPattern: requests &- request) >= 0
    }

    // MARK: - Former lives

    private mutating func leave(_ stream: Stream, _ news: inout [Delivery]) {
        var stream = stream
        let frames = held
        held = []
        heldCount -= frames.reduce(0) { $0 + $1.events.count }
        // A newcomer does not call lost what was over before it had let anything through.
        if isNewcomer { stream.next = frames.map(\.first).min() ?? stream.end }
        abandon(stream, frames, &news)
    }

    /// The shard of this stream is gone: what is held goes through, what is missing between stays missing.
    private mutating func abandon(_ stream: Stream, _ frames: [EventFrame], _ news: inout [Delivery]) {
        var stream = stream
        for frame in frames.sorted(by: { $0.first < $1.first }) { passWithLoss(frame, &stream, &news) }
        if stream.next < stream.end {
            news.append(.lost(stream.epoch, stream.end - stream.next))
            stream.next = stream.end
        }
        // What it recorded after that, nobody knows.
        if !stream.isOver { news.append(.lost(stream.epoch, 0)) }
        former.append(stream)
        if former.count > SequenceGate.formerMax { depart(former.removeFirst()) }
    }

    private mutating func depart(_ stream: Stream) {
        departed.append(stream)
        if departed.count > SequenceGate.departedMax { departed.removeFirst() }
    }
}
