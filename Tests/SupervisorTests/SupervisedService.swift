import DaemonKit
import Foundation
import Glibc
import Testing

/// The built `millrace` with stand-ins for its children: shell scripts that do what a file beside them says, and write
/// down what happens to them.
final class SupervisedService {
    /// What a stand-in does.
    enum Manner: String {
        case good
        /// Leaves at once with exit code 1.
        case crash
        /// Leaves at once with exit code 2.
        case refuse
        /// Runs, but never says ready.
        case mute
        /// Says ready, then ignores SIGTERM and the lifeline.
        case deaf
    }

    let directory: URL
    private let process = Process()
    private var isStarted = false

    /// "worker0 start 4711": who, what, and its process id.
    struct Event: Equatable {
        var who: String
        var what: String
        var process: pid_t
    }

    init() throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "millrace-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        for name in ["collector", "worker", "gateway"] {
            let program = directory.appending(path: "millrace-\(name)")
            try Data(SupervisedService.script.utf8).write(to: program)
            chmod(program.path, 0o755)
        }
        try Data().write(to: log)
    }

    deinit {
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        for event in events where event.what == "start" { kill(event.process, SIGKILL) }
        try? FileManager.default.removeItem(at: directory)
    }

    private var log: URL { directory.appending(path: "log") }

    func set(_ who: String, _ manner: Manner) throws {
        try Data(manner.rawValue.utf8).write(to: directory.appending(path: "manner-\(who)"))
    }

    /// Starts it with two shards on a free port, no pool behind, and an API for which there is a stand-in.
    func start(_ arguments: [String] = [], port: UInt16 = 0, environment: [String: String] = [:]) throws {
        let basic = [
            "-o", "127.0.0.1:1", "-u", "nobody", "-b", "127.0.0.1:\(port)", "--shards", "2", "--http-enabled",
            "--run-dir", directory.appending(path: "run").path, "--no-color",
        ]
        process.executableURL = SupervisedService.program
        process.arguments = basic + arguments
        process.environment = ["MILLRACE_LIBEXEC_DIR": directory.path, "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"]
            .merging(environment) { _, new in new }
        process.standardInput = FileHandle.nullDevice
        let output = try FileHandle(forWritingTo: log)
        process.standardOutput = output
        process.standardError = output
        try process.run()
        isStarted = true
    }

    /// Where `swift build` has put the programs: beside this test.
    static var program: URL {
        URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
            .appending(path: "millrace")
    }

    // MARK: - Doing and looking

    func send(_ signal: Int32) { kill(process.processIdentifier, signal) }

    var logText: String { (try? String(contentsOf: log, encoding: .utf8)) ?? "" }

    var events: [Event] {
        let text = (try? String(contentsOf: directory.appending(path: "events"), encoding: .utf8)) ?? ""
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

    /// Waits for something that must come; ten seconds are far more than any of it takes.
    func wait(
        _ location: SourceLocation = #_sourceLocation, until condition: (SupervisedService) -> Bool
    ) {
        for _ in 0..<1_000 {
            // Asked before the condition, so that what it did last is still seen.
            let isOver = !process.isRunning
            if condition(self) { return }
            if isOver { break }
            usleep(10_000)
        }
        Issue.record("it never came; the log:\n\(logText)\n\(events)", sourceLocation: location)
    }

    /// How it ended: the exit code, or a signal as its negative.
    func exitCode(_ location: SourceLocation = #_sourceLocation) -> Int32 {
        wait(location) { !$0.process.isRunning }
        guard !process.isRunning else { return .min }
        return process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
    }

    private static let script = #"""
        #!/bin/sh
        here=${0%/*}
        name=${0##*/millrace-}$(grep -o '"shard":[0-9]*' /proc/self/fd/4 | cut -d: -f2)
        manner=$(cat "$here/manner-$name" 2>/dev/null)
        note() { echo "$name $1 $$" >> "$here/events"; }
        note start
        ls /proc/self/fd | sort -n | grep -v '^10$' | tr '\n' ' ' > "$here/descriptors-$name"
        env > "$here/environment-$name"
        case $manner in
        crash) exit 1 ;;
        refuse) exit 2 ;;
        deaf) trap '' TERM ;;
        *) trap 'trap "" TERM; note left; exit 0' TERM ;;
        esac
        if [ "$manner" != mute ]; then
            note ready
            echo ready >&3
        fi
        cat <&3 >/dev/null &
        wait $!
        # Not for ever: a test that is killed half-way must leave nothing behind.
        [ "$manner" = deaf ] && sleep 60
        note left
        """#
}
