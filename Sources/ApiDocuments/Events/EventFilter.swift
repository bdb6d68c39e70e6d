/// The events that a client of `/1/events` gets.
package struct EventFilter: Equatable, Sendable {
    /// One bit for each kind.
    private var kinds: UInt8
    private var worker: String?

    /// All events.
    package static let everything = EventFilter()

    /// - Parameters:
    ///   - kinds: `gap` is always included.
    ///   - worker: only events of its miners; nil = of all.
    package init(kinds: [FeedEvent.Kind] = FeedEvent.Kind.allCases, worker: String? = nil) {
        self.kinds = kinds.reduce(EventFilter.bit(.gap)) { $0 | EventFilter.bit($1) }
        self.worker = worker
    }

    /// Whether summaries are included.
    package var wantsSummary: Bool { wants(.summary) && worker == nil }

    /// Whether an event is included.
    package func passes(_ event: FeedEvent) -> Bool {
        guard let kind = event.kind, wants(kind) else { return false }
        guard let worker, kind != .gap else { return true }
        return event.miner?.worker == worker
    }

    private func wants(_ kind: FeedEvent.Kind) -> Bool { kinds & EventFilter.bit(kind) != 0 }
    private static func bit(_ kind: FeedEvent.Kind) -> UInt8 { 1 << kind.rawValue }
}
