/// Changes since the last checkpoint by minute of the event, for the history.
///
/// Only events count: a checkpoint of a shard corrects totals, and these corrections have no minute.
struct HistoryDeltas: Sendable {
    /// As many points as 10,000 workers create in 50 minutes without a commit, in at most 50 MB. Beyond the limit,
    /// further minutes of workers are missing in their histories, but not in the totals.
    static let workerPointsMax = 500_000
    /// 32 shards for two days without a commit. A shard with a wrong clock reaches it sooner.
    static let shardPointsMax = 100_000

    private struct Place: Hashable {
        let series: UInt32
        let minute: UInt64
    }

    private struct Sums {
        var accepted: UInt64 = 0
        var rejected: UInt64 = 0
        var invalid: UInt64 = 0
        var hashes: UInt64 = 0

        mutating func add(_ other: Sums) {
            accepted &+= other.accepted
            rejected &+= other.rejected
            invalid &+= other.invalid
            hashes.add(saturating: other.hashes)
        }
    }

    /// By shard number. The total is their sum.
    private var shards: [Place: Sums] = [:]
    /// By worker id.
    private var workers: [Place: Sums] = [:]

    private let workerPointsMax: Int

    init(workerPointsMax: Int = HistoryDeltas.workerPointsMax) {
        self.workerPointsMax = workerPointsMax
    }

    /// - Parameters:
    ///   - worker: the id of its row; nil when it counts in no row.
    ///   - time: milliseconds since 1970, not in the future.
    mutating func count(_ share: ShareSettled, shard: Int, worker: UInt32?, at time: UInt64) {
        var sums = Sums()
        switch share.outcome {
        case .accepted: (sums.accepted, sums.hashes) = (1, share.creditedDifficulty)
        case .rejected: sums.rejected = 1
        case .invalid: sums.invalid = UInt64(share.count)
        case .local: sums.hashes = share.creditedDifficulty
        }
        let minute = time / 60_000
        addToShard(sums, UInt32(truncatingIfNeeded: shard), minute)
        guard let worker else { return }
        // It counts for the worker, but not in the totals: the pool did not receive it.
        if share.outcome == .local { sums.accepted = 1 }
        addToWorker(sums, worker, minute)
    }

    private mutating func addToShard(_ sums: Sums, _ shard: UInt32, _ minute: UInt64) {
        let place = Place(series: shard, minute: minute)
        if shards.count >= HistoryDeltas.shardPointsMax, shards[place] == nil { return }
        shards[place, default: Sums()].add(sums)
    }

    private mutating func addToWorker(_ sums: Sums, _ id: UInt32, _ minute: UInt64) {
        let place = Place(series: id, minute: minute)
        if workers.count >= workerPointsMax, workers[place] == nil { return }
        workers[place, default: Sums()].add(sums)
    }

    /// Removes and returns all points, ordered by series and time.
    mutating func take() -> [HistoryDelta] {
        defer {
            shards = [:]
            workers = [:]
        }
        var total: [Place: Sums] = [:]
        for (place, sums) in shards { total[Place(series: 0, minute: place.minute), default: Sums()].add(sums) }
        var deltas: [HistoryDelta] = []
        deltas.reserveCapacity(total.count + shards.count + workers.count)
        append(total, to: &deltas) { _ in .total }
        append(shards, to: &deltas) { .shard(UInt16(truncatingIfNeeded: $0)) }
        append(workers, to: &deltas) { .worker($0) }
        return deltas
    }

    private func append(
        _ points: [Place: Sums], to deltas: inout [HistoryDelta], _ series: (UInt32) -> HistorySeries
    ) {
        for (place, sums) in points.sorted(by: { ($0.key.series, $0.key.minute) < ($1.key.series, $1.key.minute) }) {
            let point = HistoryPoint(
                time: place.minute * 60, accepted: sums.accepted, rejected: sums.rejected, invalid: sums.invalid,
                hashes: sums.hashes)
            deltas.append(HistoryDelta(series: series(place.series), point: point))
        }
    }

    /// Adds deltas again that were taken but not stored.
    mutating func putBack(_ deltas: [HistoryDelta]) {
        for delta in deltas {
            let point = delta.point
            let sums = Sums(
                accepted: point.accepted, rejected: point.rejected, invalid: point.invalid, hashes: point.hashes)
            let minute = point.time / 60
            switch delta.series {
            case .total: continue  // computed from the shards
            case .shard(let shard): addToShard(sums, UInt32(shard), minute)
            case .worker(let id): addToWorker(sums, id, minute)
            }
        }
    }
}
