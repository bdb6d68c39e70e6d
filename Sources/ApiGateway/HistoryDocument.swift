internal import Telemetry

/// `/1/history`: what happened in each stretch of time to the total, a shard or a worker.
enum HistoryDocument {
    /// What the points are of.
    struct Head: Equatable, Sendable {
        /// nil = not of one worker.
        var worker: String?
        /// nil = not of one shard.
        var shard: UInt16?
        /// Seconds that one point stands for.
        var step: UInt64
        /// Seconds since 1970: nothing before it, and nothing at or after `to`.
        var from: UInt64
        var to: UInt64
    }

    /// - Parameter points: in the order of time; a stretch in which nothing happened may be missing.
    static func body(_ head: Head, points: [HistoryPoint]) -> [UInt8] {
        var json = JSONWriter(reserving: 256 + points.count * 72)
        json.object {
            $0.member("worker", head.worker)
            $0.member("shard", head.shard.map { UInt64($0) })
            $0.member("step", head.step)
            $0.member("from", milliseconds(head.from))
            $0.member("to", milliseconds(head.to))
            $0.array("format", .inLine, ["time", "accepted", "rejected", "invalid", "hashes", "hashrate"])
            $0.array("points", .onePerLine) {
                for point in points { $0.array(.inLine) { write(point, step: head.step, into: &$0) } }
            }
        }
        return json.bytes
    }

    private static func write(_ point: HistoryPoint, step: UInt64, into json: inout JSONWriter) {
        json.element(milliseconds(point.time))
        json.element(point.accepted)
        json.element(point.rejected)
        json.element(point.invalid)
        json.element(point.hashes)
        json.element(Hundredths(kilohashes: step == 0 ? 0 : Double(point.hashes) / Double(step)))
    }

    private static func milliseconds(_ seconds: UInt64) -> UInt64 {
        seconds.multipliedReportingOverflow(by: 1_000).partialValue
    }
}
