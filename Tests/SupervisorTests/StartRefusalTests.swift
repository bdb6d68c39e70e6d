import Control
import DaemonKit
import EventLoop
import Foundation
import Glibc
import TestSupport
import Testing

/// Errors that prevent a start, each with its exit code and advice.
@Suite struct StartRefusalTests {
    @Test func aTakenPortIsNamedEvenIfItsOwnerSharesIt() throws {
        let taken = try ListeningSocket.open(SocketAddress(host: "127.0.0.1", port: 0), sharedPort: true)
        defer { close(taken) }
        let port = try ListeningSocket.address(of: taken).port
        let service = try SupervisedService()
        try service.start(port: port)
        #expect(service.exitCode() == ExitCode.cannotListen.rawValue)
        #expect(service.logText.contains("127.0.0.1:\(port): address already in use (is another proxy running?"))
        #expect(service.events.isEmpty)
    }

    @Test func aSecondServiceOnOneRunDirectoryIsRefusedAndTheFirstGoesOn() throws {
        let first = try SupervisedService.running()
        let second = try SupervisedService()
        try second.start(["--run-dir", first.scratch.file("run").path])
        #expect(second.exitCode() == ExitCode.cannotListen.rawValue)
        #expect(second.logText.contains("uses this run directory"))
        #expect(first.stop() == 0)
    }

