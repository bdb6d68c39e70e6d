import EventLoop
import Foundation
import Glibc
import Testing

@Suite struct ChildProcessTests {
    /// Runs a shell script with the given descriptors and returns how it ended.
    private func run(_ script: String, _ descriptors: [Int32?] = [nil, 1, 2]) throws -> ProcessEnding {
        let loop = try Loop()
        var ending: ProcessEnding?
        let command = ProcessCommand(
            executable: "/bin/sh", arguments: ["sh", "-c", script],
            environment: ["PATH=/usr/bin:/bin", "WORD=millrace"], descriptors: descriptors)
        let child = try ChildProcess(on: loop, command) { ending = $0 }
        #expect(child.processID > 1)
        loop.turn(until: { ending != nil })
        #expect(child.processID == 0)
        loop.finish()
        return try #require(ending)
    }

    /// Runs the script with descriptor 3 as a pipe; returns its output there.
    private func output(of script: String, extra: [Int32?] = []) throws -> String {
        let pipe = Pipe()
        let writeEnd = pipe.fileHandleForWriting.fileDescriptor
        _ = fcntl(writeEnd, F_SETFD, FD_CLOEXEC)
        _ = fcntl(pipe.fileHandleForReading.fileDescriptor, F_SETFD, FD_CLOEXEC)
        #expect(try run(script, [nil, 1, 2, writeEnd] + extra) == .exit(0))
        try pipe.fileHandleForWriting.close()
        return String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    }

    @Test(arguments: [0, 1, 64, 255] as [Int32])
    func theExitCodeIsReported(code: Int32) throws {
        #expect(try run("exit \(code)") == .exit(code))
    }

    @Test func theSignalThatEndedItIsReported() throws {
        #expect(try run("kill -KILL $$") == .signal(SIGKILL))
    }

    @Test func aProgramThatDoesNotExistIsAnErrorAtOnce() throws {
        let loop = try Loop()
        let command = ProcessCommand(
            executable: "/no/such/program", arguments: ["x"], environment: [], descriptors: [nil, nil, nil])
        #expect(throws: SystemFailure(code: -ENOENT)) {
            _ = try ChildProcess(on: loop, command) { _ in Issue.record("ended without having begun") }
        }
        loop.finish()
    }

    @Test func itGetsTheDescriptorsItWasGivenAndNoOther() throws {
        // Only these two descriptors are checked: concurrent tests open others, some of them not close-on-exec.
        let given = open("/proc/version", O_RDONLY | O_CLOEXEC)
        let kept = open("/proc/uptime", O_RDONLY | O_CLOEXEC)
        let script = "ls -l /proc/self/fd | sed -n 's,.* \\([0-9]*\\) -> /proc/\\(version\\|uptime\\)$,\\1 \\2,p' >&3"
        #expect(try output(of: script, extra: [given]) == "4 version\n")
        close(given)
        close(kept)
    }

    @Test func aDescriptorMayAlreadyStandAtItsPlaceOrAtAnothers() throws {
        // Independent of the numbers in the test process: two swapped descriptors must arrive swapped.
        let zero = open("/dev/zero", O_RDONLY | O_CLOEXEC)
        let full = open("/dev/full", O_RDONLY | O_CLOEXEC)
        let script = "readlink /proc/self/fd/4 >&3; readlink /proc/self/fd/5 >&3"
        #expect(try output(of: script, extra: [zero, full]) == "/dev/zero\n/dev/full\n")
        #expect(try output(of: script, extra: [full, zero]) == "/dev/full\n/dev/zero\n")
        close(zero)
        close(full)
    }

    @Test func theEnvironmentIsExactlyTheGivenOne() throws {
        #expect(try output(of: "echo $WORD $HOME >&3") == "millrace\n")
    }

    @Test func itLeadsASessionOfItsOwn() throws {
        // Field 6 of stat is the session; `$$` is the id of the shell.
        #expect(try output(of: "read -r a b c d e f rest < /proc/$$/stat; [ $f = $$ ] && echo own >&3") == "own\n")
    }

    @Test func itCanBeSignalledAndASignalAfterItsEndIsHarmless() throws {
        let loop = try Loop()
        var ending: ProcessEnding?
        let command = ProcessCommand(
            executable: "/bin/sleep", arguments: ["sleep", "60"], environment: [], descriptors: [nil, nil, nil])
        let child = try ChildProcess(on: loop, command) { ending = $0 }
        child.send(signal: SIGTERM)
        loop.turn(until: { ending != nil })
        #expect(ending == .signal(SIGTERM))
        child.send(signal: SIGTERM)
        loop.finish()
    }
}
