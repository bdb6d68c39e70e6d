internal import Configuration
internal import DaemonKit
internal import FoundationEssentials
internal import Glibc

/// Finds the configuration file that the options ask for, reads it, and resolves both.
struct ConfigurationSource {
    var options: [GivenOption]

    func resolve(in surroundings: Surroundings) throws(StartFailure) -> Resolution {
        switch fileChoice(options: options, surroundings: surroundings) {
        case .none:
            return resolve(nil, surroundings)
        case .exactly(""):
            throw refusal("error: --config: expected the name of a file")
        case .exactly(let path):
            switch ConfigurationSource.read(path) {
            case .success(let file): return resolve(file, surroundings)
            case .failure(let failure): throw refusal("\(path): error: cannot be read: \(failure.reason)")
            }
        case .firstOf(let paths):
            for path in paths {
                switch ConfigurationSource.read(path) {
                case .success(let file): return resolve(file, surroundings)
                case .failure(let failure) where failure.code == ENOENT || failure.code == ENOTDIR: continue
                case .failure(let failure): throw refusal("\(path): error: cannot be read: \(failure.reason)")
                }
            }
            let looked = paths.map { "\n  \($0)" }.joined()
            throw refusal(
                "error: no configuration: give one with --config FILE, or a pool with -o HOST:PORT -u WALLET; "
                    + "looked for\(looked)")
        }
    }

    private func resolve(_ file: ConfigurationFile?, _ surroundings: Surroundings) -> Resolution {
        Configuration.resolve(file: file, options: options, surroundings: surroundings)
    }

    private func refusal(_ message: String) -> StartFailure {
        StartFailure(exitCode: .badConfiguration, message: message)
    }

    private struct ReadFailure: Error {
        var code: Int32
        var reason: String { String(cString: strerror(code)) }
    }

    private static func read(_ path: String) -> Result<ConfigurationFile, ReadFailure> {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return .failure(ReadFailure(code: errno)) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 * 1024)
        // One byte beyond the limit is enough for `resolve` to refuse the file.
        while bytes.count <= ConfigurationFile.bytesMax {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            guard count >= 0 else { return .failure(ReadFailure(code: errno)) }
            if count == 0 { break }
            bytes += chunk.prefix(count)
        }
        return .success(ConfigurationFile(path: path, bytes: bytes))
    }
}

extension Surroundings {
    /// The facts, asked of the system once.
    static func ofThisProcess() -> Surroundings {
        let files = FileManager.default
        let process = ProcessInfo.processInfo
        let executable =
            (try? files.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "/usr/bin/millrace"
        let home = process.environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        return Surroundings(
            environment: process.environment, coreCount: max(process.activeProcessorCount, 1),
            hostName: process.hostName, userID: geteuid(), currentDirectory: files.currentDirectoryPath,
            homeDirectory: home, executable: executable, version: BuildInformation.version)
    }
}
