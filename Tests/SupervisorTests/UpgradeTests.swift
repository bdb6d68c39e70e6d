import Configuration
import Continuity
import Control
import DaemonKit
import EventLoop
import Foundation
import Glibc
import Supervision
import TestSupport
import Testing

@testable import Supervisor

/// The messages between two programs during an upgrade.
@Suite struct UpgradeTests {
    private static let surroundings = Surroundings(
        environment: [:], coreCount: 2, hostName: "host", userID: 1, currentDirectory: "/", homeDirectory: nil,
        executable: "/opt/millrace", version: "1")

    private static var handed: ServiceHandoff {
        get throws {
            let options = [GivenOption("url", "127.0.0.1:3"), GivenOption("user", "me"), GivenOption("shards", "3")]
            let resolution = resolve(file: nil, options: options, surroundings: surroundings)
            var settings = try #require(resolution.settings)
            settings.shards = 2
            settings.retries = 77
            let configuration = RunningConfiguration(
                settings: settings, file: nil, options: options, surroundings: surroundings)
            return ServiceHandoff(
                version: "0.9", executable: "/opt/millrace", startedAt: 5, configuration: configuration.handed,
                service: Service(shards: 2, hasGateway: false, policy: RestartPolicy()),
                children: [
                    .init(
                        name: .shard(0),
                        process: .init(processID: 4, lifeline: 20, startedAt: 6, hasSuccession: true)),
                    .init(
                        name: .collector,
                        process: .init(processID: 5, lifeline: -1, startedAt: 6, hasSuccession: false)),
                ],
                sockets: .init(binds: [.init(host: "127.0.0.1", port: 9)], descriptors: [[21], [22]]),
                runDirectory: "/run/somewhere",
                successions: [
                    .init(
                        shard: 0, memory: 23, incarnation: 8, anchors: [.init(incarnation: 8, anchor: 24)],
                        isReady: true, hasServed: true, failedTakeovers: 0)
                ], lock: 25, strangers: [19])
        }
    }

    /// `handed` as JSON, changed before it is decoded.
    private func taken(_ change: (inout [String: Any]) -> Void) throws -> ServiceHandoff {
        let json = try JSONEncoder().encode(Self.handed)
        var object = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
        change(&object)
        let scratch = Scratch()
        let file = scratch.file("state")
        try JSONSerialization.data(withJSONObject: object).write(to: file)
        return try ServiceHandoff.read(from: open(file.path, O_RDONLY))
    }

    @Test func everyDescriptorThatIsNeededStaysOpen() throws {
        #expect(try Self.handed.descriptors.sorted() == [19, 20, 21, 22, 23, 24, 25])
    }

    @Test func whatIsInForceStaysInForceWhateverTheConfigurationSays() throws {
        let descriptor = try MemoryFile.write(Self.handed, name: "test")
        let handed = try ServiceHandoff.read(from: descriptor)
        #expect(fcntl(descriptor, F_GETFD) == -1, "it is closed")
        let settings = try handed.runningConfiguration(in: Self.surroundings).settings
        #expect(settings.retries == 77 && settings.shards == 2 && settings.runDirectory == "/run/somewhere")
    }

    @Test func settingsOfAnotherVersionAreMadeAnewFromTheConfiguration() throws {
        let handed = try taken { object in
            var configuration = object["configuration"] as? [String: Any] ?? [:]
            configuration["settings"] = ["from": "the future"]
            object["configuration"] = configuration
        }
        let settings = try handed.runningConfiguration(in: Self.surroundings).settings
        #expect(settings.retries == Settings().retries && settings.pools.map(\.user) == ["me"])
        #expect(settings.shards == 3, "what the configuration says; how many there are, the sockets tell")
        // The run directory cannot change while the service runs.
        #expect(settings.runDirectory == "/run/somewhere")
    }

    @Test func anotherFormatIsRefusedInWords() throws {
        let failure = #expect(throws: StartFailure.self) { try taken { $0["format"] = 3 } }
        #expect(failure?.message.contains("Millrace 0.9 saves its state in format 3") == true)
    }

