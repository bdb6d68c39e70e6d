internal import ArgumentParser
internal import EventLoop
internal import HostileInput
internal import PracticeTLS

/// Thousands of simulated miners in one process.
@main
struct SwarmCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "millrace-swarm",
        abstract: "Simulated miners that load a pool or proxy on this machine and check its answers.",
        discussion: """
            Every miner logs in, receives jobs and submits shares as XMRig does, with made-up hashes that meet the \
            target. The swarm checks what a single miner cannot: that no two miners search the same nonces.

            With --real-hashes a pool that computes the hash of each share accepts them. A RandomX hash takes 20 to 50 \
            ms of a core and 256 MiB (light mode), and a share takes as many hashes as its difficulty: choose a low \
            difficulty and a low --rate. Shares that the cores cannot find in time are counted as not sent in time.

            With --tls the miners speak TLS by OpenSSL, with a session for each, and accept any certificate unless \
            --tls-fingerprint names one, as XMRig does. A failed handshake is tried again after --retry-pause.

            At the end it waits up to 5 s for outstanding replies. SIGTERM and SIGINT end it early, in the same way. \
            The exit status is 0 if the run ended as planned; with --strict, only if there also were no failures.
            """)

    @Option(help: ArgumentHelp("Proxy or pool to connect to, on this machine.", valueName: "address:port"))
    var connect: String

    @Option(help: ArgumentHelp("Number of miners.", valueName: "n"))
    var miners = 100

    @Option(help: ArgumentHelp("Shares per second of all miners together; 0 = none.", valueName: "n"))
    var rate: Double = 0

    @Flag(help: "Closed loop instead of --rate: each miner always has one share in flight.")
    var inFlight = false

    @Flag(help: "Compute real RandomX hashes (rx/0): slow, for low difficulties and rates.")
    var realHashes = false

    @Option(help: ArgumentHelp("Threads that compute hashes for --real-hashes.", valueName: "n"))
    var hashThreads = 1

    @Option(help: ArgumentHelp("Duration of the run; 0 = until a signal.", valueName: "seconds"))
    var seconds: Double = 0

    @Option(help: ArgumentHelp("Miners per second that are replaced by new ones.", valueName: "n"))
    var churn: Double = 0

    @Flag(help: "Miners that disconnect do not wait for replies.")
    var abrupt = false

    @Option(help: ArgumentHelp("Connections per second at the start; 0 = all at once.", valueName: "n"))
    var connectRate: Double = 0

    @Option(help: ArgumentHelp("Login of a miner; {n} is its number.", valueName: "pattern"))
    var login = "miner{n}"

    @Option(help: ArgumentHelp("Password of a miner; {n} is its number.", valueName: "pattern"))
    var pass = "x"

    @Option(help: ArgumentHelp("Rig id of a miner; {n} is its number; empty = none.", valueName: "pattern"))
    var rigid = ""

    @Option(help: ArgumentHelp("Repeat the numbers after this many miners; 0 = never.", valueName: "n"))
    var workers = 0

    @Option(help: ArgumentHelp("User agent of the miners.", valueName: "text"))
    var agent = "XMRig/6.26.0 (Linux x86_64) millrace-swarm"

    @Option(help: ArgumentHelp("Interval of the keepalives of each miner; 0 = none.", valueName: "seconds"))
    var keepalive: Double = 60

    @Option(help: ArgumentHelp("Number of source addresses, from 127.0.0.1 up; 28,000 ports each.", valueName: "k"))
    var sourceAddresses = 1

    @Option(help: ArgumentHelp("First source address, for swarms of several processes.", valueName: "address"))
    var source: String?

    @Option(help: ArgumentHelp("Pause before a disconnected miner reconnects.", valueName: "seconds"))
    var retryPause: Double = 1

    @Flag(help: "Speak TLS.")
    var tls = false

    @Option(
        help: ArgumentHelp(
            "SHA-256 of the only certificate to accept with --tls: 64 hexadecimal digits.", valueName: "hex"))
    var tlsFingerprint: String?

    @Option(help: ArgumentHelp("Newest version of TLS: 1.2 or 1.3.", valueName: "version"))
    var tlsMaxVersion = Security.MaxVersion.tls13.rawValue

    @Option(help: ArgumentHelp("Server name to send in the TLS handshake; none by default.", valueName: "name"))
    var sni: String?

    @Option(
        help: ArgumentHelp(
            "Change the key of a connection (TLS 1.3), and ask the proxy to, at every n-th message; 0 = never.",
            valueName: "n"))
    var keyUpdateEvery = 0

    @Option(help: ArgumentHelp("Seed of all random numbers.", valueName: "n"))
    var seed: UInt64 = 1

    @Option(
        help: ArgumentHelp("Write the counts as JSON to this file, every second and at the end.", valueName: "path"))
    var reportFile: String?

    @Option(
        help: ArgumentHelp(
            "Send malformed input instead, of these kinds, separated by commas: all, "
                + HostileKind.allCases.map(\.rawValue).joined(separator: ", ")
                + ". --miners is the number of connections at a time.", valueName: "kinds"))
    var bad: String?

    @Option(help: ArgumentHelp("Protocol of the input of --bad: miner, or http for the API.", valueName: "protocol"))
    var badSample = HostileSample.miner

    @Option(help: ArgumentHelp("End --bad after this number of inputs; 0 = never.", valueName: "n"))
    var inputs = 0

    @Flag(help: "Exit with status 1 if anything was lost, refused, or in conflict.")
    var strict = false

    @Flag(help: "Do not print a line every second.")
    var quiet = false

    func validate() throws {
        let limit = DescriptorLimit.raise()
        let room = Int(limit) - 64
        guard (1...max(1, room)).contains(miners) else {
            throw ValidationError(
                "expected --miners from 1 to \(room): the descriptor limit is \(limit); for more, start several"
            )
        }
        guard rate == 0 || !inFlight else { throw ValidationError("--rate and --in-flight exclude each other") }
        guard !realHashes || !inFlight else {
            throw ValidationError("--real-hashes needs a --rate and excludes --in-flight")
        }
        guard (1...64).contains(hashThreads) else { throw ValidationError("expected --hash-threads from 1 to 64") }
        guard [rate, churn, connectRate].allSatisfy({ (0...1e7).contains($0) }) else {
            throw ValidationError("expected a rate from 0 to 10,000,000 per second")
        }
        guard [seconds, keepalive, retryPause].allSatisfy({ (0...1e6).contains($0) }) else {
            throw ValidationError("expected a time from 0 to 1,000,000 seconds")
        }
        guard (1...60_000).contains(sourceAddresses) else {
            throw ValidationError("expected --source-addresses from 1 to 60,000")
        }
        guard workers >= 0 else { throw ValidationError("expected --workers not to be negative") }
        guard inputs >= 0 else { throw ValidationError("expected --inputs not to be negative") }
        try validateTLS()
        _ = try badKinds()
        _ = try target()
        _ = try firstSource()
    }

    private func validateTLS() throws {
        guard Security.MaxVersion(rawValue: tlsMaxVersion) != nil else {
            throw ValidationError("expected --tls-max-version 1.2 or 1.3")
        }
        if let digits = tlsFingerprint?.filter({ $0 != ":" }) {
            guard digits.count == 64, digits.allSatisfy(\.isHexDigit) else {
                throw ValidationError("expected --tls-fingerprint of 64 hexadecimal digits")
            }
        }
        guard tls || tlsFingerprint == nil && sni == nil else {
            throw ValidationError("--tls-fingerprint and --sni need --tls")
        }
        guard !tls || bad == nil else { throw ValidationError("--bad excludes --tls") }
        guard keyUpdateEvery >= 0 else { throw ValidationError("expected --key-update-every not to be negative") }
    }

    /// nil without `--bad`, empty for all.
    func badKinds() throws -> [HostileKind]? {
        guard let bad, bad != "all" else { return bad.map { _ in [] } }
        return try bad.split(separator: ",").map { word in
            guard let kind = HostileKind(rawValue: String(word)) else {
                throw ValidationError("--bad: unknown kind \"\(word)\"")
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
        settings.security = try security()
        return settings
    }

    /// nil without `--tls`.
    private func security() throws(SecurityFailure) -> Security? {
        guard tls, let maxVersion = Security.MaxVersion(rawValue: tlsMaxVersion) else { return nil }
        return try Security(
            clientWith: tlsFingerprint, serverName: sni, maxVersion: maxVersion, messagesPerKeyUpdate: keyUpdateEvery)
    }

    /// nil = the system chooses.
    private func sources() throws -> SourceAddresses? {
        guard let first = try firstSource() else {
            return sourceAddresses > 1 ? SourceAddresses(first: 0, count: sourceAddresses) : nil
        }
        return SourceAddresses(first: first, count: sourceAddresses)
    }

    private func firstSource() throws -> Int? {
        try source.map { text in
            guard let number = SourceAddresses.number(of: text) else {
                throw ValidationError("expected --source within 127.0.0.0/16, the last part from 1 to 254")
            }
            return number
        }
    }

    func target() throws -> SocketAddress {
        let message =
            "expected --connect address:port within 127.0.0.0/8 or [::1]: the swarm connects only to this machine"
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
