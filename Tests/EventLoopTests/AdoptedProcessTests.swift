import EventLoop
import Foundation
import Glibc
import Testing

/// Children that libuv did not start, as a program has them after its process executed it.
@Suite struct AdoptedProcessTests {
    private func start(_ script: String) throws -> pid_t {
        var process: pid_t = 0
        let words: [String] = ["sh", "-c", script]
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        // Threads of tests may block signals, which a child would inherit.
        var attributes = posix_spawnattr_t()
        var none = sigset_t()
        sigemptyset(&none)
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        try #require(posix_spawn(&process, "/bin/sh", nil, &attributes, &arguments, environ) == 0)
        return process
    }

    private func ending(of process: pid_t, _ meanwhile: (ChildProcess) -> Void = { _ in }) throws -> ProcessEnding {
        let loop = try Loop()
        var endings: [ProcessEnding] = []
        let child = try ChildProcess(on: loop, adopting: process) { endings.append($0) }
        #expect(child.processID == process)
        #expect(endings == [], "told before its owner has it")
        meanwhile(child)
        loop.turn(until: { !endings.isEmpty })
        #expect(child.processID == 0)
        loop.finish()
        #expect(endings.count == 1)
        #expect(waitpid(process, nil, WNOHANG) == -1, "it is buried")
        return try #require(endings.first)
    }

    @Test func itsEndIsNoticedAndHow() throws {
        #expect(try ending(of: start("exit 7")) == .exit(7))
        #expect(try ending(of: start("kill -SEGV $$")) == .signal(SIGSEGV))
    }

    @Test func itCanBeSignalled() throws {
        let process = try start("exec sleep 60")
        #expect(try ending(of: process) { $0.send(signal: SIGTERM) } == .signal(SIGTERM))
    }

    @Test func whoHasDiedBeforeIsReportedToo() throws {
        let process = try start("exit 3")
        var information = siginfo_t()
        // Waits for its exit, and leaves it waitable.
        try #require(waitid(P_PID, id_t(process), &information, WEXITED | WNOWAIT) == 0)
        #expect(try ending(of: process) == .exit(3))
    }

    @Test func whoIsNotOursIsRefused() throws {
        let loop = try Loop()
        for stranger in [getppid(), 0, -1, pid_t.max] {
            #expect(throws: SystemFailure(code: -ECHILD)) {
                _ = try ChildProcess(on: loop, adopting: stranger) { _ in Issue.record("nobody's end") }
            }
        }
        loop.finish()
    }

    @Test func whoIsForgottenLivesOn() throws {
        let process = try start("exec sleep 60")
        let loop = try Loop()
        let child = try ChildProcess(on: loop, adopting: process) { _ in Issue.record("it has not ended") }
        child.close()
        loop.finish()
        #expect(kill(process, SIGKILL) == 0)
        #expect(waitpid(process, nil, 0) == process)
    }

    @Test func aProgramThatCannotBeExecutedChangesNothing() {
        let kept = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(kept) }
        var before = sigset_t()
        pthread_sigmask(SIG_SETMASK, nil, &before)
        let failure = ProgramChange.execute("/no/such/program", arguments: ["x"], environment: [], keeping: [kept])
        #expect(failure == SystemFailure(code: -ENOENT))
        #expect(fcntl(kept, F_GETFD) == FD_CLOEXEC)
        var after = sigset_t()
        pthread_sigmask(SIG_SETMASK, nil, &after)
        for signal in [SIGTERM, SIGCHLD, SIGHUP] {
            #expect(sigismember(&after, signal) == sigismember(&before, signal))
        }
    }
}
