internal import ArgumentParser
internal import Control
internal import DaemonKit
internal import Glibc

let verbExitCodes = """
    Exit codes: 0 done, 1 refused or failed (the reason is on standard error), 2 the configuration does not tell which \
    service is meant, 3 no service answers there, 64 wrong command line.
    """

/// `millrace status`
struct StatusVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Show the processes of the running service, its pools, miners and hashrate, and its configuration.",
        discussion: verbExitCodes, helpNames: .shortAndLong)

    @OptionGroup var service: ServiceAddress

    func run() {
        let directory = service.directory()
        switch service.ask(.status, of: ControlClient(runDirectory: directory)) {
        case .status(let status):
            let mining = LatestSnapshot(runDirectory: directory).report
            if service.json {
                print(JSONLine.of(StatusDocument(service: status, mining: try? mining.get())))
            } else {
                let tables = [StatusTable(status, now: WallClock.milliseconds()).text, mining.text]
                print(tables.joined(separator: "\n"), terminator: "")
            }
        case let other: service.leave(VerbOutcome(other, done: []))
        }
    }
}

/// `millrace restart <shard|all>`
struct RestartVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart", abstract: "Replace the process of one shard, or of all, one after the other.",
        discussion: "Each shard waits for the one before to be ready. Waits until all are done.\n\n" + verbExitCodes,
        helpNames: .shortAndLong)

    @Argument(help: ArgumentHelp("The shard's number, or all.", valueName: "shard|all")) var which: String
    @OptionGroup var service: ServiceAddress

    func validate() throws {
        guard which == "all" || Int(which) != nil else {
            throw ValidationError("expected the number of a shard, or all; found \"\(which)\"")
        }
    }

    func run() {
        let client = service.client()
        let reply = service.ask(Int(which).map { .restart(shard: $0) } ?? .restartAll, of: client)
        guard reply == .begun else { service.leave(VerbOutcome(reply, done: [])) }
        service.leave(watch(client))
    }

    private static let lookMicroseconds: UInt32 = 100_000

    /// Every state on the way has a deadline in the supervisor, so this ends.
    private func watch(_ client: ControlClient) -> VerbOutcome {
        while true {
            guard case .status(let status) = service.ask(.status, of: client) else {
                return VerbOutcome(.failed, lines: ["the service did not report its state"])
            }
            if status.isStopping { return VerbOutcome(.failed, lines: ["the service is stopping"]) }
            let shards = status.children.filter { child in
                guard child.kind == .shard, which == "all" else { return child.shard == Int(which) }
                // All are those that are not empty by will, or will be.
                return child.state != .drained
                    && (child.state != .draining || status.restarting.contains(child.name))
            }
            let names = shards.map(\.name)
            if !status.restarting.contains(where: names.contains) { return judge(shards, status) }
            usleep(RestartVerb.lookMicroseconds)
        }
    }

    private func judge(_ shards: [ChildStatus], _ status: ServiceStatus) -> VerbOutcome {
        let lines = shards.map(\.line)
        if let place = status.restartHaltedAt {
            return VerbOutcome(
                .failed, lines: ["the new process of \(place) failed; the shards after it were not restarted"] + lines)
        }
        return VerbOutcome(shards.allSatisfy { $0.state == .ready } ? .done : .failed, lines: lines)
    }
}

/// `millrace reload`
struct ReloadVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Make the running service read its configuration file again.",
        discussion: "A file with errors changes nothing, and they are shown.\n\n" + verbExitCodes,
        helpNames: .shortAndLong)

    @OptionGroup var service: ServiceAddress

    func run() {
        let client = service.client()
        let reply = service.ask(.reload, of: client)
        guard reply == .done, case .status(let status) = service.ask(.status, of: client) else {
            service.leave(VerbOutcome(reply, done: ["the configuration is in force"]))
        }
        var lines = ["the configuration is in force"]
        if !status.restarting.isEmpty { lines.append("being replaced: " + status.restarting.joined(separator: ", ")) }
        service.leave(VerbOutcome(.done, lines: lines + status.configuration.waitingForRestart))
    }
}

/// `millrace stop`
struct StopVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Stop the running service in order.",
        discussion: "Waits until it has stopped.\n\n" + verbExitCodes, helpNames: .shortAndLong)

    @OptionGroup var service: ServiceAddress

    private static let lookMicroseconds: UInt32 = 50_000
    /// Three stages with their kill ladders take at most 15 s.
    private static let looksMax = 20_000_000 / Int(lookMicroseconds)

    func run() {
        let client = service.client()
        let reply = service.ask(.stop, of: client)
        guard reply == .begun else { service.leave(VerbOutcome(reply, done: [])) }
        for _ in 0..<StopVerb.looksMax {
            do throws(ControlFailure) {
                _ = try client.ask(.status, timeoutMilliseconds: ServiceAddress.patienceMillis)
            } catch {
                if case .noService = error { service.leave(VerbOutcome(.done, lines: ["stopped"])) }
            }
            usleep(StopVerb.lookMicroseconds)
        }
        service.leave(VerbOutcome(.failed, lines: ["the service is still stopping"]))
    }
}

extension ChildStatus {
    /// As log lines have it: "shard 0".
    var name: String { shard.map { "\(kind) \($0)" } ?? "\(kind)" }

    /// When nothing is on its way: it serves, or shall not.
    var isAsWanted: Bool { [.ready, .draining, .drained].contains(state) }

    /// "shard 0: ready, process 4711"
    var line: String { "\(name): \(state)" + (processID.map { ", process \($0)" } ?? "") }
}
