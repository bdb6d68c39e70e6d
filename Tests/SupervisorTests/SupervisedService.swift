import Control
import DaemonKit
import Foundation
import Glibc
import TestSupport
import Testing

/// The built `millrace` with stand-ins for its children: shell scripts that behave as a file beside them says, and
/// record events in a file.
final class SupervisedService {
    /// The behaviour of a stand-in.
    enum Manner: String {
        case good
        /// Exits at once with code 1.
        case crash
        /// Exits at once with code 2.
        case refuse
        /// Runs, but never reports ready.
        case mute
        /// Reports ready, then ignores SIGTERM and the lifeline.
        case deaf
        /// Starts, and exits when it is asked to adopt.
        case crashAdopting
        /// Starts, and never reports that it has adopted.
        case muteAdopting
        /// Reports a limitation with its first heartbeats, and none with the last one.
        case degraded
        /// Exits when it has adopted and its predecessor has exited.
        case crashGoing
    }

    let scratch = Scratch()
    private let process = Process()
    private var isStarted = false

    /// "worker0 start 4711": the stand-in, the event, and its process id.
    struct Event: Equatable {
        var who: String
        var what: String
        var process: pid_t
    }

    init() throws {
        for name in ["collector", "worker", "gateway"] {
            chmod(try scratch.write(SupervisedService.script, to: "millrace-\(name)"), 0o755)
        }
        try Data().write(to: log)
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        for event in events where event.what == "start" { kill(event.process, SIGKILL) }
    }

    private var log: URL { scratch.file("log") }

    func set(_ who: String, _ manner: Manner) throws {
        try scratch.write(manner.rawValue, to: "manner-\(who)")
    }

    /// Starts it with two shards on a free port, an unreachable pool, and an API with a stand-in.
    func start(_ arguments: [String] = [], port: UInt16 = 0, environment: [String: String] = [:]) throws {
        let basic = [
            "-o", "127.0.0.1:1", "-u", "nobody", "-b", "127.0.0.1:\(port)", "--shards", "2", "--http-enabled",
            "--run-dir", scratch.file("run").path, "--no-color",
        ]
        try run(basic + arguments, environment)
    }

    /// The file that `startFromFile` starts it with.
    var file: URL { scratch.file("config.json") }

    func write(_ text: String) throws { try scratch.write(text, to: "config.json") }

    /// A valid file with these additional members.
    static func file(_ members: String = "\"retries\": 5") -> String {
        """
        {
            // The pool does not exist.
            "pools": [{"url": "127.0.0.1:1", "user": "wallet-of-ann", "pass": "pool-secret"}],
            "bind": ["127.0.0.1:0"],
            "http": {"enabled": true, "access-token": "api-secret"},
            "millrace": {"shards": 2},
            \(members)
        }
        """
    }

    /// Starts it with two shards from a file.
    func startFromFile(
        _ text: String = SupervisedService.file(), _ arguments: [String] = [], environment: [String: String] = [:],
        launcher: [String] = []
    ) throws {
        try write(text)
        try run(
            launcher: launcher, ["--config", file.path, "--run-dir", runDirectory, "--no-color"] + arguments,
            environment)
    }

    /// One that is ready.
    static func running(
        _ arguments: [String] = [], port: UInt16 = 0, environment: [String: String] = [:]
    ) throws -> SupervisedService {
        let service = try SupervisedService()
        try service.start(arguments, port: port, environment: environment)
        service.waitUntilReady()
        return service
    }

    /// One that was started from a file, and is ready.
    static func runningFromFile(
        _ text: String = file(), _ arguments: [String] = [], launcher: [String] = []
    ) throws -> SupervisedService {
        let service = try SupervisedService()
        try service.startFromFile(text, arguments, launcher: launcher)
        service.waitUntilReady()
        return service
    }

    var runDirectory: String { scratch.file("run").path }

    /// - Parameter launcher: a program that runs it, with the arguments that precede its own.
    private func run(launcher: [String] = [], _ arguments: [String], _ environment: [String: String]) throws {
        process.executableURL = launcher.first.map { URL(filePath: $0) } ?? SupervisedService.program
        process.arguments =
            launcher.isEmpty ? arguments : launcher.dropFirst() + [SupervisedService.program.path] + arguments
        process.environment = ["MILLRACE_LIBEXEC_DIR": scratch.path, "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"]
            .merging(environment) { _, new in new }
        process.standardInput = FileHandle.nullDevice
        let output = try FileHandle(forWritingTo: log)
        process.standardOutput = output
        process.standardError = output
        try process.run()
        isStarted = true
    }

    static let program = Checkout.program("millrace")

    // MARK: - Actions and observations

    var processID: pid_t { process.processIdentifier }

    func ask(_ request: ControlRequest) throws -> ControlReply {
        try ControlClient(runDirectory: runDirectory).ask(request, timeoutMilliseconds: 5_000)
    }

