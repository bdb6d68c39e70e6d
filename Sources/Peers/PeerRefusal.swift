/// Why a connection of an address is refused.
public enum PeerRefusal: UInt8, CaseIterable, Sendable {
    /// On the deny list.
    case denied
    /// Banned for a time.
    case banned
    /// The address has `PeerLimits.connections` already.
    case connections
    /// More than `PeerLimits.waiting` of the address have not logged in a second after they connected.
    case waiting
    /// Faster than `PeerLimits.logins` allows, and `PeerLimits.burst` is spent.
    case logins

    /// The label in metrics and in the API.
    public var name: String { "\(self)" }
}

/// What one address may have and do on this machine, in all shards together.
public struct PeerLimits: Equatable, Sendable {
    /// Connections; 0 = as many as there is room for.
    public var connections = 0
    /// Connections that have not logged in a second after they came; 0 = no limit.
    public var waiting = 256
    /// Logins a second, when `burst` is spent; 0 = no limit. A connection has one login.
    public var logins = 100
    /// Logins at once: a farm behind one address comes back in one instant.
    public var burst = 10_000
    /// Protocol faults within a minute, after which an address without proven miners is banned; 0 = never.
    public var faults = 100
    /// Seconds of the first ban. Each further one within a day is twice as long, up to a day.
    public var banSeconds = 600

    public init() {}

    /// A login that would have to wait for longer is refused: after 10 s without one the shard closes a connection.
    static let delayMax: UInt64 = 5_000_000
    static let banSecondsMax: UInt64 = 86_400
    /// A miner with an accepted share in this time speaks for its address: it is not banned for what others there do.
    static let provenLife: UInt64 = 3_600_000_000
}
