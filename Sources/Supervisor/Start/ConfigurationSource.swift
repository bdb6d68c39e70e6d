internal import Configuration
internal import DaemonKit
internal import FoundationEssentials
internal import Glibc

/// Finds and reads the configuration file that the options select, and resolves both.
struct ConfigurationSource {
    var options: [GivenOption]

    func resolve(in surroundings: Surroundings) throws(StartFailure) -> Resolution {
        try load(in: surroundings).resolution
    }

    /// The file found, and the resolution of file and options. Without a configuration file, the document that an
    /// earlier service with the same run directory received over the API is used, if there is one.
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

    /// Where a service without a configuration file stores a document received over the API.
    static func documentPath(inRunDirectory directory: String) -> String { directory + "/config.json" }

    private func document(inRunDirectory directory: String) throws(StartFailure) -> ConfigurationFile? {
        let path = ConfigurationSource.documentPath(inRunDirectory: directory)
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        // The default run directory can be in /tmp, where another user may have created the file.
        guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid() else {
            throw refusal("\(path): error: expected a file owned by user \(geteuid())")
        }
        switch ConfigurationSource.read(path) {
        case .success(let file): return file
        case .failure(let failure): throw refusal("\(path): error: cannot be read: \(failure.reason)")
        }
    }

    /// Resolves the options and the first file in the default places, if there is one.
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
        case .exactly(let paths):
            var files: [ConfigurationFile] = []
            for path in paths {
                guard !path.isEmpty else { throw refusal("error: --config: expected the name of a file") }
                switch ConfigurationSource.read(path) {
                case .success(let file): files.append(file)
                case .failure(let failure): throw refusal("\(path): error: cannot be read: \(failure.reason)")
                }
            }
            var file = files.popLast()
            if !files.isEmpty { file?.below = files }
            return file
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
            // A directory that this user may not search cannot contain the user's configuration.
            case .failure where access(path, F_OK) != 0: continue
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

    /// Reads a file again, with the files below it. The error names the path that cannot be read.
    static func read(again file: ConfigurationFile) -> Result<ConfigurationFile, UnreadableFile> {
        var files: [ConfigurationFile] = []
        for path in (file.below ?? []).map(\.path) + [file.path] {
            switch read(path, mayWait: false) {
            case .success(let found): files.append(found)
            case .failure(let failure): return .failure(UnreadableFile(path: path, failure: failure))
            }
        }
        var found = files[files.count - 1]
        found.below = file.below == nil ? nil : Array(files.dropLast())
        return .success(found)
    }

    struct UnreadableFile: Error {
        var path: String
        var failure: ReadFailure
    }

    /// - Parameter mayWait: false in a running service, because the file may have been replaced by a pipe.
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
    /// Collects the facts from the system.
    static func ofThisProcess() -> Surroundings {
        let files = FileManager.default
        let process = ProcessInfo.processInfo
        let executable =
            (try? files.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "/usr/bin/millrace"
        let home = process.environment["HOME"].flatMap { $0.hasPrefix("/") ? $0 : nil }
        var surroundings = Surroundings(
            environment: process.environment, coreCount: max(process.activeProcessorCount, 1),
            hostName: process.hostName, userID: geteuid(), currentDirectory: files.currentDirectoryPath,
            homeDirectory: home, executable: executable, version: BuildInformation.version)
        let unusable = surroundings.stateDirectories.filter { !canKeepFiles(in: $0 + "/millrace") }
        surroundings.unusableStateDirectories = Set(unusable)
        return surroundings
    }

    /// Whether the directory exists and is writable, or could be created.
    static func canKeepFiles(in directory: String) -> Bool {
        var path = directory
        while !path.isEmpty {
            var status = stat()
            if stat(path, &status) == 0 {
                return status.st_mode & S_IFMT == S_IFDIR && access(path, W_OK | X_OK) == 0
            }
            guard errno == ENOENT, let slash = path.lastIndex(of: "/") else { return false }
            path = String(path[..<slash])
        }
        return access("/", W_OK | X_OK) == 0
    }
}
