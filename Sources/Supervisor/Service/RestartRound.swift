internal import Supervision

/// The planned restarts from the first until all are done, for one log line.
struct RestartRound {
    private let began: Int64
    private var names: [ChildName] = []

    init(at now: Int64) { began = now }

    mutating func begin(_ name: ChildName) {
        if !names.contains(name) { names.append(name) }
    }

    /// "shards 0, 1, 2 and collector replaced in 1.3 s"
    func summary(at now: Int64) -> String {
        let shards = names.compactMap { if case .shard(let number) = $0 { "\(number)" } else { nil as String? } }
        var parts = names.compactMap { if case .shard = $0 { nil as String? } else { "\($0)" } }
        if !shards.isEmpty {
            parts.insert("\(shards.count == 1 ? "shard" : "shards") \(shards.joined(separator: ", "))", at: 0)
        }
        let tenths = max(now - began, 0) / 100
        return "\(parts.joined(separator: " and ")) replaced in \(tenths / 10).\(tenths % 10) s"
    }
}
