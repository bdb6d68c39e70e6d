internal import ArgumentParser
internal import Control
internal import DaemonKit

let verbExitCodes = """
    Exit codes: 0 done, 1 refused or failed (the reason is on standard error), 2 the configuration does not say which \
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
                let tables = [
                    StatusTable(status, now: WallClock.milliseconds()).text,
                    mining.text(database: status.configuration.database),
                ]
                print(tables.joined(separator: "\n"), terminator: "")
            }
        case let other: service.leave(VerbOutcome(other, done: []))
        }
    }
}

/// `millrace restart <shard|collector|gateway|all>`
struct RestartVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract: "Restart one process of the running service, or all of them one after the other.",
        discussion: """
            `all` restarts the shards one after the other, then the collector and the gateway. Miners stay connected. \
            A process that has failed is started at once. Waits until done.

            \(verbExitCodes)
            """,
        helpNames: .shortAndLong)

    @Argument(help: ArgumentHelp("A shard's number, collector, gateway or all.", valueName: "process"))
    var which: String
    @OptionGroup var service: ServiceAddress

    private var request: ControlRequest? {
        switch which {
        case "all": .restartEverything
        case "collector": .restartProcess(.collector)
        case "gateway": .restartProcess(.gateway)
        default: Int(which).map { .restart(shard: $0) }
        }
    }

    func validate() throws {
        guard request != nil else {
            throw ValidationError("expected the number of a shard, collector, gateway or all; found \"\(which)\"")
        }
    }

    func run() {
        guard let request else { return }
        let client = service.client()
        let reply = service.ask(request, of: client)
        guard reply == .begun else { service.leave(VerbOutcome(reply, done: [])) }
        service.leave(
            service.watch(client) { status in
                let children = status.children.filter { isMeant($0, status) }
                let names = children.map(\.name)
                return status.restarting.contains(where: names.contains) ? nil : judge(children, status)
            })
    }

    private func isMeant(_ child: ChildStatus, _ status: ServiceStatus) -> Bool {
        switch which {
        // A shard that the operator has drained stays empty.
        case "all":
            child.state != .drained && (child.state != .draining || status.restarting.contains(child.name))
        case "collector": child.kind == .collector
        case "gateway": child.kind == .gateway
        default: child.kind == .shard && child.shard == Int(which)
        }
    }

    private func judge(_ children: [ChildStatus], _ status: ServiceStatus) -> VerbOutcome {
        let lines = children.map(\.line)
        if let place = status.restartHaltedAt {
            return VerbOutcome(
                .failed, lines: ["the new process of \(place) failed; the shards after it were not restarted"] + lines)
        }
        let isGood = children.allSatisfy { $0.state == .ready && $0.runsOldConfiguration != true }
        return VerbOutcome(isGood ? .done : .failed, lines: lines)
    }
}

/// `millrace reload`
struct ReloadVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload", abstract: "Reload the configuration file of the running service.",
        discussion: """
            Shows errors and warnings; a file with errors changes nothing. Waits until every process runs the new \
            configuration, or one could not be replaced.

            \(verbExitCodes)
            """,
        helpNames: .shortAndLong)

    @OptionGroup var service: ServiceAddress

    func run() {
        let client = service.client()
        let reply = service.ask(.reload, of: client)
        guard reply == .done else { service.leave(VerbOutcome(reply, done: [])) }
        service.leave(service.watch(client) { $0.restarting.isEmpty ? ReloadVerb.outcome(of: $0) : nil })
    }

    static func outcome(of status: ServiceStatus) -> VerbOutcome {
        let remarks =
            status.configuration.waitingForRestart + (status.configuration.warnings ?? []).map { "warning: \($0)" }
        let bad = status.children.filter { $0.runsOldConfiguration == true || $0.state == .failed }
        guard !bad.isEmpty || status.restartHaltedAt != nil else {
            return VerbOutcome(.done, lines: ["the configuration is in force"] + remarks)
        }
        let halt = status.restartHaltedAt.map { "the new process of \($0) failed" }
        return VerbOutcome(
            .failed,
            lines: ["the configuration is not in force in all processes" + (halt.map { ": \($0)" } ?? "")]
                + bad.map(\.line) + remarks)
    }
}

/// `millrace stop`
struct StopVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stop", abstract: "Stop the running service.",
        discussion: "Waits until it has stopped.\n\n" + verbExitCodes, helpNames: .shortAndLong)

    @OptionGroup var service: ServiceAddress

    /// Three stages, each with its escalation to SIGKILL, take at most 15 s.
    private static let secondsMax = 20

    func run() {
        let client = service.client()
        let reply = service.ask(.stop, of: client)
        guard reply == .begun else { service.leave(VerbOutcome(reply, done: [])) }
        let outcome = service.poll(client, atMost: StopVerb.secondsMax) { result in
            if case .failure(.noService) = result { VerbOutcome(.done, lines: ["stopped"]) } else { nil }
        }
        service.leave(outcome ?? VerbOutcome(.failed, lines: ["the service is still stopping"]))
    }
}

extension ChildStatus {
    /// The name in log lines: "shard 0".
    var name: String { shard.map { "\(kind) \($0)" } ?? "\(kind)" }

    /// Whether no change is in progress: it serves, or is meant to be empty.
    var isAsWanted: Bool { [.ready, .draining, .drained].contains(state) }

    /// "shard 0: ready, process 4711"
    var line: String {
        "\(name): \(state)" + (processID.map { ", process \($0)" } ?? "")
            + (runsOldConfiguration == true ? ", still runs the old configuration" : "")
    }
}
