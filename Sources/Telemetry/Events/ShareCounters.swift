/// The counters of a checkpoint. The sender's log and the receiver's fold count the same events with this type, so
/// their values differ only when events were lost.
public struct ShareCounters: Equatable, Sendable {
    public var accepted: UInt64 = 0
    public var rejected: UInt64 = 0
    public var invalid: UInt64 = 0
    public var expired: UInt64 = 0
    /// Sum of `ShareSettled.difficulty` over accepted shares.
    public var hashesTotal: UInt64 = 0
    /// Miners that have joined: logins.
    public var joined: UInt64 = 0

    public init() {}

    public mutating func count(_ share: ShareSettled) {
        switch share.outcome {
        case .accepted:
            accepted &+= 1
            hashesTotal.add(saturating: share.difficulty)
        case .rejected: rejected &+= 1
        case .invalid: invalid &+= UInt64(share.count)
        case .local: return  // not in the totals (docs/COMPATIBILITY.md, "Custom difficulty")
        }
        if share.isExpired { expired &+= UInt64(share.count) }
    }

    /// Raises every counter to that of `other`; a higher counter stays.
    /// - Returns: the increase of each counter.
    mutating func raise(to other: ShareCounters) -> ShareCounters {
        var growth = ShareCounters()
        growth.accepted = accepted.raise(to: other.accepted)
        growth.rejected = rejected.raise(to: other.rejected)
        growth.invalid = invalid.raise(to: other.invalid)
        growth.expired = expired.raise(to: other.expired)
        growth.hashesTotal = hashesTotal.raise(to: other.hashesTotal)
        growth.joined = joined.raise(to: other.joined)
        return growth
    }

    mutating func add(_ other: ShareCounters) {
        accepted &+= other.accepted
        rejected &+= other.rejected
        invalid &+= other.invalid
        expired &+= other.expired
        hashesTotal.add(saturating: other.hashesTotal)
        joined &+= other.joined
    }
}

extension UInt64 {
    /// A pool can send any difficulty, so a sum can overflow: it then saturates.
    mutating func add(saturating other: UInt64) {
        let (sum, overflow) = addingReportingOverflow(other)
        self = overflow ? .max : sum
    }

    fileprivate mutating func raise(to other: UInt64) -> UInt64 {
        guard other > self else { return 0 }
        defer { self = other }
        return other - self
    }
}
