internal import Control
internal import Telemetry

extension CurrentDocuments {
    /// `/1/shards`: every process of the service, and how complete the statistics are.
    ///
    /// It joins the supervisor's report and the collector's counts. If one of the two does not answer, its members are
    /// null; 0 always means zero.
    package static func shards(of view: ServiceView) -> [UInt8] {
        var json = JSONWriter(reserving: 4_096)
        json.object {
            $0.array("shards", .onePerLine) {
                for shard in view.shards { $0.object { write(shard, time: view.time, into: &$0) } }
            }
            write("collector", view.process(.collector), time: view.time, into: &$0)
            write("gateway", view.process(.gateway), time: view.time, into: &$0)
            writeSupervisor(view.status, time: view.time, into: &$0)
            writeDegradations(view.status?.degradations, into: &$0)
            writeConfiguration(view.status?.configuration, into: &$0)
            writeDatabase(view.collected?.database, into: &$0)
            writeStatistics(view, into: &$0)
        }
        return json.bytes
    }

    private static func write(_ shard: ServiceView.Shard, time: UInt64, into json: inout JSONWriter) {
        let row = shard.row
        json.member("id", UInt64(shard.number))
        writeProcess(shard.process, time: time, into: &json)
        json.member("live", row?.isLive)
        json.member("miners", row?.minersNow)
        json.member("miners_waiting", row?.minersWaiting)
        json.member("connections", row?.connections)
        json.object("tls") {
            $0.member("connections", row?.tls.connections)
            $0.member("not_kept", row?.tls.notKept)
            $0.member("certificate_sha256", row?.tls.certificateFingerprint.nonEmpty)
            $0.member("certificate_expires", row?.tls.certificateExpiresAt.nonZero)
        }
        json.object("upstreams") {
            $0.member("active", row?.upstreams.active)
            $0.member("sleep", row?.upstreams.sleeping)
            $0.member("error", row?.upstreams.error)
            $0.member("total", row?.upstreams.total)
        }
        json.object("shares") {
            $0.member("accepted", row?.counters.accepted)
            $0.member("rejected", row?.counters.rejected)
            $0.member("invalid", row?.counters.invalid)
            $0.member("expired", row?.counters.expired)
            $0.member("hashes_total", row?.counters.hashesTotal)
        }
        json.object("events") {
            $0.member("lost", row?.eventsLost)
            $0.member("replayed", row?.eventsReplayed)
        }
        json.member("loop_delay_ms", row.map { Hundredths(UInt64($0.loopDelayMicroseconds) / 10) })
    }

    private static func write(
        _ key: StaticString, _ process: ChildStatus?, time: UInt64, into json: inout JSONWriter
    ) {
        json.object(key) { writeProcess(process, time: time, into: &$0) }
    }

    /// The members that the supervisor reports about one process.
    private static func writeProcess(_ process: ChildStatus?, time: UInt64, into json: inout JSONWriter) {
        json.member("state", process?.state.rawValue)
        json.member("pid", process?.processID.map(Int.init))
        json.member("uptime", process?.startedAt.map { seconds(from: $0, to: time) })
        json.member("restarts", process?.restarts)
        if let causes = process?.causes {
            json.object("restart_causes") { json in
                for (cause, count) in causes { json.member(named: cause, count) }
            }
        } else {
            json.member("restart_causes", UInt64?.none)
        }
        json.member("last_death", process?.lastDeath)
    }

    private static func writeSupervisor(_ status: ServiceStatus?, time: UInt64, into json: inout JSONWriter) {
        json.object("supervisor") {
            $0.member("version", status?.version)
            $0.member("pid", status.map { Int($0.processID) })
            $0.member("uptime", status.map { seconds(from: $0.startedAt, to: time) })
        }
    }

    private static func writeDegradations(_ degradations: [DegradedStatus]?, into json: inout JSONWriter) {
        guard let degradations else { return json.member("degraded", UInt64?.none) }
        json.array("degraded", .onePerLine) {
            for degradation in degradations {
                $0.object {
                    $0.member("process", degradation.process)
                    $0.member("reason", degradation.reason.rawValue)
                    $0.member("message", degradation.text)
                }
            }
        }
    }

    private static func writeConfiguration(_ configuration: ConfigurationStatus?, into json: inout JSONWriter) {
        json.object("configuration") {
            $0.member("file", configuration?.file)
            $0.member("loaded_at", configuration?.loadedAt)
            if let lines = configuration?.lastRefusal {
                $0.array("last_refusal", .onePerLine, lines)
            } else {
                $0.member("last_refusal", UInt64?.none)
            }
        }
    }

    private static func writeDatabase(_ database: Snapshot.Database?, into json: inout JSONWriter) {
        json.object("database") {
            $0.member("state", database?.state.name)
            $0.member("message", database?.message.nonEmpty)
            $0.member("committed_at", database?.committedAt.nonZero)
        }
    }

    private static func writeStatistics(_ view: ServiceView, into json: inout JSONWriter) {
        let snapshot = view.collected
        json.object("statistics") {
            $0.member("age", snapshot.map { seconds(from: $0.time, to: view.time) })
            $0.member("last_loss", snapshot?.results.lastLossAt.nonZero)
            if let snapshot {
                let windows = HashrateSpan.allCases.filter(snapshot.isIncomplete)
                $0.array("incomplete_windows", .inLine, windows.map(\.rawValue))
            } else {
                $0.member("incomplete_windows", UInt64?.none)
            }
        }
    }
}

extension ChildStatus {
    /// The causes of restarts: most frequent first, then by name.
    var causes: [(cause: String, count: Int)] {
        restartCauses.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { (cause: $0.key, count: $0.value) }
    }
}

extension TLSFigures {
    /// All with TLS.
    var connections: UInt64 { UInt64(kept) + UInt64(notKept) }

    /// When the certificate expires, in milliseconds since 1970; 0 = there is none.
    var certificateExpiresAt: UInt64 { UInt64(clamping: certificateExpires).multipliedSaturating(by: 1_000) }
}

extension UInt64 {
    fileprivate func multipliedSaturating(by factor: UInt64) -> UInt64 {
        let (product, overflows) = multipliedReportingOverflow(by: factor)
        return overflows ? .max : product
    }
}

extension Snapshot.Database.State {
    var name: String {
        switch self {
        case .durable: "durable"
        case .failing: "failing"
        case .off: "off"
        }
    }
}
