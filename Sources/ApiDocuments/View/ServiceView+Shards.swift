internal import Control
internal import Telemetry

extension ServiceView {
    /// The snapshot; nil until the collector has sent one.
    var collected: Snapshot? { snapshotNumber > 0 ? snapshot : nil }

    /// One shard, as the supervisor and the collector report it.
    struct Shard {
        var number: Int
        /// nil if the supervisor does not report it.
        var process: ChildStatus?
        /// nil if the collector does not report it.
        var row: Snapshot.ShardRow?
    }

    /// All shards that the supervisor or the collector reports, by number.
    var shards: [Shard] {
        var shards: [Int: Shard] = [:]
        for row in collected?.shards ?? [] {
            shards[Int(row.shard), default: Shard(number: Int(row.shard))].row = row
        }
        for process in status?.children ?? [] where process.kind == .shard {
            guard let number = process.shard else { continue }
            shards[number, default: Shard(number: number)].process = process
        }
        // The collector reports removed shards until its next start.
        if let last = shards.values.filter({ $0.process != nil }).map(\.number).max() {
            shards = shards.filter { $0.key <= last }
        }
        return shards.values.sorted { $0.number < $1.number }
    }

    /// The state of another process, as the supervisor reports it.
    func process(_ kind: ChildStatus.Kind) -> ChildStatus? { status?.children.first { $0.kind == kind } }
}
