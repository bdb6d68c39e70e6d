package import Telemetry

/// `/1/history`: shares and hashrates over time, of all workers, a shard or a worker.
package enum HistoryDocument {
    /// What the points belong to.
    package struct Head: Equatable, Sendable {
        /// nil = not of one worker.
        package var worker: String?
        /// nil = not of one shard.
        package var shard: UInt16?
        /// Seconds per point.
        package var step: UInt64
        /// Start, inclusive, in seconds since 1970.
        package var from: UInt64
        /// End, exclusive, in seconds since 1970.
        package var to: UInt64

        package init(worker: String? = nil, shard: UInt16? = nil, step: UInt64, from: UInt64, to: UInt64) {
            self.worker = worker
            self.shard = shard
            self.step = step
            self.from = from
            self.to = to
        }
    }

    /// The document.
    /// - Parameter points: in chronological order; steps without events may be missing.
    package static func body(_ head: Head, points: [HistoryPoint]) -> [UInt8] {
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
