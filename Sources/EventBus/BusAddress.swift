public import Telemetry

/// Where the sockets of one running instance lie. All of them are `ipc://` paths in its run directory, so file
/// permissions decide who may listen.
public struct BusAddress: Equatable, Sendable {
    let path: String

    /// `sockaddr_un` holds 108 bytes with the final zero; libzmq refuses longer paths with a bare ENAMETOOLONG.
    public static let pathBytesMax = 107

    /// An event stream (PUB): a public feed, any SUB may connect. "shard-0.events", "collector.events".
    public static func events(_ source: EventSource, runDirectory: String) -> BusAddress {
        BusAddress(path: "\(runDirectory)/\(source).events")
    }

    /// Where its source answers requests for what was missed (ROUTER).
    public static func replay(_ source: EventSource, runDirectory: String) -> BusAddress {
        BusAddress(path: "\(runDirectory)/\(source).replay")
    }

    /// Where the collector publishes snapshots (XPUB).
    public static func snapshots(runDirectory: String) -> BusAddress {
        BusAddress(path: "\(runDirectory)/snapshots")
    }

    var endpoint: String { "ipc://\(path)" }
}
