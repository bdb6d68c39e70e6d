internal import ArgumentParser
internal import Configuration
internal import Control
internal import DaemonKit
internal import Glibc

/// `millrace upgrade`
struct UpgradeVerb: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upgrade",
        abstract: "Replace the running programs by the installed ones; miners stay connected.",
        discussion: """
            The supervisor executes the program that is now installed at its path, in the same process, and then \
            replaces all other processes one after the other; miners and pools keep their connections. A program that \
            cannot continue the service is refused, and nothing changes. This command must be run from the installed \
            program too. Waits until done.

            Exit codes: 0 done, 1 refused or failed (the reason is on standard error), 2 the configuration does not \
            say which service is meant, 3 no service answers there, 64 wrong command line.
            """,
        helpNames: .shortAndLong)

    @OptionGroup var service: ServiceAddress

    /// The supervisor does not answer while it executes the new program, which takes a fraction of a second. This is ten.
    private static let silencesMax = 100

    func run() {
        let client = service.client()
        guard case .status(let status) = service.ask(.status, of: client) else {
            service.leave(VerbOutcome(.failed, lines: ["unexpected answer of the service"]))
        }
        let programs = UpgradePrograms(of: status)
        if let refusal = programs.refusal { service.leave(VerbOutcome(.refused, lines: refusal)) }
        let reply = service.ask(.upgrade, of: client)
        var outcome =
            reply == .begun
            ? service.watch(client, silencesMax: UpgradeVerb.silencesMax, UpgradeVerb.outcome)
            : VerbOutcome(reply, done: [])
        outcome.lines = programs.lines + outcome.lines
        service.leave(outcome)
    }

    /// nil while the upgrade is in progress.
    static func outcome(of status: ServiceStatus) -> VerbOutcome? {
        let children = status.children.map { $0.line }
        switch status.upgrade?.phase {
        case .trying, .replacing: return nil
        case .refused: return VerbOutcome(.refused, lines: status.upgrade?.lines ?? [])
        case .halted:
            let place = status.restartHaltedAt ?? "a shard"
            return VerbOutcome(
                .failed,
                lines: ["the new process of \(place) failed; the shards after it were not restarted"] + children)
        case .done:
            let isWhole = status.children.allSatisfy(\.isAsWanted)
            return VerbOutcome(
                isWhole ? .done : .failed,
                lines: ["process \(status.processID) now runs Millrace \(status.version)"] + children)
        case nil: return VerbOutcome(.failed, lines: ["unexpected answer of the service"])
        }
    }
}

/// The programs before and after an upgrade.
struct UpgradePrograms {
    /// The program of the service, as it reports it and as a file; nil when not known.
    var running: ProgramStatus?
    var runningFile: ProgramFile?
    /// The program that it would execute; nil when there is none.
    var installed: ProgramFile?
    /// The program that the operator called.
    var called: ProgramFile?

    /// Refuses when the called program is neither the running nor the installed one: the operator expects another
    /// program.
    var refusal: [String]? {
        guard let running, let installed, let called else { return nil }
        guard ![installed, runningFile].contains(where: { $0?.isSameFile(as: called) == true }) else { return nil }
        return [
            "this program is \(called.text)",
            "the service is \(running.text), and would be replaced by \(installed.text)",
            "nothing was changed: run \(running.path) upgrade, or install this program as \(running.path)",
        ]
    }

    var lines: [String] {
        guard let running, let installed else { return [] }
        return ["from \(running.text)", "to \(installed.text)"]
    }
}

extension UpgradePrograms {
    init(of status: ServiceStatus) {
        running = status.program
        runningFile = running.flatMap { ProgramFile.of(process: status.processID, named: $0.path) }
        installed = running.flatMap { ProgramFile(at: $0.path) }
        called = ProgramFile.of(process: getpid(), named: Surroundings.ofThisProcess().executable)
    }
}
