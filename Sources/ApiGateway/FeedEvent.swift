internal import Telemetry

/// Who a miner is. Shared by its row and by all its events that are kept, so that a share stays small and still has a
/// name after its miner has left.
final class KnownMiner: Sendable {
    let key: MinerKey
    let worker: String?
    let ip: String
    let texts: MinerTexts
    let shard: UInt16

    init(_ joined: MinerJoined, _ pool: inout MinerTexts.Pool) {
        key = joined.key
        worker = joined.worker
        ip = joined.ip
        texts = pool.shared(agent: joined.agent, user: joined.user, rigID: joined.rigID, worker: joined.worker)
        shard = joined.shard
    }

    /// With texts that it shares with nobody.
    convenience init(_ joined: MinerJoined) {
        var pool = MinerTexts.Pool()
        self.init(joined, &pool)
    }

    var joined: MinerJoined {
        MinerJoined(
            key: key, worker: worker, ip: ip, agent: texts.agent, user: texts.user(worker: worker),
            rigID: texts.rigID(worker: worker), shard: shard)
    }

    /// What its texts take, for the bounds: as if they were its alone.
    var byteCount: Int {
        ip.utf8.count + texts.agent.utf8.count + texts.user(worker: worker).utf8.count
            + texts.rigID(worker: worker).utf8.count + (worker?.utf8.count ?? 0)
    }
}

/// One event as the gateway keeps it: the record, not its text, which is written only when somebody wants it.
enum FeedEvent: Sendable {
    /// The miner is nil when it had left before this gateway came.
    case share(ShareSettled, KnownMiner?)
    case joined(KnownMiner)
    case left(MinerKey, KnownMiner?)
    case poolError(PoolError)
    /// It has a number in the stream and nothing to show.
    case silent
    /// So many events before this one cannot be had; nil = nobody knows how many.
    case gap(missed: UInt64?)

    /// What `?types=` chooses by.
    enum Kind: UInt8, CaseIterable, Sendable {
        case share, joined, left, poolError, summary, gap

        var name: StaticString {
            switch self {
            case .share: "share"
            case .joined: "joined"
            case .left: "left"
            case .poolError: "pool_error"
            case .summary: "summary"
            case .gap: "gap"
            }
        }

        init?(name: some StringProtocol) {
            guard let kind = Kind.allCases.first(where: { "\($0.name)" == name }) else { return nil }
            self = kind
        }
    }

    /// nil for what is not shown.
    var kind: Kind? {
        switch self {
        case .share: .share
        case .joined: .joined
        case .left: .left
        case .poolError: .poolError
        case .silent: nil
        case .gap: .gap
        }
    }

    /// Of whom it tells, as far as that is known.
    var miner: KnownMiner? {
        switch self {
        case .share(_, let miner), .left(_, let miner): miner
        case .joined(let miner): miner
        case .poolError, .silent, .gap: nil
        }
    }

    /// What it takes of the ring's bound. A miner is counted with its join and with its end: between them its row
    /// keeps it anyway.
    var byteCount: Int {
        let texts =
            switch self {
            case .joined(let miner): miner.byteCount
            case .left(_, let miner): miner?.byteCount ?? 0
            case .poolError(let error): error.text.utf8.count
            case .share, .silent, .gap: 0
            }
        return MemoryLayout<FeedEvent>.stride + texts
    }
}

/// What a client of `/1/events` wants to see.
struct EventFilter: Equatable, Sendable {
    /// A bit for each kind.
    private var kinds: UInt8
    private var worker: String?

    static let everything = EventFilter()

    /// - Parameters:
    ///   - kinds: a `gap` is always shown.
    ///   - worker: only what its miners do; nil = everything.
    init(kinds: [FeedEvent.Kind] = FeedEvent.Kind.allCases, worker: String? = nil) {
        self.kinds = kinds.reduce(EventFilter.bit(.gap)) { $0 | EventFilter.bit($1) }
        self.worker = worker
    }

    var wantsSummary: Bool { wants(.summary) && worker == nil }

    func passes(_ event: FeedEvent) -> Bool {
        guard let kind = event.kind, wants(kind) else { return false }
        guard let worker, kind != .gap else { return true }
        return event.miner?.worker == worker
    }

    private func wants(_ kind: FeedEvent.Kind) -> Bool { kinds & EventFilter.bit(kind) != 0 }
    private static func bit(_ kind: FeedEvent.Kind) -> UInt8 { 1 << kind.rawValue }
}
