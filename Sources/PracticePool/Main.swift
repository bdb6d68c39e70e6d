internal import ArgumentParser
internal import EventLoop
internal import Glibc
internal import HostileInput
internal import PracticeTLS
internal import StratumProtocol

/// A strict Stratum pool on loopback, for tests of Millrace and miners.
@main
struct PracticePoolCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "millrace-practice-pool",
        abstract: "A strict Stratum pool for tests on this machine.",
        discussion: """
            It sends plausible Monero jobs and checks every share: session, job, nonce, duplicates, difficulty and, \
            with --verify, the RandomX hash itself. Real miners and proxies can connect to it.

            With --tls it speaks TLS by OpenSSL, with a certificate made for this run unless --tls-cert names one, and \
            prints the fingerprint of the certificate. It sends session tickets as most pools do.

            Signals: SIGUSR1 sends a new job now, SIGUSR2 turns silence on and off, SIGTERM and SIGINT stop the pool \
            with a last report.
            """)

    @Option(help: ArgumentHelp("Address to listen on, within 127.0.0.0/8 or ::1.", valueName: "address"))
    var host = "127.0.0.1"

    @Option(help: ArgumentHelp("Port to listen on; 0 = any free port, which is printed.", valueName: "n"))
    var port: UInt16 = 0

    @Option(help: ArgumentHelp("Difficulty of every job.", valueName: "n"))
    var difficulty: UInt64 = 1_000

    @Option(help: ArgumentHelp("Length of the target: 4 or 8 bytes.", valueName: "n"))
    var targetBytes = 4

    @Option(help: ArgumentHelp("Interval between jobs; 0 = only the first.", valueName: "seconds"))
    var jobInterval: Double = 30

    @Option(help: ArgumentHelp("Algorithm named in the jobs.", valueName: "name"))
    var algo = "rx/0"

    @Option(help: ArgumentHelp("Extensions to advertise, separated by commas: algo, keepalive; \"none\" for none."))
    var extensions = "algo,keepalive"

    @Flag(help: "Reserve the fourth nonce byte of each connection and advertise that, as NiceHash pools do.")
    var nicehash = false

    @Flag(help: "Compute the RandomX hash of every share, in separate threads (light mode: about 50 per second each).")
    var verify = false

    @Option(help: ArgumentHelp("Threads that compute hashes for --verify.", valueName: "n"))
    var verifyThreads = 1

    @Option(help: ArgumentHelp("Delay of all answers.", valueName: "ms"))
    var replyDelay: UInt64 = 0

    @Option(help: ArgumentHelp("Part of the good shares to reject.", valueName: "percent"))
    var rejectRate: Double = 0

    @Option(help: ArgumentHelp("Reject every n-th good share.", valueName: "n"))
    var rejectEvery: UInt64 = 0

    @Option(help: ArgumentHelp("Error message of rejected shares.", valueName: "text"))
    var rejectText = "Rejected by the practice pool"

    @Option(help: ArgumentHelp("Refuse every login with this error message.", valueName: "text"))
    var loginError: String?

    @Option(help: ArgumentHelp("Answer logins without a job, and send the job after this delay.", valueName: "ms"))
    var firstJobDelay: UInt64?

    @Option(help: ArgumentHelp("Interval at which all connections are closed; 0 = never.", valueName: "seconds"))
    var dropEvery: Double = 0

    @Option(help: ArgumentHelp("Stop answering after this time, without closing connections.", valueName: "seconds"))
    var silentAfter: Double = 0

    @Flag(help: "Do not answer from the start.")
    var silent = false

    @Option(
        help: ArgumentHelp(
            "Send clients malformed messages of these kinds, 200 per second each: all, or separated by commas "
                + HostileKind.allCases.map(\.rawValue).joined(separator: ", ") + ".", valueName: "kinds"))
    var bad: String?

    @Flag(help: "Speak TLS on the port, and nothing else.")
    var tls = false

    @Option(help: ArgumentHelp("Certificate for --tls (PEM), the chain behind it.", valueName: "path"))
    var tlsCert: String?

    @Option(help: ArgumentHelp("Private key of --tls-cert (PEM).", valueName: "path"))
    var tlsKey: String?

    @Option(help: ArgumentHelp("Newest version of TLS: 1.2 or 1.3.", valueName: "version"))
    var tlsMaxVersion = Security.MaxVersion.tls13.rawValue

    @Option(help: ArgumentHelp("Session tickets for each client of TLS 1.3.", valueName: "n"))
    var tickets = 2

    @Option(
        help: ArgumentHelp(
            "Change the key of a connection (TLS 1.3), and ask the client to, at every n-th message; 0 = never.",
            valueName: "n"))
    var keyUpdateEvery = 0

    @Option(help: ArgumentHelp("Stop after this time; 0 = never.", valueName: "seconds"))
    var seconds: Double = 0

    @Option(
        help: ArgumentHelp("Write the counts as JSON to this file, twice a second and at the end.", valueName: "path"))
    var reportFile: String?

    @Flag(help: "Do not print a line every second.")
    var quiet = false

    func validate() throws {
        guard targetBytes == 4 || targetBytes == 8 else { throw ValidationError("expected --target-bytes 4 or 8") }
        let limit = targetBytes == 4 ? UInt64(UInt32.max) : UInt64.max
        guard (1...limit).contains(difficulty) else {
            throw ValidationError("expected --difficulty from 1 to \(limit) with a target of \(targetBytes) bytes")
        }
        guard (0...100).contains(rejectRate) else { throw ValidationError("expected --reject-rate from 0 to 100") }
        guard (1...64).contains(verifyThreads) else { throw ValidationError("expected --verify-threads from 1 to 64") }
        for name in extensionNames where !["algo", "keepalive"].contains(name) {
            throw ValidationError("--extensions: expected algo or keepalive, found \"\(name)\"; see also --nicehash")
        }
        _ = try badKinds()
        let timings = [jobInterval, dropEvery, silentAfter, seconds]
        guard timings.allSatisfy({ (0...1e6).contains($0) }) else {
            throw ValidationError("expected a time from 0 to 1,000,000 seconds")
        }
        guard replyDelay <= 3_600_000, firstJobDelay ?? 0 <= 3_600_000 else {
            throw ValidationError("expected a delay of at most an hour")
        }
        try validateTLS()
        guard (try? SocketAddress(loopback: host, port: port)) != nil else {
            throw ValidationError("expected --host within 127.0.0.0/8, or ::1: the pool serves only this machine")
        }
    }

    func run() throws {
        let program = try PoolProgram(options: self)
        try program.run()
    }

    private func validateTLS() throws {
        guard Security.MaxVersion(rawValue: tlsMaxVersion) != nil else {
            throw ValidationError("expected --tls-max-version 1.2 or 1.3")
        }
        guard (tlsCert == nil) == (tlsKey == nil) else {
            throw ValidationError("--tls-cert and --tls-key need each other")
        }
        guard tls || tlsCert == nil else { throw ValidationError("--tls-cert needs --tls") }
        guard (0...100).contains(tickets) else { throw ValidationError("expected --tickets from 0 to 100") }
        guard keyUpdateEvery >= 0 else { throw ValidationError("expected --key-update-every not to be negative") }
    }

    /// nil without `--tls`.
    func security() throws(SecurityFailure) -> Security? {
        guard tls, let maxVersion = Security.MaxVersion(rawValue: tlsMaxVersion) else { return nil }
        var pair: (certificateFile: String, keyFile: String)?
        if let tlsCert, let tlsKey { pair = (tlsCert, tlsKey) }
        return try Security(
            serverWith: pair, maxVersion: maxVersion, tickets: tickets, messagesPerKeyUpdate: keyUpdateEvery)
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

    private var extensionNames: [String] {
        extensions == "none" ? [] : extensions.split(separator: ",").map(String.init)
    }

    var rules: PoolRules {
        var rules = PoolRules()
        rules.target = ShareTarget(difficulty: difficulty, bytes: targetBytes)
        rules.algorithm = algo
        rules.hasAlgo = extensionNames.contains("algo")
        rules.hasKeepalive = extensionNames.contains("keepalive")
        rules.hasNicehash = nicehash
        rules.loginError = loginError
        rules.loginCarriesJob = firstJobDelay == nil
        rules.rejection.percent = rejectRate
        rules.rejection.every = rejectEvery
        rules.rejection.text = rejectText
        rules.verifiesHashes = verify
        return rules
    }
}

extension SocketAddress {
    /// A loopback address; throws for any other.
    init(loopback host: String, port: UInt16) throws(SystemFailure) {
        try self.init(host: host == "localhost" ? "127.0.0.1" : host, port: port)
        guard self.host.hasPrefix("127.") || self.host == "::1" else { throw SystemFailure(code: -EADDRNOTAVAIL) }
    }
}