    func refusal(of request: ControlRequest) throws -> ControlRefusal {
        guard case .refused(let refusal) = try ask(request) else { throw TestFailure("\(request) was not refused") }
        return refusal
    }

    func status() throws -> ServiceStatus {
        guard case .status(let status) = try ask(.status) else { throw POSIXError(.EPROTO) }
        return status
    }

    /// The settings that a stand-in was last started with, as JSON.
    func settings(of who: String) throws -> [String: Any] {
        let object = jsonObject(at: scratch.file("settings-\(who)"))
        return object?["settings"] as? [String: Any] ?? [:]
    }

    /// Runs another `millrace`, such as a verb, to its end.
    func command(_ arguments: [String], environment: [String: String] = [:]) throws -> Command {
        try Command(
            SupervisedService.program, arguments,
            environment: ["PATH": "/usr/bin:/bin", "HOME": "/nonexistent"].merging(environment) { _, new in new })
    }

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    var logText: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

    var events: [Event] {
        let text = (try? String(contentsOf: scratch.file("events"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { line in
            let words = line.split(separator: " ")
            guard words.count == 3, let process = pid_t(words[2]) else { return nil }
            return Event(who: String(words[0]), what: String(words[1]), process: process)
        }
    }

    func processes(of who: String) -> [pid_t] {
        events.filter { $0.who == who && $0.what == "start" }.map(\.process)
    }

    /// The port that miners connect to.
    var port: UInt16 {
        let line = logText.split(separator: "\n").first { $0.contains("miners connect to ") } ?? ""
        return line.split(separator: ":").last.flatMap { UInt16($0) } ?? 0
    }

    func waitUntilReady(_ location: SourceLocation = #_sourceLocation) {
        wait(location) { $0.logText.contains("ready: ") }
    }

    /// Waits for a condition that must become true; ten seconds are much longer than it takes.
    func wait(
        _ location: SourceLocation = #_sourceLocation, until condition: (SupervisedService) -> Bool
    ) {
        var roundsAfterItsEnd = 0
        // Its last output, and reactions of its children to its exit, may come a moment later.
        for _ in 0..<1_000 where roundsAfterItsEnd < 300 {
            if !process.isRunning { roundsAfterItsEnd += 1 }
            if condition(self) { return }
            usleep(10_000)
        }
        Issue.record("it never came; the log:\n\(logText)\n\(events)", sourceLocation: location)
    }

    /// Its exit code, or the negative number of the signal that ended it.
    func exitCode(_ location: SourceLocation = #_sourceLocation) -> Int32 {
        wait(location) { !$0.process.isRunning }
        guard !process.isRunning else { return .min }
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    /// SIGTERM, and how it ended.
    func stop(_ location: SourceLocation = #_sourceLocation) -> Int32 {
        send(SIGTERM)
        return exitCode(location)
    }

    private static let script = #"""
        #!/bin/sh
        here=${0%/*}
        name=${0##*/millrace-}$(grep -o '"shard":[0-9]*' /proc/self/fd/4 | cut -d: -f2)
        manner=$(cat "$here/manner-$name" 2>/dev/null)
        note() { echo "$name $1 $$" >> "$here/events"; }
        note start
        cat /proc/self/fd/4 > "$here/settings-$name"
        ls /proc/self/fd | sort -n | grep -v '^10$' | tr '\n' ' ' > "$here/descriptors-$name"
        env > "$here/environment-$name"
        case $manner in
        crash) exit 1 ;;
        refuse) exit 2 ;;
        deaf) trap '' TERM USR2 ;;
        *) trap 'trap "" TERM; note left; exit 0' TERM USR2 ;;
        esac
        if [ "$manner" != mute ] && grep -q '"standsBeside":true' /proc/self/fd/4; then
            echo prepared >&3
            read word <&3
            if [ "$word" = adopt ]; then
                note adopts
                [ "$manner" = crashAdopting ] && exit 1
                [ "$manner" = muteAdopting ] && sleep 60
                echo adopted >&3
                read word <&3
            fi
            [ "$word" = go ] || exit 1
            [ "$manner" = crashGoing ] && exit 1
        fi
        if [ "$manner" != mute ]; then
            note ready
            echo ready >&3
        fi
        if [ "$manner" = degraded ]; then
            for round in 1 2; do
                printf 'degraded statistics: off: disk full\ndegraded API: port taken\nheartbeat\n' >&3
                sleep 1
            done
            while [ ! -e "$here/repaired" ]; do sleep 0.1; done
            echo heartbeat >&3
        fi
        while read word <&3; do
            case $word in
            freeze) echo froze >&3 ;;
            resume) note resumed ;;
            leave) break ;;
            esac
        done &
        wait $!
        # Not for ever: a test that is killed half-way must leave nothing behind.
        [ "$manner" = deaf ] && sleep 60
        note left
        """#
}
