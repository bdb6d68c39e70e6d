internal import Configuration
internal import DaemonKit
internal import FoundationEssentials
internal import Glibc

/// Finds the configuration file that the options ask for, reads it, and resolves both.
struct ConfigurationSource {
    var options: [GivenOption]

    func resolve(in surroundings: Surroundings) throws(StartFailure) -> Resolution {
        try load(in: surroundings).resolution
    }

    /// The file that was found, and what it and the options come to. Without a configuration file that is the document
    /// that an earlier service with the same run directory has taken, if it has.
    func load(
        in surroundings: Surroundings
    ) throws(StartFailure) -> (file: ConfigurationFile?, resolution: Resolution) {
        if let file = try find(in: surroundings) {
            return (file, Configuration.resolve(file: file, options: options, surroundings: surroundings))
        }
        let resolution = Configuration.resolve(file: nil, options: options, surroundings: surroundings)
        guard let directory = resolution.settings?.runDirectory,
            let file = try document(inRunDirectory: directory)
        else { return (nil, resolution) }
        return (file, Configuration.resolve(file: file, options: options, surroundings: surroundings))
    }

    /// Where a service that was started from options alone keeps a document that it has taken.
    static func documentPath(inRunDirectory directory: String) -> String { directory + "/config.json" }

    private func document(inRunDirectory directory: String) throws(StartFailure) -> ConfigurationFile? {
        let path = ConfigurationSource.documentPath(inRunDirectory: directory)
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        // The default run directory can be in /tmp, where other users may have made one of that name.
        guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid() else {
            throw refusal("\(path): error: expected a file of user \(geteuid())")
        }
        switch ConfigurationSource.read(path) {
        case .success(let file): return file
        case .failure(let failure): throw refusal("\(path): error: cannot be read: \(failure.reason)")
        }
    }

    /// What the options, and the first file in the usual places if there is one, come to.
    func loadIfAny(in surroundings: Surroundings, readsFile: Bool) throws(StartFailure) -> Resolution {
        var file: ConfigurationFile?
        if readsFile, case .firstOf(let paths) = fileChoice(options: options, surroundings: surroundings) {
            file = try firstFile(of: paths)
        }
        return Configuration.resolve(file: file, options: options, surroundings: surroundings)
    }

    private func find(in surroundings: Surroundings) throws(StartFailure) -> ConfigurationFile? {
        switch fileChoice(options: options, surroundings: surroundings) {
        case .none:
            return nil
        case .exactly(""):
            throw refusal("error: --config: expected the name of a file")
        case .exactly(let path):
            switch ConfigurationSource.read(path) {
            case .success(let file): return file
            case .failure(let failure): throw refusal("\(path): error: cannot be read: \(failure.reason)")
            }
        case .firstOf(let paths):
            if let file = try firstFile(of: paths) { return file }
            let looked = paths.map { "\n  \($0)" }.joined()
            throw refusal(
                "error: no configuration: give one with --config FILE, or a pool with -o HOST:PORT -u WALLET; "
                    + "looked for\(looked)")
        }
    }

    /// nil when none of them exists.
    private func firstFile(of paths: [String]) throws(StartFailure) -> ConfigurationFile? {
        for path in paths {
            switch ConfigurationSource.read(path) {
            case .success(let file): return file
            case .failure(let failure) where failure.code == ENOENT || failure.code == ENOTDIR: continue
            case .failure(let failure): throw refusal("\(path): error: cannot be read: \(failure.reason)")
            }
        }
        return nil
    }

    private func refusal(_ message: String) -> StartFailure {
        StartFailure(exitCode: .badConfiguration, message: message)
    }

    struct ReadFailure: Error {
        var code: Int32
        var reason: String { String(cString: strerror(code)) }
    }

    /// - Parameter mayWait: false for a service that runs: somebody could have put a pipe in the place of the file.
    static func read(_ path: String, mayWait: Bool = true) -> Result<ConfigurationFile, ReadFailure> {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | (mayWait ? 0 : O_NONBLOCK))
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