    @Test func halfAStateIsRefused() {
        for key in ["service", "children", "sockets", "successions", "lock", "strangers", "format", "configuration"] {
            #expect(throws: StartFailure.self) { try taken { $0[key] = nil } }
        }
    }

    @Test func aTrialIsNoUpgrade() {
        #expect(UpgradeEntry(environmentValue: "try 3") == .trial(3))
        #expect(UpgradeEntry(environmentValue: "go 17") == .goOn(17))
        #expect(UpgradeEntry.goOn(17).environmentEntry == "MILLRACE_UPGRADE=go 17")
        for nonsense in ["", "go", "go x", "go 2", "go -1", "stay 4", "try 3 4"] {
            #expect(UpgradeEntry(environmentValue: nonsense) == nil)
        }
    }

    @Test func aLinkToTheProgramIsFollowedAnewAndAWrongNameIsNot() throws {
        let directory = Scratch()
        var surroundings = Self.surroundings
        surroundings.executable = "/usr/bin/env"
        surroundings.currentDirectory = directory.path
        let link = directory.file("current").path
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "/usr/bin/env")
        #expect(surroundings.startedAs(link) == link)
        #expect(surroundings.startedAs("./current") == directory.path + "/./current")
        for word in ["millrace", "/bin/sh", "/no/such/file", nil] {
            #expect(surroundings.startedAs(word) == "/usr/bin/env")
        }
    }

    // MARK: - The trial

    private func verdict(_ script: String, patience: UInt64 = 10_000) throws -> UpgradeTrial.Verdict {
        let state = try MemoryFile.write(["a": 1], name: "test")
        defer { close(state) }
        let loop = try Loop()
        var verdict: UpgradeTrial.Verdict?
        let trial = try UpgradeTrial(
            on: loop, executable: "/bin/sh", arguments: ["sh", "-c", script, "millrace", "--one"],
            environment: ["PATH=/usr/bin:/bin"], state: state, patienceMillis: patience
        ) { verdict = $0 }
        #expect(trial.processID > 0)
        loop.run()
        return try #require(verdict)
    }

    @Test func aProgramGetsTheStateAndItsAnswerCounts() throws {
        let script =
            #"[ "$MILLRACE_UPGRADE" = "try 3" ] && [ "$(cat /proc/self/fd/3)" = '{"a":1}' ] && echo "goes on: 9.8 $1""#
        #expect(try verdict("sleep 0.05; \(script)") == .goesOn("9.8 --one"))
    }

    @Test(arguments: [
        ("exit 1", "exited with code 1"), ("exit 0", "exited with code 0"), ("kill -9 $$", "killed by signal 9"),
        ("echo 'goes on: 1'; exit 3", "exited with code 3"), ("echo too old >&2; exit 1", "too old"),
    ])
    func whoeverSaysAnythingElseIsRefused(script: String, reason: String) throws {
        guard case .refused(let lines) = try verdict(script) else { throw POSIXError(.EPROTO) }
        #expect(lines.contains { $0.contains(reason) }, "\(lines)")
    }

    @Test func whoHangsIsEndedWithAllThatItHasStarted() throws {
        let scratch = Scratch()
        let mark = scratch.file("mark")
        let script = "sleep 60 & echo $! > \(mark.path).new; mv \(mark.path).new \(mark.path); wait"
        guard case .refused(let lines) = try verdict(script, patience: 500) else { throw POSIXError(.EPROTO) }
        #expect(lines.count == 1 && lines[0].contains("did not confirm within"), "\(lines)")
        let text = try String(contentsOf: mark, encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        let sleeper = try #require(pid_t(text))
        #expect(eventually(within: 2) { !ProcessFiles.isAlive(sleeper) })
    }

    // MARK: - The verb

    private func file(_ name: String, in scratch: Scratch, _ seconds: Int) throws -> String {
        let path = try scratch.write("", to: name)
        let times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
        #expect(utimensat(AT_FDCWD, path, times, 0) == 0)
        return path
    }

    @Test func theVerbOfAnotherProgramIsRefusedAndNamesAllThree() throws {
        let scratch = Scratch()
        let installed = try file("new", in: scratch, 1_900_000_000)
        let other = try file("other", in: scratch, 1_800_000_000)
        let link = installed + "-link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: installed)
        let former = try file("old", in: scratch, 1_700_000_000)
        let running = ProgramStatus(path: installed, version: "1.0", modifiedAt: 1_700_000_000_000)
        func programs(_ called: String) -> UpgradePrograms {
            UpgradePrograms(
                running: running, runningFile: ProgramFile(at: former), installed: ProgramFile(at: installed),
                called: ProgramFile(at: called))
        }
        let refusal = try #require(programs(other).refusal).joined(separator: "\n")
        for part in [
            "\(other) (file of 2027-01-", "\(installed) (Millrace 1.0, file of 2023-11-1", "run \(installed) upgrade",
        ] {
            #expect(refusal.contains(part), "\(refusal)")
        }
        // A symbolic link names the same program. The running program may request the upgrade to the installed one.
        for same in [installed, link, former] { #expect(programs(same).refusal == nil) }
        let lines = programs(link).lines.joined(separator: "\n")
        #expect(lines.hasPrefix("from \(installed) (Millrace 1.0, file of 2023-11-1"))
        #expect(lines.contains("to \(installed) (file of 2030-03-1"))
        // A version that does not report its program, and a program whose file was removed: the supervisor decides.
        #expect(UpgradePrograms(called: ProgramFile(at: other)).refusal == nil)
        #expect(UpgradePrograms(running: running, called: ProgramFile(at: other)).refusal == nil)
    }

    @Test func theStatusTellsWhichProgramRuns() throws {
        let service = try SupervisedService.running()
        let program = try #require(try service.status().program)
        #expect(program.path == SupervisedService.program.path && program.version == BuildInformation.version)
        let found = ProgramFile(at: program.path)
        #expect(program.modifiedAt == found?.modifiedAt)
        // Another program's verb, on the same service.
        let copy = service.scratch.file("millrace-copy")
        // Written by a process of its own: a child that another test starts could hold our descriptor, and the copy
        // would be "text file busy".
        #expect(try Command(URL(filePath: "/bin/cp"), [program.path, copy.path]).code == 0)
        let command = try Command(copy, ["upgrade", "--run-dir", service.runDirectory])
        #expect(command.code == 1)
        let text = command.complaints
        #expect(text.contains("this program is \(copy.path)") && text.contains("nothing was changed"), "\(text)")
        #expect(try service.status().upgrade == nil)
        #expect(service.stop() == 0)
    }

    @Test func theVerbWaitsUntilAllIsOver() {
        var status = ServiceStatus(
            version: "2.0", processID: 7, startedAt: 0, children: [ChildStatus(kind: .shard, shard: 0, state: .ready)],
            configuration: ConfigurationStatus(file: nil, loadedAt: 0))
        for phase in [UpgradeStatus.Phase.trying, .replacing] {
            status.upgrade = UpgradeStatus(phase)
            #expect(UpgradeVerb.outcome(of: status) == nil)
        }
        status.upgrade = UpgradeStatus(.done)
        let done = VerbOutcome(.done, lines: ["process 7 now runs Millrace 2.0", "shard 0: ready"])
        #expect(UpgradeVerb.outcome(of: status) == done)
        status.upgrade = UpgradeStatus(.refused, lines: ["too old"])
        #expect(UpgradeVerb.outcome(of: status) == VerbOutcome(.refused, lines: ["too old"]))
        status.upgrade = UpgradeStatus(.halted)
        #expect(UpgradeVerb.outcome(of: status)?.result == .failed)
        status.upgrade = UpgradeStatus(.done)
        status.children[0].state = .failed
        #expect(UpgradeVerb.outcome(of: status)?.result == .failed)
    }
}