    @Test func twoServicesWithTheirOwnRunDirectoriesLiveSideBySide() throws {
        let services = [try SupervisedService(), try SupervisedService()]
        for service in services { try service.start() }
        for service in services { service.waitUntilReady() }
        #expect(services[0].port != services[1].port)
        for service in services { service.send(SIGTERM) }
        for service in services { #expect(service.exitCode() == 0) }
    }

    @Test func aRunDirectoryThatOthersMayWriteToIsRefused() throws {
        let service = try SupervisedService()
        let run = service.scratch.file("run").path
        mkdir(run, 0o700)
        chmod(run, 0o777)
        try service.start()
        #expect(service.exitCode() == ExitCode.cannotListen.rawValue)
        #expect(service.logText.contains("other users can write to it"))
    }

    @Test func staleSocketsAreRemovedAndOtherFilesAreNot() throws {
        let service = try SupervisedService()
        let run = service.scratch.file("run").path
        mkdir(run, 0o700)
        try Data("keep".utf8).write(to: URL(filePath: run + "/stats.db"))
        try LocalSocket.leaveFile(at: run + "/snapshots")
        #expect(access(run + "/snapshots", F_OK) == 0)
        try service.start()
        service.waitUntilReady()
        #expect(access(run + "/snapshots", F_OK) != 0)
        #expect(access(run + "/stats.db", F_OK) == 0)
        #expect(service.stop() == 0)
    }

    @Test func aMissingProgramIsNamed() throws {
        let service = try SupervisedService()
        let missing = service.scratch.file("millrace-gateway")
        try FileManager.default.removeItem(at: missing)
        try service.start()
        #expect(service.exitCode() == ExitCode.badInstallation.rawValue)
        #expect(service.logText.contains("\(missing.path): No such file or directory"))
    }

    @Test func aDryRunSaysWhatIsWrongAndStartsNothing() throws {
        let good = try SupervisedService()
        try good.start(["--dry-run"])
        #expect(good.exitCode() == ExitCode.stopped.rawValue)
        #expect(good.logText.contains("pools: 127.0.0.1:1"))
        #expect(good.events.isEmpty)
        #expect(!good.logText.contains("nobody"))

        let bad = try SupervisedService()
        try bad.start(["--dry-run", "--http-port", "x"])
        #expect(bad.exitCode() == ExitCode.badConfiguration.rawValue)
        #expect(bad.logText.contains("error: --http-port"))
        #expect(bad.events.isEmpty)
    }

    @Test func aBadConfigurationIsRefusedWithItsLine() throws {
        let service = try SupervisedService()
        let file = service.scratch.file("config.json")
        try Data("{\n  \"api\": 0\n}\n".utf8).write(to: file)
        try service.start(["--config", file.path])
        #expect(service.exitCode() == ExitCode.badConfiguration.rawValue)
        #expect(service.logText.contains("config.json:2:"))
    }

    @Test(arguments: [
        ("/nonexistent/config.json", "/nonexistent/config.json: error: cannot be read: No such file or directory"),
        ("/tmp", "/tmp: error: cannot be read: Is a directory"),
        ("/dev/null", "/dev/null:1:1: error: the file is empty, expected '{'"),
        ("", "error: --config: expected the name of a file"),
    ])
    func aConfigurationThatCannotBeReadIsNamed(path: String, message: String) throws {
        let service = try SupervisedService()
        try service.start(["--config", path])
        #expect(service.exitCode() == ExitCode.badConfiguration.rawValue)
        #expect(service.logText == message + "\n")
    }

    @Test func aWrongCommandLineHasItsOwnExitCode() throws {
        let service = try SupervisedService()
        try service.start(["--shrads", "1"])
        #expect(service.exitCode() == ExitCode.usage.rawValue)
        #expect(service.logText.contains("error: --shrads: unknown option; did you mean --shards?"))
        #expect(service.events.isEmpty)
    }

    @Test func whatXmrigProxyPassesOverOnACommandLineIsSaidInTheLogAndTheServiceStarts() throws {
        let service = try SupervisedService.running(["--cpu-affinity", "0x3", "-t4", "rest", "--pool-coin=xmr"])
        #expect(service.logText.contains("--cpu-affinity: unknown option, ignored together with the next argument"))
        #expect(service.logText.contains("-t: unknown option, ignored"))
        #expect(service.logText.contains("unexpected argument, ignored"))
        #expect(service.logText.contains("--pool-coin: has no effect, as in xmrig-proxy"))
        #expect(service.stop() == 0)
    }

    @Test func aFileThatAsksForADryRunIsCheckedAndNothingStarts() throws {
        let service = try SupervisedService()
        try service.startFromFile(SupervisedService.file("\"dry-run\": true"))
        #expect(service.exitCode() == 0)
        #expect(service.logText.contains("The configuration is valid, with 1 warning."))
        #expect(service.events.isEmpty)
    }

    @Test func ofSeveralFilesTheLaterOnesWinKeyByKey() throws {
        let service = try SupervisedService()
        let above = service.scratch.file("above.json")
        try Data("{\"retries\": 9, \"access-password\": null, \"http\": {\"port\": 0}}".utf8).write(to: above)
        try service.startFromFile(
            SupervisedService.file("\"retries\": 5, \"access-password\": \"p\", \"custom-diff\": 700"),
            ["--config", above.path])
        service.waitUntilReady()
        let settings = try service.settings(of: "worker0")
        #expect(settings["retries"] as? Int == 9 && settings["customDifficulty"] as? Int == 700)
        #expect(settings["accessPassword"] as? String == "p")
        #expect((settings["api"] as? [String: Any])?["accessToken"] as? String == "api-secret")
        // All of them are read again.
        try service.write(SupervisedService.file("\"retries\": 5, \"custom-diff\": 800"))
        service.send(SIGHUP)
        service.wait { $0.logText.contains("SIGHUP: now in force: access-password, custom-diff") }
        #expect(service.stop() == 0)
    }

    @Test(arguments: ["", "relative/home", "/dev/null", "/nonexistent/home"])
    func anUnusableHomeDoesNotKeepTheServiceFromStarting(home: String) throws {
        let service = try SupervisedService.running(environment: ["HOME": home])
        #expect(service.stop() == 0)
    }

    @Test(arguments: [SIGUSR1, SIGUSR2])
    func signalsOfOthersHabitsAreIgnored(_ number: Int32) throws {
        let service = try SupervisedService.running()
        for _ in 0..<3 {
            service.send(number)
            usleep(20_000)
        }
        #expect(try service.status().children.map(\.restarts) == [0, 0, 0, 0])
        #expect(service.stop() == 0)
    }

    @Test(arguments: ["--version", "-V", "--versions"])
    func theVersionIsTheFirstThingItSaysAndTheProgramsBesideItFollow(option: String) throws {
        let service = try SupervisedService()
        try service.start([option])
        #expect(service.exitCode() == 0)
        #expect(service.logText.hasPrefix("Millrace \(BuildInformation.text)\nmillrace: libuv "))
    }

    @Test func linesForMachinesAreJSONFromTheFirstToTheLast() throws {
        let service = try SupervisedService.running(["--log-format", "json"])
        #expect(service.stop() == 0)
        for line in service.logText.split(separator: "\n") {
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
            #expect(object?["process"] as? String == "supervisor")
        }
    }
}
