public import Telemetry

/// The socket addresses of an instance. All are `ipc://` paths in its run directory, so file permissions decide which
/// processes can connect.
public struct BusAddress: Equatable, Sendable {
    let path: String

    /// `sockaddr_un` holds 108 bytes including the final NUL; libzmq refuses longer paths with a bare ENAMETOOLONG.
    public static let pathBytesMax = 107

    /// An event stream (PUB), to which any SUB socket can connect. "shard-0.events", "collector.events".
    public static func events(_ source: EventSource, runDirectory: String) -> BusAddress {
        BusAddress(path: "\(runDirectory)/\(source).events")
    }

    /// The socket on which the source answers replay requests (ROUTER).
    public static func replay(_ source: EventSource, runDirectory: String) -> BusAddress {
        BusAddress(path: "\(runDirectory)/\(source).replay")
    }

    /// The socket on which the collector publishes snapshots (XPUB).
    public static func snapshots(runDirectory: String) -> BusAddress {
        BusAddress(path: "\(runDirectory)/snapshots")
    }

    var endpoint: String { "ipc://\(path)" }
}
