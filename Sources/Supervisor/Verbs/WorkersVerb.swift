internal import ArgumentParser
internal import Control
internal import DaemonKit
internal import Telemetry

/// `millrace workers`
struct WorkersVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "workers", abstract: "Show the workers of the running service.",
        discussion: "Does not need the API. A worker without a connection is offline.\n\n" + verbExitCodes,
        helpNames: .shortAndLong)

    @Flag(help: "Show only offline workers.") var offline = false
    @Option(
        help: ArgumentHelp(
            """
            name; hashrate: highest first; last: oldest accepted share first; rejected: most shares rejected by the \
            pool first.
            """,
            valueName: "name|hashrate|last|rejected"))
    var sort = WorkerList.Order.name
    @OptionGroup var service: ServiceAddress

    func run() {
        let directory = service.directory()
        guard case .status = service.ask(.status, of: ControlClient(runDirectory: directory)) else {
            service.leave(VerbOutcome(.failed, lines: ["unexpected answer of the service"]))
        }
        switch LatestSnapshot(runDirectory: directory).result {
        case .success(let snapshot):
            let list = WorkerList(snapshot, onlyOffline: offline, order: sort)
            print(service.json ? JSONLine.of(list.workers) + "\n" : list.text, terminator: "")
        case .failure(let missing):
            service.leave(VerbOutcome(.failed, lines: ["workers are not available: \(missing.reason)"]))
        }
    }
}

/// Rows of the workers table.
struct WorkerList {
    enum Order: String, CaseIterable, ExpressibleByArgument {
        case name, hashrate, last, rejected
    }

    struct Worker: Encodable, Equatable {
        var name: String
        var ip: String
        var isOnline: Bool
        var connections: UInt32
        /// Hashes per second.
        var oneMinute: Double
        var tenMinutes: Double
        var oneHour: Double
        var accepted: UInt64
        var rejected: UInt64
        var invalid: UInt64
        /// Milliseconds since 1970; nil before the first accepted share.
        var lastShareAt: UInt64?
        /// Milliseconds since 1970 of the last login, share or logout.
        var lastSeenAt: UInt64
    }

    private(set) var workers: [Worker]
    private let counts: (all: Int, offline: Int)
    private let time: UInt64
    private let remark: String

    init(_ snapshot: Snapshot, onlyOffline: Bool = false, order: Order = .name) {
        let all = snapshot.workers
        counts = (all.count, all.count { $0.connections == 0 })
        time = snapshot.time
        remark = MiningReport.remark(startedAt: snapshot.startedAt, time: snapshot.time)
        workers = all.filter { !onlyOffline || $0.connections == 0 }.map { row in
            Worker(
                name: row.name, ip: row.ip, isOnline: row.connections > 0, connections: row.connections,
                oneMinute: row.hashrates.oneMinute, tenMinutes: row.hashrates.tenMinutes,
                oneHour: row.hashrates.oneHour, accepted: row.accepted,
                rejected: row.rejected, invalid: row.invalid,
                lastShareAt: row.lastShareAt > 0 ? row.lastShareAt : nil, lastSeenAt: row.lastSeenAt)
        }
        switch order {
        case .name: workers.sort { $0.name < $1.name }
        case .hashrate: workers.sort { ($1.tenMinutes, $0.name) < ($0.tenMinutes, $1.name) }
        case .rejected: workers.sort { ($1.rejected, $0.name) < ($0.rejected, $1.name) }
        case .last: workers.sort { ($0.lastShareAt ?? 0, $0.name) < ($1.lastShareAt ?? 0, $1.name) }
        }
    }

    var text: String { text(LocalTime()) }

    /// - Parameter clock: the time zone of the reader.
    func text(_ clock: LocalTime) -> String {
        var rows = [
            [
                "WORKER", "STATE", "MINERS", "KH/S 1M", "10M", "1H", "ACCEPTED", "REJECTED", "REFUSED", "LAST SHARE",
                "IP",
            ]
        ]
        rows += workers.map { worker in
            [
                WorkerList.shown(worker.name),
                worker.isOnline ? "online" : "offline since \(clock.text(worker.lastSeenAt, seenAt: time))",
                "\(worker.connections)", "\(Kilohashes(worker.oneMinute))", "\(Kilohashes(worker.tenMinutes))",
                "\(Kilohashes(worker.oneHour))",
                "\(worker.accepted)", "\(worker.rejected)", "\(worker.invalid)",
                worker.lastShareAt.map { share in
                    let age = StatusTable.duration(from: share, to: time) + " ago"
                    return worker.isOnline ? age : "\(clock.text(share, seenAt: time)), \(age)"
                } ?? "-", worker.ip,
            ]
        }
        let count = "\(counts.all) \(counts.all == 1 ? "worker" : "workers"), \(counts.offline) offline" + remark
        return ((workers.isEmpty ? [] : StatusTable.aligned(rows) + [""]) + [count]).joined(separator: "\n") + "\n"
    }

    /// A longer name would push the numbers off the screen.
    static let shownNameMax = 40

    /// Replaces control and format characters: a name comes from a miner, and must not control the terminal or change
    /// the text direction.
    static func shown(_ name: String) -> String {
        var scalars = String.UnicodeScalarView()
        for scalar in name.unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: scalars.append("?")
            default: scalars.append(scalar)
            }
        }
        let clean = String(scalars)
        return clean.count > shownNameMax ? clean.prefix(shownNameMax - 1) + "…" : clean
    }
}
