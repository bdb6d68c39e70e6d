/// Why a connection is refused.
public enum PeerRefusal: UInt8, CaseIterable, Sendable {
    /// The address is on the deny list.
    case denied
    /// The address is banned.
    case banned
    /// The address already has `PeerLimits.connections` connections.
    case connections
    /// More than `PeerLimits.waiting` connections of the address have not logged in a second after they connected.
    case waiting
    /// The address exceeds `PeerLimits.logins`, and `PeerLimits.burst` is spent.
    case logins

    /// The label in metrics and in the API.
    public var name: String { "\(self)" }
}

/// The limits of one address, for all shards together.
public struct PeerLimits: Equatable, Sendable {
    /// Connections; 0 = no limit of its own.
    public var connections = 0
    /// Connections that have not logged in a second after they connected; 0 = no limit.
    public var waiting = 256
    /// Logins per second once `burst` is spent; 0 = no limit. A connection has one login.
    public var logins = 100
    /// Logins at once: all miners of a farm behind one address reconnect at the same time.
    public var burst = 10_000
    /// Protocol faults within a minute after which an address without proven miners is banned; 0 = never.
    public var faults = 100
    /// The length of the first ban in seconds. Each further one within a day is twice as long, up to a day.
    public var banSeconds = 600

    public init() {}

    /// In microseconds. A login that would have to wait longer is refused: a shard closes a connection after 10 s
    /// without one.
    static let delayMax: UInt64 = 5_000_000
    static let banSecondsMax: UInt64 = 86_400
    /// In microseconds. An address is not banned for the faults of others while a miner there has had a share accepted
    /// in this time.
    static let provenLife: UInt64 = 3_600_000_000
}
