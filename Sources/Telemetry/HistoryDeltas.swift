/// What has happened since the last checkpoint, by minute of the event, for the history.
///
/// Only events count: what a checkpoint of a shard repairs in the totals has no minute.
struct HistoryDeltas: Sendable {
    /// What 10,000 workers open in 50 minutes without a commit, in at most 50 MB. Beyond it a worker's further minutes are
    /// missing in its history; the totals' are not.
    static let workerPointsMax = 500_000
    /// The total and 32 shards for two days without a commit. A shard whose clock runs wild fills it sooner.
    static let servicePointsMax = 100_000

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

    private static let total: UInt32 = 0

    /// `total`, and 1 + number for a shard.
    private var service: [Place: Sums] = [:]
    /// By id.
    private var workers: [Place: Sums] = [:]

    private let workerPointsMax: Int

    init(workerPointsMax: Int = HistoryDeltas.workerPointsMax) {
        self.workerPointsMax = workerPointsMax
    }

    /// - Parameters:
    ///   - worker: id of its row, if it counts in one.
    ///   - time: milliseconds since 1970, not in the future.
    mutating func count(_ share: ShareSettled, shard: Int, worker: UInt32?, at time: UInt64) {
        var sums = Sums()
        switch share.outcome {
        case .accepted: (sums.accepted, sums.hashes) = (1, share.creditedDifficulty)
        case .rejected: sums.rejected = 1
        case .invalid: sums.invalid = 1
        case .local: sums.hashes = share.creditedDifficulty
        }
        let minute = time / 60_000
        addToService(sums, HistoryDeltas.total, minute)
        addToService(sums, HistoryDeltas.series(ofShard: shard), minute)
        guard let worker else { return }
        // It does the worker good; the pool, and so the totals, know nothing of it.
        if share.outcome == .local { sums.accepted = 1 }
        addToWorker(sums, worker, minute)
    }

    private static func series(ofShard shard: Int) -> UInt32 { 1 + UInt32(truncatingIfNeeded: shard) }

    private mutating func addToService(_ sums: Sums, _ series: UInt32, _ minute: UInt64) {
        let place = Place(series: series, minute: minute)
        if service.count >= HistoryDeltas.servicePointsMax, service[place] == nil { return }
        service[place, default: Sums()].add(sums)
    }

    private mutating func addToWorker(_ sums: Sums, _ id: UInt32, _ minute: UInt64) {
        let place = Place(series: id, minute: minute)
        if workers.count >= workerPointsMax, workers[place] == nil { return }
        workers[place, default: Sums()].add(sums)
    }

    /// All of them, by series and time; none are left.
    mutating func take() -> [HistoryDelta] {
        var deltas: [HistoryDelta] = []
        deltas.reserveCapacity(service.count + workers.count)
        for (points, isService) in [(service, true), (workers, false)] {
            let places = points.keys.sorted { ($0.series, $0.minute) < ($1.series, $1.minute) }
            for place in places {
                guard let sums = points[place] else { continue }
                let series: HistorySeries =
                    if !isService {
                        .worker(place.series)
                    } else if place.series == HistoryDeltas.total {
                        .total
                    } else {
                        .shard(UInt16(truncatingIfNeeded: place.series - 1))
                    }
                let point = HistoryPoint(
                    time: place.minute * 60, accepted: sums.accepted, rejected: sums.rejected, invalid: sums.invalid,
                    hashes: sums.hashes)
                deltas.append(HistoryDelta(series: series, point: point))
            }
        }
        service = [:]
        workers = [:]
        return deltas
    }

    /// Taken, and not stored after all.
    mutating func putBack(_ deltas: [HistoryDelta]) {
        for delta in deltas {
            let point = delta.point
            let sums = Sums(
                accepted: point.accepted, rejected: point.rejected, invalid: point.invalid, hashes: point.hashes)
            let minute = point.time / 60
            switch delta.series {
            case .total: addToService(sums, HistoryDeltas.total, minute)
            case .shard(let shard): addToService(sums, HistoryDeltas.series(ofShard: Int(shard)), minute)
            case .worker(let id): addToWorker(sums, id, minute)
            }
        }
    }
}
