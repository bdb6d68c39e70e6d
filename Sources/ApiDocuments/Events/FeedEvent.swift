package import Telemetry

/// One event as the gateway keeps it: the record. Its text is written when a client needs it.
package enum FeedEvent: Sendable {
    /// The miner is nil if it had disconnected before this gateway started.
    case share(ShareSettled, KnownMiner?)
    case joined(KnownMiner)
    case left(MinerKey, KnownMiner?)
    case poolError(PoolError)
    /// It has a sequence number and is not shown.
    case silent
    /// This many events before this one are lost; nil = an unknown number.
    case gap(missed: UInt64?)

    /// The types of the parameter `types`.
    package enum Kind: UInt8, CaseIterable, Sendable {
        case share, joined, left, poolError, summary, gap

        /// The name in the stream and in `types`.
        package var name: StaticString {
            switch self {
            case .share: "share"
            case .joined: "joined"
            case .left: "left"
            case .poolError: "pool_error"
            case .summary: "summary"
            case .gap: "gap"
            }
        }

        /// nil if there is no such type.
        init?(name: some StringProtocol) {
            guard let kind = Kind.allCases.first(where: { "\($0.name)" == name }) else { return nil }
            self = kind
        }
    }

    /// nil if the event is not shown.
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

    /// The miner of the event, if known.
    var miner: KnownMiner? {
        switch self {
        case .share(_, let miner), .left(_, let miner): miner
        case .joined(let miner): miner
        case .poolError, .silent, .gap: nil
        }
    }

    /// Bytes that it counts for the limit of the ring. The texts of a miner are counted with `joined` and `left`:
    /// between them its row keeps them anyway.
    package var byteCount: Int {
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
