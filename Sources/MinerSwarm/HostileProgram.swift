internal import EventLoop
internal import Glibc

/// The wiring of a hostile run. It ends after the given number of inputs, the given time, or a signal.
final class HostileProgram {
    private let loop: Loop
    private let swarm: HostileSwarm
    private let options: SwarmCommand

    init(options: SwarmCommand) throws {
        self.options = options
        loop = try Loop()
        swarm = HostileSwarm(
            on: loop, target: try options.target(), sample: options.badSample, kinds: try options.badKinds() ?? [],
            connections: options.miners, inputs: options.inputs, seed: options.seed)
    }

    /// - Returns: false when the peer stopped accepting connections.
    func run() throws -> Bool {
        let tick = Timer(on: loop) { [unowned self] in
            swarm.tick()
            if swarm.isDone || swarm.isHopeless { loop.stop() }
        }
        tick.start(after: 0, repeating: 1)
        let second = Timer(on: loop) { [unowned self] in
            writeReport()
            if !options.quiet { Console.print(swarm.report().line) }
        }
        second.start(after: 1_000, repeating: 1_000)
        let end = Timer(on: loop) { [unowned self] in loop.stop() }
        if options.seconds > 0 { end.start(after: max(1, UInt64(options.seconds * 1_000))) }
        for number in [SIGTERM, SIGINT] {
            _ = try SignalSource(on: loop, signal: number) { [unowned self] in loop.stop() }
        }
        loop.run()
        swarm.close()
        writeReport()
        Console.print("hostile run ends: " + swarm.report().line)
        for (text, count) in swarm.report().connectionsFailed { Console.print("  failed \(count): \(text)") }
        return !swarm.isHopeless
    }

    private func writeReport() {
        guard let path = options.reportFile else { return }
        var report = swarm.report()
        report.pid = getpid()
        do {
            try ReportFile.replace(at: path, with: report)
        } catch {
            Console.print("cannot write \(path): \(error)")
        }
    }
}
