internal import EventLoop
internal import Glibc

/// The wiring of the swarm: timers, the end of the run, reports.
final class SwarmProgram {
    /// Short enough for an even rate, long enough to be cheap.
    private static let tickMillis: UInt64 = 1

    private let options: SwarmCommand
    private let loop: Loop
    private let swarm: Swarm
    private var printed = SwarmReport()
    private var drainedBy: UInt64?

    init(options: SwarmCommand, settings: SwarmSettings) throws {
        self.options = options
        loop = try Loop()
        swarm = try Swarm(on: loop, settings: settings)
    }

    /// - Returns: false with `--strict` if the run had failures.
    func run() throws -> Bool {
        let tick = Timer(on: loop) { [unowned self] in
            swarm.tick()
            leaveWhenDrained()
        }
        tick.start(after: 0, repeating: Self.tickMillis)
        let second = Timer(on: loop) { [unowned self] in
            writeReport(isLast: false)
            printLine()
        }
        second.start(after: 1_000, repeating: 1_000)
        let end = Timer(on: loop) { [unowned self] in drain() }
        if options.seconds > 0 { end.start(after: max(1, UInt64(options.seconds * 1_000))) }
        for number in [SIGTERM, SIGINT] {
            _ = try SignalSource(on: loop, signal: number) { [unowned self] in drain() }
        }
        loop.run()
        swarm.close()
        writeReport(isLast: true)
        let report = swarm.report(withHistograms: false)
        Console.print(report.summary)
        return !options.strict || report.isClean
    }

    private func drain() {
        guard drainedBy == nil else { return }
        swarm.drain()
        drainedBy = loop.nanoseconds + Swarm.drainMillis * 1_000_000
    }

    private func leaveWhenDrained() {
        guard let drainedBy else { return }
        if swarm.isDrained || loop.nanoseconds >= drainedBy { loop.stop() }
    }

    private func printLine() {
        guard !options.quiet else { return }
        let report = swarm.report(withHistograms: false)
        Console.print(report.line(since: printed))
        printed = report
    }

    private func writeReport(isLast: Bool) {
        guard let path = options.reportFile else { return }
        var report = swarm.report(withHistograms: isLast)
        report.pid = getpid()
        report.cpuSeconds = SwarmProgram.cpuSeconds
        do {
            try ReportFile.replace(at: path, with: report)
        } catch {
            Console.print("cannot write \(path): \(error)")
        }
    }

    /// User and system time of this process in seconds.
    private static var cpuSeconds: Double {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let micros = usage.ru_utime.tv_usec + usage.ru_stime.tv_usec
        return Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + Double(micros) / 1e6
    }
}

/// Standard output, unbuffered and line by line, so that a reader sees each line at once.
enum Console {
    static func print(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
    }
}
