internal import EventLoop
internal import Glibc
internal import HostileInput
internal import PracticeTLS

/// The wiring of the pool: listener, timers and signals.
final class PoolProgram {
    private let options: PracticePoolCommand
    private let loop: Loop
    private let server: PoolServer
    private let security: Security?
    private let startedNanos: UInt64
    private var port: UInt16 = 0
    private var printed = PoolReport()
    /// Kept until the end: open handles stay active without a reference, but their callbacks need an owner.
    private var timers: [Timer] = []

    init(options: PracticePoolCommand) throws {
        self.options = options
        loop = try Loop()
        startedNanos = loop.nanoseconds
        security = try options.security()
        server = try PoolServer(
            on: loop, rules: options.rules, replyDelayMillis: options.replyDelay,
            firstJobDelayMillis: options.firstJobDelay, verifierThreads: options.verifyThreads,
            hostility: try options.badKinds().map { HostileInput(kinds: $0) }, security: security)
    }

    func run() throws {
        _ = DescriptorLimit.raise()
        let listening = try ListeningSocket.open(
            SocketAddress(loopback: options.host, port: options.port), sharedPort: false)
        let address = try ListeningSocket.address(of: listening)
        port = address.port
        let listener = try TCPListener(on: loop, descriptor: listening) { [server] in server.open(on: $0) }
        Console.print("practice pool on \(address), difficulty \(options.rules.target.difficulty), \(options.algo)")
        if let security, let fingerprint = security.counts.fingerprint {
            for warning in security.warnings { Console.print(warning) }
            Console.print("TLS up to \(options.tlsMaxVersion), certificate fingerprint (SHA-256) \(fingerprint)")
        }
        if options.silent { server.setSilent(true) }
        schedule()
        try listenToSignals()
        writeReport()
        loop.run()
        listener.close()
        server.close()
        writeReport()
        Console.print("practice pool ends: " + report.line(since: report))
    }

    private var report: PoolReport {
        var report = server.report
        report.tls = security?.counts
        return report
    }

    private func schedule() {
        let server = server
        every(options.jobInterval) { server.makeJob() }
        every(options.dropEvery) { server.dropAll() }
        if options.bad != nil { every(0.005) { server.torment() } }
        if options.silentAfter > 0 {
            timer { server.setSilent(true) }.start(after: millis(options.silentAfter))
        }
        if options.seconds > 0 {
            let loop = loop
            timer { loop.stop() }.start(after: millis(options.seconds))
        }
        if options.reportFile != nil { every(0.5) { [unowned self] in writeReport() } }
        if !options.quiet { every(1) { [unowned self] in printLine() } }
    }

    private func listenToSignals() throws {
        let server = server
        let loop = loop
        _ = try SignalSource(on: loop, signal: SIGUSR1) { server.makeJob() }
        _ = try SignalSource(on: loop, signal: SIGUSR2) { server.setSilent(!server.isSilent) }
        for number in [SIGTERM, SIGINT] {
            _ = try SignalSource(on: loop, signal: number) { loop.stop() }
        }
    }

    private func printLine() {
        let report = report
        Console.print(report.line(since: printed) + (server.isSilent ? ", silent" : ""))
        printed = report
    }

    private func writeReport() {
        guard let path = options.reportFile else { return }
        var report = report
        report.pid = getpid()
        report.port = port
        report.uptimeSeconds = Double(loop.nanoseconds - startedNanos) / 1e9
        do {
            try ReportFile.replace(at: path, with: report)
        } catch {
            Console.print("cannot write \(path): \(error)")
        }
    }

    private func every(_ seconds: Double, _ body: @escaping () -> Void) {
        guard seconds > 0 else { return }
        timer(body).start(after: millis(seconds), repeating: millis(seconds))
    }

    private func timer(_ body: @escaping () -> Void) -> Timer {
        let timer = Timer(on: loop, fired: body)
        timers.append(timer)
        return timer
    }

    private func millis(_ seconds: Double) -> UInt64 {
        max(1, UInt64(seconds * 1_000))
    }
}

/// Standard output, unbuffered and line by line, so that a reader sees each line at once.
enum Console {
    static func print(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}
