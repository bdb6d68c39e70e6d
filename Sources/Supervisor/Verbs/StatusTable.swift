internal import Control
internal import FoundationEssentials

/// The table of `millrace status`.
struct StatusTable {
    let text: String

    /// - Parameter now: milliseconds since 1970.
    init(_ status: ServiceStatus, now: UInt64) {
        let heading =
            "Millrace \(status.version), process \(status.processID), "
            + (status.isStopping ? "stopping" : "up \(StatusTable.duration(from: status.startedAt, to: now))")
        var rows = [["", "STATE", "PROCESS", "UP", "RESTARTS", "LAST FAILURE"]]
        rows += status.children.map { child in
            [
                child.name, child.state.rawValue, child.processID.map(String.init) ?? "-",
                child.startedAt.map { StatusTable.duration(from: $0, to: now) } ?? "-",
                StatusTable.restarts(of: child), child.lastDeath ?? "-",
            ]
        }
        var lines = [heading, ""] + StatusTable.aligned(rows) + [""]
        if !status.restarting.isEmpty {
            lines.append("being replaced: " + status.restarting.joined(separator: ", "))
        }
        if let count = status.scalesTo { lines.append("requested number of shards: \(count)") }
        if let degraded = status.degraded, !degraded.isEmpty {
            lines += ["degraded:"] + StatusTable.grouped(degraded).map { "  \($0)" } + [""]
        } else if let place = status.restartHaltedAt {
            lines.append("restarts cancelled: the new process of \(place) failed")
        }
        lines += StatusTable.lines(of: status.configuration, now: now)
        text = lines.joined(separator: "\n") + "\n"
    }

    /// Joins equal messages of several processes in one line.
    static func grouped(_ texts: [String]) -> [String] {
        var groups: [(names: [String], text: String)] = []
        for text in texts {
            guard let end = text.firstRange(of: ": ") else {
                groups.append(([], text))
                continue
            }
            let (name, words) = (String(text[..<end.lowerBound]), String(text[end.upperBound...]))
            if let index = groups.firstIndex(where: { $0.text == words && !$0.names.isEmpty }) {
                groups[index].names.append(name)
            } else {
                groups.append(([name], words))
            }
        }
        return groups.map { $0.names.isEmpty ? $0.text : "\($0.names.joined(separator: ", ")): \($0.text)" }
    }

    /// "3 (2 SIGKILL, 1 asked)", most frequent first.
    private static func restarts(of child: ChildStatus) -> String {
        let causes = child.restartCauses.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { "\($0.value) \($0.key)" }
        return causes.isEmpty ? "\(child.restarts)" : "\(child.restarts) (\(causes.joined(separator: ", ")))"
    }

    private static func lines(of configuration: ConfigurationStatus, now: UInt64) -> [String] {
        let source = configuration.file ?? "from options only"
        let age = duration(from: configuration.loadedAt, to: now)
        var lines = ["configuration: \(source), in force for \(age)"]
        lines += configuration.waitingForRestart.map { "  pending: \($0)" }
        lines += (configuration.warnings ?? []).map { "  warning: \($0)" }
        if !configuration.lastRefusal.isEmpty {
            lines.append("  the last attempt to change it was refused:")
            lines += configuration.lastRefusal.map { "    \($0)" }
        }
        if let certificate = configuration.certificate {
            let day = LocalTime.utc.date(seconds: Int64(certificate.expiresAt / 1_000))
            lines.append("TLS for miners: certificate sha256 \(certificate.sha256), valid until \(day)")
        }
        return lines
    }

    /// "2d 3h", "3h 4m", "4m 5s", "5s".
    static func duration(from start: UInt64, to now: UInt64) -> String {
        let seconds = now > start ? (now - start) / 1_000 : 0
        let parts = [
            (seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s"),
        ]
        let shown = parts.drop { $0.0 == 0 }.prefix(2)
        return shown.isEmpty ? "0s" : shown.map { "\($0.0)\($0.1)" }.joined(separator: " ")
    }

    /// Pads columns to equal width, two spaces apart; the last column is not padded.
    static func aligned(_ rows: [[String]]) -> [String] {
        let count = rows.first?.count ?? 0
        let widths = (0..<count).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            var line = ""
            for (column, cell) in row.enumerated() {
                line += cell
                if column < count - 1 { line += String(repeating: " ", count: widths[column] - cell.count + 2) }
            }
            return line
        }
    }
}

/// The table of `millrace shards`.
struct ShardTable {
    let text: String

    /// - Parameter now: milliseconds since 1970.
    init(_ status: ServiceStatus, now: UInt64) {
        let shards = status.children.filter { $0.kind == .shard }
        var rows = [["", "STATE", "PROCESS", "UP", "MINERS", "UPSTREAMS", "RESTARTS"]]
        rows += shards.map { shard in
            [
                shard.name, shard.state.rawValue, shard.processID.map(String.init) ?? "-",
                shard.startedAt.map { StatusTable.duration(from: $0, to: now) } ?? "-",
                shard.miners.map(String.init) ?? "-", shard.upstreams.map(String.init) ?? "-", "\(shard.restarts)",
            ]
        }
        let (miners, upstreams) = (shards.compactMap(\.miners), shards.compactMap(\.upstreams))
        rows.append(["all", "", "", "", "\(miners.reduce(0, +))", "\(upstreams.reduce(0, +))", ""])
        var lines = StatusTable.aligned(rows).map { $0.trimmingSuffix(" ") }
        if let count = status.scalesTo { lines += ["", "requested number of shards: \(count)"] }
        text = lines.joined(separator: "\n") + "\n"
    }
}

extension String {
    fileprivate func trimmingSuffix(_ character: Character) -> String {
        String(self[..<(lastIndex { $0 != character }.map { index(after: $0) } ?? startIndex)])
    }
}
