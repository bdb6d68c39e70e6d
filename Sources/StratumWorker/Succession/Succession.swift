/// What this process has from other processes: its predecessor, and shards that it has absorbed.
struct Succession {
    let role: StartRole
    /// The predecessor's connections, until they are adopted.
    var inherited: InheritedConnections?
    /// By descriptor, bytes of adopted connections that are sent once the new snapshot is written.
    var withheld: [Int32: [UInt8]] = [:]
    /// Shards that this one has absorbed.
    var absorbed: [WorkerState.AbsorbedShard] = []
    /// Another shard has this one's miners and pool connections.
    var isAbsorbed = false

    init(_ role: StartRole) { self.role = role }

    /// Records a merge. Older ones are finished: the supervisor was told the result of each at once.
    mutating func add(_ shard: WorkerState.AbsorbedShard) {
        absorbed = absorbed.suffix(WorkerState.absorbedMax - 1) + [shard]
    }

    /// Gives the connections that this process is to adopt, once.
    mutating func takeInherited() -> InheritedConnections? {
        defer { inherited = nil }
        return inherited
    }
}
