package import Configuration
package import Telemetry

/// The documents of the current xmrig-proxy (6.x), `/1/summary` and `/1/workers` (docs/COMPATIBILITY.md, "API of 6.x"),
/// and in extensions those of Millrace.
package enum CurrentDocuments {
    /// `/1/summary`.
    /// - Parameter uptime: seconds.
    package static func summary(
        of snapshot: Snapshot, identity: Identity, isRestricted: Bool, machine: MachineReadings, uptime: UInt64
    ) -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.member("id", identity.id)
            $0.member("worker_id", identity.workerID)
            $0.member("uptime", uptime)
            $0.member("restricted", isRestricted)
            $0.object("resources") { resources(machine, into: &$0) }
            $0.array("features", .inLine, ["api", "http", "tls"])
            $0.member("version", identity.version)
            $0.member("kind", "proxy")
            $0.member("algo", "invalid")
            $0.member("mode", identity.mode.rawValue)
            $0.member("ua", identity.userAgent)
            $0.member("donate_level", UInt64(0))
            $0.member("donated", Hundredths(0))
            $0.object("hashrate") { $0.array("total", .inLine, snapshot.hashrates.kilohashes) }
            $0.object("miners") {
                $0.member("now", snapshot.minersNow)
                $0.member("max", snapshot.minersMax)
            }
            $0.member("workers", UInt64(snapshot.packedWorkers.count))
            $0.object("upstreams") {
                $0.member("active", snapshot.upstreams.active)
                $0.member("sleep", snapshot.upstreams.sleeping)
                $0.member("error", snapshot.upstreams.error)
                $0.member("total", snapshot.upstreams.total)
                $0.member("ratio", Hundredths(ratio: snapshot.minersNow, to: snapshot.upstreams.active))
            }
            $0.object("results") { results(snapshot.results, uptime: uptime, into: &$0) }
        }
        return json.bytes
    }

    /// `/1/workers`.
    /// - Parameter naming: what names a worker, shown as `mode`.
    package static func workers(
        of snapshot: Snapshot, naming: Settings.WorkerNaming, list: ListQuery<WorkerColumn> = ListQuery()
    ) -> [UInt8] {
        let rows = list.selection(from: snapshot.workers)
        var json = JSONWriter(reserving: 256 + rows.count * 128)
        json.object {
            $0.object("hashrate") { $0.array("total", .inLine, snapshot.hashrates.kilohashes) }
            $0.member("mode", naming.rawValue)
            $0.array("workers", .onePerLine) {
                for row in rows { $0.array(.inLine) { row.writeColumns(into: &$0) } }
            }
            if !list.isWhole { $0.member("total", UInt64(snapshot.packedWorkers.count)) }
        }
        return json.bytes
    }

    private static func resources(_ machine: MachineReadings, into json: inout JSONWriter) {
        json.object("memory") {
            $0.member("free", machine.memoryFree)
            $0.member("total", machine.memoryTotal)
            $0.member("resident_set_memory", machine.serviceResident)
        }
        json.array("load_average", .inLine, machine.loadAverage)
        json.member("hardware_concurrency", machine.processors)
    }

    private static func results(_ results: Snapshot.Results, uptime: UInt64, into json: inout JSONWriter) {
        json.member("accepted", results.accepted)
        json.member("rejected", results.rejected)
        json.member("invalid", results.invalid)
        json.member("expired", results.expired)
        json.member("avg_time", results.averageSeconds(uptime: uptime))
        json.member("latency", results.latencyMilliseconds)
        json.member("hashes_total", results.hashesTotal)
        json.member("hashes_donate", UInt64(0))
        json.array("best", .inLine, results.best)
    }
}
