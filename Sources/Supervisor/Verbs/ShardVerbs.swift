internal import ArgumentParser
internal import Control
internal import DaemonKit

/// `millrace shards`
///
/// The numbers come from the heartbeats of the shards. They need no API, token or collector, and are at most one second
/// old. `GET /1/shards` has exact totals.
struct ShardsVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shards", abstract: "Show the shards of the running service and how many miners each has.",
        discussion: verbExitCodes, helpNames: .shortAndLong)

    @OptionGroup var service: ServiceAddress

    func run() {
        switch service.ask(.status, of: service.client()) {
        case .status(let status):
            if service.json {
                print(JSONLine.of(status.children.filter { $0.kind == .shard }))
            } else {
                print(ShardTable(status, now: WallClock.milliseconds()).text, terminator: "")
            }
        case let other: service.leave(VerbOutcome(other, done: []))
        }
    }
}

/// `millrace drain <shard>`
struct DrainVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Disconnect the miners of one shard and leave it empty.",
        discussion: """
            The shard accepts no new miners. Its miners are disconnected at random moments within the time, and \
            reconnect to the other shards. Connections left at the end are reset. `millrace restart SHARD` puts the \
            shard back into service. Waits until the shard is empty; interrupting the command does not interrupt the \
            operation.

            \(verbExitCodes)
            """, helpNames: .shortAndLong)

    @Argument(help: ArgumentHelp("The shard's number.", valueName: "shard")) var shard: Int
    @OptionGroup var time: DrainTime
    @OptionGroup var service: ServiceAddress

    func run() {
        let client = service.client()
        let reply = service.ask(.drain(shard: shard, withinSeconds: time.within), of: client)
        guard reply == .begun else { service.leave(VerbOutcome(reply, done: [])) }
        var progress = Progress(isShown: !service.json)
        service.leave(
            service.watch(client) { status in
                guard let child = status.children.first(where: { $0.kind == .shard && $0.shard == shard }) else {
                    return VerbOutcome(.failed, lines: ["shard \(shard) was removed"])
                }
                progress.show([child])
                if child.state == .draining { return nil }
                return VerbOutcome(child.state == .drained ? .done : .failed, lines: [child.line])
            })
    }
}

/// `millrace scale <n>`
struct ScaleVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale", abstract: "Change the number of shards.",
        discussion: """
            A larger number starts new shards. A smaller one removes the shards with the highest numbers: their miners \
            move to the other shards without a reconnect; if that is impossible, they are drained within the time. The \
            number holds until the service is restarted, or millrace.shards is changed in the configuration. Waits \
            until done; interrupting the command does not interrupt the operation.

            \(verbExitCodes)
            """, helpNames: .shortAndLong)

    @Argument(help: ArgumentHelp("The new number of shards.", valueName: "number")) var shards: Int
    @OptionGroup var time: DrainTime
    @OptionGroup var service: ServiceAddress

    func run() {
        let client = service.client()
        let reply = service.ask(.scale(shards: shards, withinSeconds: time.within), of: client)
        guard reply == .begun else { service.leave(VerbOutcome(reply, done: [])) }
        var progress = Progress(isShown: !service.json)
        service.leave(
            service.watch(client) { status in
                let all = status.children.filter { $0.kind == .shard }
                progress.show(all.filter { $0.state == .draining })
                if status.scalesTo == shards { return nil }
                if let other = status.scalesTo {
                    return VerbOutcome(.failed, lines: ["another request changed the number of shards to \(other)"])
                }
                let isGood = all.count == shards && all.allSatisfy(\.isAsWanted)
                return VerbOutcome(isGood ? .done : .failed, lines: all.map(\.line))
            })
    }
}

/// `millrace rebalance`
struct RebalanceVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rebalance", abstract: "Move miners from shards with many to shards with few.",
        discussion: """
            After `scale` to a larger number, new shards have only miners that connected later. This command moves \
            whole pool connections, with up to 256 miners each: no miner reconnects, and the pool sees no new login. \
            Waits until done; interrupting the command does not interrupt the operation.

            \(verbExitCodes)
            """, helpNames: .shortAndLong)

    @OptionGroup var service: ServiceAddress

    func run() {
        let client = service.client()
        let reply = service.ask(.rebalance, of: client)
        guard reply == .begun else { service.leave(VerbOutcome(reply, done: [])) }
        service.leave(
            service.watch(client) { status in
                guard status.isRebalancing != true else { return nil }
                let shards = status.children.filter { $0.kind == .shard }
                return VerbOutcome(.done, lines: shards.map { "\($0.name): \(counted($0.miners ?? 0, "miner"))" })
            })
    }
}

struct DrainTime: ParsableArguments {
    @Option(help: ArgumentHelp("Disconnect the miners over this time.", valueName: "seconds"))
    var within = ControlRequest.withinSecondsDefault
}

/// Prints the number of remaining miners when it changes.
private struct Progress {
    let isShown: Bool
    private var told: [String] = []

    init(isShown: Bool) {
        self.isShown = isShown
    }

    mutating func show(_ children: [ChildStatus]) {
        let lines = children.compactMap { child in
            child.state == .draining ? child.miners.map { "\(child.name): draining, \($0) miners left" } : nil
        }
        if isShown { for line in lines where !told.contains(line) { say(line) } }
        told = lines
    }
}
