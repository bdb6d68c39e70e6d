internal import Configuration
internal import DaemonKit
internal import EventLoop
internal import Glibc
internal import Supervision

/// `millrace --version`: the version of this program, and of each child program and its libraries.
enum Versions {
    static func show() -> Never {
        print("Millrace \(BuildInformation.text)")
        print("millrace: libuv \(Loop.libuvVersion)")
        fflush(nil)
        let surroundings = Surroundings.ofThisProcess()
        do throws(StartFailure) {
            let programs = try ChildPrograms(beside: surroundings.executable, environment: surroundings.environment)
            for child in [ChildName.shard(0), .collector, .gateway] { show(programs.path(of: child), of: child) }
        } catch {
            say(error.message)
        }
        DaemonKit.ExitCode.stopped.exit()
    }

    /// Runs one program after the other, so that the lines are in order. A missing program is one line, not an error:
    /// the version of this program is known anyway.
    private static func show(_ path: String, of child: ChildName) {
        var command = ProcessCommand(
            executable: path, arguments: [path, "--version"], environment: [],
            descriptors: [nil, STDOUT_FILENO, STDERR_FILENO])
        command.hasOwnSession = false
        do throws(SystemFailure) {
            let loop = try Loop()
            let process = try ChildProcess(on: loop, command) { ending in
                if ending != .exit(0), ending != .signal(SIGPIPE) {
                    say("\(path): cannot run on this machine (\(ending))")
                }
            }
            withExtendedLifetime(process) { loop.run() }
        } catch {
            say("\(path): \(error)")
        }
    }
}
