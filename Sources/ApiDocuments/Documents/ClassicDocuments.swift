package import Telemetry

/// The documents of xmrig-proxy 2.4 as its wiki page describes them: `/` and `/workers.json`. Keys, order, types, units
/// and layout are those of the samples on the page, byte for byte.
package enum ClassicDocuments {
    /// Windows of hashrates: 1 minute, 10 minutes, 1 hour, 12 hours, 1 day.
    static let windowCount = 5

    /// `/`.
    /// - Parameter uptime: seconds.
    package static func summary(of snapshot: Snapshot, identity: Identity, uptime: UInt64) -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.member("id", identity.id)
            $0.member("worker_id", identity.workerID)
            $0.member("version", identity.version)
            $0.member("kind", "proxy")
            $0.member("ua", identity.userAgent)
            $0.member("donate_level", UInt64(0))
            $0.member("donated", Hundredths(0))
            $0.member("uptime", uptime)
            $0.object("hashrate") {
                $0.array("total", .onePerLine, snapshot.hashrates.kilohashes.prefix(windowCount).map { $0 })
            }
            $0.object("miners") {
                $0.member("now", snapshot.minersNow)
                $0.member("max", snapshot.minersMax)
            }
            $0.member("upstreams", snapshot.upstreams.active)
            $0.object("results") { results(snapshot.results, uptime: uptime, into: &$0) }
        }
        return json.bytes
    }

    /// `/workers.json`.
    package static func workers(of snapshot: Snapshot) -> [UInt8] {
        var json = JSONWriter(reserving: 256 + snapshot.packedWorkers.count * 320)
        json.object {
            $0.object("hashrate") {
                $0.array("total", .onePerLine, snapshot.hashrates.kilohashes.prefix(windowCount).map { $0 })
            }
            $0.array("workers", .onePerLine) {
                // A worker that disconnected without an accepted share has no row (docs/COMPATIBILITY.md, "API of
                // 2.4").
                for row in snapshot.packedWorkers where row.connections > 0 || row.accepted > 0 {
                    $0.array(.onePerLine) { row.writeColumns(into: &$0) }
                }
            }
        }
        return json.bytes
    }

    private static func results(_ results: Snapshot.Results, uptime: UInt64, into json: inout JSONWriter) {
        json.member("accepted", results.accepted)
        json.member("rejected", results.rejected)
        json.member("invalid", results.invalid)
        json.member("avg_time", results.averageSeconds(uptime: uptime))
        json.member("latency", results.latencyMilliseconds)
        json.member("hashes_total", results.hashesTotal)
        json.member("hashes_donate", UInt64(0))
        json.array("best", .onePerLine, results.best)
        json.array("error_log", .onePerLine, results.errors.map(\.line))
    }
}

extension Hashrates {
    /// All six windows in kH/s.
    var kilohashes: [Hundredths] { all.map { Hundredths(kilohashes: $0) } }
}

extension Snapshot.Results {
    /// Seconds from one accepted share to the next; 0 if there was none.
    func averageSeconds(uptime: UInt64) -> UInt64 { accepted == 0 ? 0 : uptime / accepted }
}

extension Snapshot.ErrorLogEntry {
    /// "Low difficulty share (711)": the pool's text, and the number of times if more than one.
    var line: String { count > 1 ? "\(text) (\(count))" : text }
}

extension Snapshot.WorkerRow {
    /// The thirteen columns that both generations of the API share.
    func writeColumns(into json: inout JSONWriter) {
        json.element(name)
        json.element(ip)
        json.element(connections)
        json.element(accepted)
        json.element(rejected)
        json.element(invalid)
        json.element(hashes)
        json.element(lastShareAt)
        // One by one: an array for each of thousands of rows would cost more than the rest of the row.
        json.element(Hundredths(kilohashes: hashrates.oneMinute))
        json.element(Hundredths(kilohashes: hashrates.tenMinutes))
        json.element(Hundredths(kilohashes: hashrates.oneHour))
        json.element(Hundredths(kilohashes: hashrates.twelveHours))
        json.element(Hundredths(kilohashes: hashrates.oneDay))
    }
}
