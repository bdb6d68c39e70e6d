internal import Telemetry

extension CurrentDocuments {
    /// `/1/upstreams`: every pool connection.
    package static func upstreams(of view: ServiceView, list: ListQuery<UpstreamColumn> = ListQuery()) -> [UInt8] {
        let all = view.snapshot.openUpstreams
        let rows = list.selection(from: all)
        var json = JSONWriter(reserving: 256 + rows.count * 384)
        json.object {
            $0.array("upstreams", .onePerLine) {
                for row in rows {
                    $0.object { write(row, pools: view.snapshot.pools, time: view.time, into: &$0) }
                }
            }
            if !list.isWhole { $0.member("total", UInt64(all.count)) }
        }
        return json.bytes
    }

    private static func write(
        _ row: Snapshot.UpstreamRow, pools: [String], time: UInt64, into json: inout JSONWriter
    ) {
        let gauge = row.gauge
        json.member("shard", UInt64(row.shard))
        json.member("id", UInt64(gauge.id))
        json.member("pool", pools.indices.contains(Int(gauge.pool)) ? pools[Int(gauge.pool)] : nil)
        json.member("state", gauge.state.name)
        json.member("miners", UInt64(gauge.miners))
        json.member("diff", gauge.difficulty.nonZero)
        json.member("height", gauge.height.nonZero)
        json.member("logged_in_since", gauge.loggedInAt.nonZero)
        json.member("job_age", gauge.jobAt.nonZero.map { seconds(from: $0, to: time) })
        json.member("accepted", gauge.accepted)
        json.member("rejected", gauge.rejected)
        json.member("in_flight", gauge.inFlight)
        json.member("tls", gauge.tls.version)
        json.member("cipher", gauge.tls.cipher)
    }

    /// Whole seconds between two times of day; 0 if the clock was set back.
    static func seconds(from start: UInt64, to end: UInt64) -> UInt64 { end > start ? (end - start) / 1_000 : 0 }
}

extension UpstreamGauge.State {
    /// The name in documents and metrics, as in `upstreams` of `/1/summary`.
    var name: String {
        switch self {
        case .active: "active"
        case .sleeping: "sleep"
        case .error: "error"
        }
    }
}
