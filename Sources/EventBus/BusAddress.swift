/// Where the sockets of one running instance lie. All of them are `ipc://` paths in its run directory, so file
/// permissions decide who may listen.
public struct BusAddress: Equatable, Sendable {
    let path: String

    /// `sockaddr_un` holds 108 bytes with the final zero; libzmq refuses longer paths with a bare ENAMETOOLONG.
    public static let pathBytesMax = 107

    /// The event stream of a shard (PUB): a public feed, any SUB may connect.
    public static func events(shard: UInt16, runDirectory: String) -> BusAddress {
        BusAddress(path: "\(runDirectory)/shard-\(shard).events")
    }

    /// Where a shard answers requests for what was missed (ROUTER).
    public static func replay(shard: UInt16, runDirectory: String) -> BusAddress {
        BusAddress(path: "\(runDirectory)/shard-\(shard).replay")
    }

    /// Where the collector publishes snapshots (XPUB).
    public static func snapshots(runDirectory: String) -> BusAddress {
        BusAddress(path: "\(runDirectory)/snapshots")
    }

    var endpoint: String { "ipc://\(path)" }
}
