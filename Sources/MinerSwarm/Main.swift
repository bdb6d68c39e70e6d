internal import ArgumentParser
internal import EventLoop
internal import HostileInput

/// Thousands of simulated miners in one process.
@main
struct SwarmCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "millrace-swarm",
        abstract: "Simulated miners for a pool or proxy on this machine: load, and a judge of what it answers.",
        discussion: """
            Every miner logs in, takes jobs and hands in shares as XMRig does, with made-up hashes that meet the target. \
            The swarm checks what no miner can see alone: that no two of them search the same nonces.

            With --real-hashes the shares stand before a pool that computes their hashes. A RandomX hash takes 20 to \
            50 ms of a core and 256 MiB (light mode), and a share as many hashes as its difficulty: choose a low \
            difficulty and a low --rate. What the cores do not manage is counted as not sent in time.

            At the end it waits up to 5 s for outstanding replies. TERM and INT end it early, in the same order. \
            The exit status is 0 when the run ended as planned; with --strict also only when nothing went wrong.
            """)

    @Option(help: ArgumentHelp("The proxy or pool: an address of this machine.", valueName: "address:port"))
    var connect: String

    @Option(help: ArgumentHelp("How many miners.", valueName: "n"))
    var miners = 100

    @Option(help: ArgumentHelp("Shares a second of all miners together; 0 = none.", valueName: "n"))
    var rate: Double = 0

    @Flag(help: "Closed loop instead of --rate: each miner always has one share on its way.")
    var inFlight = false

    @Flag(help: "Compute real RandomX hashes (rx/0): slow, for low difficulties and rates.")
    var realHashes = false

    @Option(help: ArgumentHelp("Threads that compute hashes for --real-hashes.", valueName: "n"))
    var hashThreads = 1

    @Option(help: ArgumentHelp("How long; 0 = until a signal.", valueName: "seconds"))
    var seconds: Double = 0

    @Option(help: ArgumentHelp("Miners that leave, and as many that join, a second.", valueName: "n"))
    var churn: Double = 0

    @Flag(help: "Leaving miners do not wait for replies.")
    var abrupt = false

    @Option(help: ArgumentHelp("Connections a second at the start; 0 = all at once.", valueName: "n"))
    var connectRate: Double = 0

    @Option(help: ArgumentHelp("Login of a miner; {n} is its number.", valueName: "pattern"))
    var login = "miner{n}"

    @Option(help: ArgumentHelp("Password of a miner; {n} is its number.", valueName: "pattern"))
    var pass = "x"

    @Option(help: ArgumentHelp("Rig id of a miner; {n} is its number; empty = none.", valueName: "pattern"))
    var rigid = ""

    @Option(help: ArgumentHelp("Numbers repeat after so many miners; 0 = never.", valueName: "n"))
    var workers = 0

    @Option(help: ArgumentHelp("What the miners call themselves.", valueName: "text"))
    var agent = "XMRig/6.26.0 (Linux x86_64) millrace-swarm"

    @Option(help: ArgumentHelp("Each miner sends a keepalive so often; 0 = never.", valueName: "seconds"))
    var keepalive: Double = 60

    @Option(help: ArgumentHelp("Connect from so many addresses, 127.0.0.1 and up; 28,000 ports each.", valueName: "k"))
    var sourceAddresses = 1

    @Option(help: ArgumentHelp("The first of these addresses: for a swarm of several processes.", valueName: "address"))
    var source: String?

    @Option(help: ArgumentHelp("A miner that was dropped waits so long.", valueName: "seconds"))
    var retryPause: Double = 1

    @Option(help: ArgumentHelp("Seed of everything random.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(help: ArgumentHelp("Write the counts there as JSON, every second and at the end.", valueName: "path"))
    var reportFile: String?

    @Option(
        help: ArgumentHelp(
            "Send malformed input instead, of these kinds, with commas: all, "
                + HostileKind.allCases.map(\.rawValue).joined(separator: ", ")
                + ". --miners says how many connections at a time.", valueName: "kinds"))
    var bad: String?

    @Option(help: ArgumentHelp("What --bad resembles: miner, or http for the API.", valueName: "protocol"))
    var badSample = HostileSample.miner

    @Option(help: ArgumentHelp("End --bad after so many inputs; 0 = never.", valueName: "n"))
    var inputs = 0

    @Flag(help: "Exit status 1 when anything was lost, refused, or in conflict.")
    var strict = false

    @Flag(help: "Print no line a second.")
    var quiet = false

    func validate() throws {
        let limit = DescriptorLimit.raise()
        let room = Int(limit) - 64
        guard (1...max(1, room)).contains(miners) else {
            throw ValidationError(
                "--miners is 1 to \(room): this process may hold \(limit) descriptors; start several for more")
        }
        guard rate == 0 || !inFlight else { throw ValidationError("--rate and --in-flight exclude each other") }
        guard !realHashes || !inFlight else {
            throw ValidationError("--real-hashes wants a --rate that the cores manage, not --in-flight")
        }
        guard (1...64).contains(hashThreads) else { throw ValidationError("--hash-threads is 1 to 64") }
        guard [rate, churn, connectRate].allSatisfy({ (0...1e7).contains($0) }) else {
            throw ValidationError("a rate is 0 to 10,000,000 a second")
        }
        guard [seconds, keepalive, retryPause].allSatisfy({ (0...1e6).contains($0) }) else {
            throw ValidationError("a time is 0 to 1,000,000 seconds")
        }
        guard (1...60_000).contains(sourceAddresses) else {
            throw ValidationError("--source-addresses is 1 to 60,000")
        }
        guard workers >= 0 else { throw ValidationError("--workers is not negative") }
        guard inputs >= 0 else { throw ValidationError("--inputs is not negative") }
        _ = try badKinds()
        _ = try target()
        _ = try firstSource()
    }

    /// nil without `--bad`, empty for all.
    func badKinds() throws -> [HostileKind]? {
        guard let bad, bad != "all" else { return bad.map { _ in [] } }
        return try bad.split(separator: ",").map { word in
            guard let kind = HostileKind(rawValue: String(word)) else {
                throw ValidationError("--bad knows no \"\(word)\"")
            }
            return kind
        }
    }

    func run() throws {
        guard bad == nil else {
            guard try HostileProgram(options: self).run() else { throw ExitCode(1) }
            return
        }
        let program = try SwarmProgram(options: self, settings: settings())
        guard try program.run() else { throw ExitCode(1) }
    }

    private func settings() throws -> SwarmSettings {
        var settings = SwarmSettings(target: try target())
        settings.miners = miners
        settings.rate = rate
        settings.isClosedLoop = inFlight
        settings.hashThreads = realHashes ? hashThreads : 0
        settings.churn = churn
        settings.leavesAbruptly = abrupt
        settings.connectRate = connectRate
        settings.pattern = LoginPattern(login: login, password: pass, rigID: rigid, agent: agent, names: workers)
        settings.keepaliveSeconds = keepalive
        settings.sources = try sources()
        settings.retryPauseMillis = UInt64(retryPause * 1_000)
        settings.seed = seed
        return settings
    }

    /// nil = wherever the system lets a connection begin.
    private func sources() throws -> SourceAddresses? {
        guard let first = try firstSource() else {
            return sourceAddresses > 1 ? SourceAddresses(first: 0, count: sourceAddresses) : nil
        }
        return SourceAddresses(first: first, count: sourceAddresses)
    }

    private func firstSource() throws -> Int? {
        try source.map { text in
            guard let number = SourceAddresses.number(of: text) else {
                throw ValidationError("--source is an address of 127.0.0.0/16, the last part 1 to 254")
            }
            return number
        }
    }

    func target() throws -> SocketAddress {
        let message = "--connect is address:port within 127.0.0.0/8 or [::1]: the swarm is for this machine alone"
        guard let colon = connect.lastIndex(of: ":"), let port = UInt16(connect[connect.index(after: colon)...]) else {
            throw ValidationError(message)
        }
        var host = String(connect[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        if host == "localhost" { host = "127.0.0.1" }
        guard let address = try? SocketAddress(host: host, port: port), port > 0,
            address.host.hasPrefix("127.") || address.host == "::1"
        else { throw ValidationError(message) }
        return address
    }
}

extension HostileSample: ExpressibleByArgument {}
