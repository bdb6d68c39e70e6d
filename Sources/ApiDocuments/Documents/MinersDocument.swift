internal import Telemetry

extension CurrentDocuments {
    /// `/1/miners`: every miner that is logged in, in the table of xmrig-proxy 6.x. The password is never shown
    /// (docs/COMPATIBILITY.md, "API of 6.x"). The TLS of the miners is not in the table, whose columns are those of
    /// xmrig-proxy, but in a list of its own.
    package static func miners(of view: ServiceView, list: ListQuery<MinerColumn> = ListQuery()) -> [UInt8] {
        let rows = list.selection(from: view.miners)
        var json = JSONWriter(reserving: 256 + rows.count * 160)
        json.object {
            $0.array(
                "format", .inLine,
                ["id", "ip", "tx", "rx", "state", "diff", "user", "password", "rig_id", "agent"])
            $0.array("miners", .onePerLine) {
                for row in rows { $0.array(.inLine) { row.writeColumns(into: &$0) } }
            }
            $0.array("tls", .onePerLine) {
                for row in rows { $0.element(row.gauge.tls) }
            }
            if !list.isWhole { $0.member("total", UInt64(view.miners.count)) }
        }
        return json.bytes
    }
}

extension MinerRow {
    /// xmrig-proxy's code for a miner that is logged in and has a nonce slot; other miners are not listed.
    static let readyState: UInt32 = 2

    fileprivate func writeColumns(into json: inout JSONWriter) {
        json.element(id)
        json.element(miner.ip)
        json.element(sentBytes)
        json.element(receivedBytes)
        json.element(MinerRow.readyState)
        json.element(difficulty)
        json.element(miner.user.nonEmpty)
        json.element(String?.none)  // the password
        json.element(miner.rigID.nonEmpty)
        json.element(miner.agent.nonEmpty)
    }
}

extension JSONWriter {
    /// Version and cipher; null without TLS.
    fileprivate mutating func element(_ tls: TLSCode) {
        guard tls != .none else { return element(String?.none) }
        array(.inLine) {
            $0.element(tls.version)
            $0.element(tls.cipher)
        }
    }
}

extension String {
    /// nil if empty: the miner did not send it.
    var nonEmpty: String? { isEmpty ? nil : self }
}

extension UInt64 {
    /// nil if 0: telemetry uses 0 for a value that is unknown.
    var nonZero: UInt64? { self == 0 ? nil : self }
}
