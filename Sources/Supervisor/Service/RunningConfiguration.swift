internal import Configuration
internal import Control
internal import DaemonKit
internal import EventLoop
internal import Glibc

/// The configuration of a running service: what is in force, its source, and how it is replaced.
struct RunningConfiguration {
    /// The result of an attempt to change the configuration.
    enum Outcome {
        /// The new configuration equals the one in force.
        case unchanged(warnings: [Diagnostic] = [])
        /// The new configuration is in force; the caller carries out the change.
        case changed(ConfigurationChange, warnings: [Diagnostic])
        /// The configuration in force is unchanged.
        case refused(ControlRefusal, warnings: [Diagnostic] = [])
    }

    /// The settings in force, with port 0 where the configuration has it instead of the port of the socket.
    private(set) var settings: Settings
    private(set) var status: ConfigurationStatus
    private let options: [GivenOption]
    private let surroundings: Surroundings
    /// Warnings about the command line. They hold as long as the service runs.
    private let optionWarnings: [String]
    /// The file of the configuration in force; nil while only options were used.
    private var file: ConfigurationFile?
    /// Options that a document has overridden, until the service is restarted.
    private var released: Set<String> = []
    /// The bytes last read from or written to the disk, and the options overridden at that time.
    private var bytesOnDisk: [UInt8]
    private var releasedOnDisk: Set<String> = []

    init(
        settings: Settings, file: ConfigurationFile?, options: [GivenOption], surroundings: Surroundings,
        optionWarnings: [Diagnostic] = [], warnings: [Diagnostic] = []
    ) {
        self.settings = settings
        self.optionWarnings = optionWarnings.map(\.logText)
        self.file = file
        self.options = options
        self.surroundings = surroundings
        bytesOnDisk = file?.bytes ?? []
        status = ConfigurationStatus(
            file: file.map { surroundings.absolutePath(of: $0.path) }, loadedAt: WallClock.milliseconds())
        keep(warnings)
    }

    /// What another program needs to continue with this configuration.
    struct Handed: Codable {
        /// Unreadable to a version with other settings, which then resolves the configuration again.
        var settings: IfReadable<Settings>
        var status: ConfigurationStatus
        var options: [GivenOption]
        var file: ConfigurationFile?
        var bytesOnDisk: [UInt8]
        /// nil if a version wrote it that did not have them.
        var released: Set<String>?
        var releasedOnDisk: Set<String>?
        /// nil if a version wrote it that did not record them.
        var optionWarnings: [String]?
    }

    var handed: Handed {
        Handed(
            settings: IfReadable(value: settings), status: status, options: options, file: file,
            bytesOnDisk: bytesOnDisk, released: released, releasedOnDisk: releasedOnDisk,
            optionWarnings: optionWarnings)
    }

    /// Throws the errors that this version finds in the configuration.
    init(resuming handed: Handed, surroundings: Surroundings) throws(StartFailure) {
        let resolution = Configuration.resolve(
            file: handed.file, options: handed.options, released: handed.released ?? [], surroundings: surroundings)
        guard let settings = resolution.settings else {
            throw StartFailure(
                exitCode: .badConfiguration, message: resolution.errors.map(\.logText).joined(separator: "\n"))
        }
        self.settings = handed.settings.value ?? settings
        status = handed.status
        options = handed.options
        self.surroundings = surroundings
        file = handed.file
        bytesOnDisk = handed.bytesOnDisk
        released = handed.released ?? []
        releasedOnDisk = handed.releasedOnDisk ?? []
        optionWarnings = handed.optionWarnings ?? []
        keep(resolution.warnings)
    }

    /// Keeps the run directory, which cannot change in a running service.
    mutating func keep(runDirectory: String) {
        settings.runDirectory = runDirectory
    }

    /// Adds warnings that were found after the configuration was resolved.
    mutating func add(_ warnings: [Diagnostic]) { status.warnings = (status.warnings ?? []) + warnings.map(\.logText) }

    /// The path of the file; nil when there is none.
    var path: String? { file?.path }

    /// The document that `GET /1/config` serves.
    var document: String { presentation.text }

    /// Whether the file differs from the bytes last read or written.
    var hasFileChanged: Bool {
        guard let path, case .success(let found) = ConfigurationSource.read(path, mayWait: false) else { return true }
        return found.bytes != bytesOnDisk
    }

    /// Prepares what a change needs from the system, before anything is changed. Throws when that is not available.
    /// Returns warnings.
    typealias Preparation = (ConfigurationChange) throws(StartFailure) -> [Diagnostic]

    /// Reads the file again and puts it in force.
    mutating func reload(_ prepare: Preparation) -> Outcome {
        guard let file else {
            return .refused(
                ControlRefusal(
                    .impossible,
                    lines: ["the service was started without a configuration file; nothing to reload"]))
        }
        let read: ConfigurationFile
        switch ConfigurationSource.read(again: file) {
        case .success(let found): read = found
        case .failure(let fault): return refuse(["\(fault.path): cannot be read: \(fault.failure.reason)"])
        }
        let resolution = Configuration.resolve(
            file: read, options: options, released: releasedOnDisk, surroundings: surroundings)
        guard let new = resolution.settings else {
            return refuse(resolution.errors.map(\.logText), warnings: resolution.warnings)
        }
        bytesOnDisk = read.bytes
        let change = ConfigurationChange(from: settings, to: new)
        var warnings = resolution.warnings
        if let refusal = refusal(of: change, prepare, &warnings) { return refusal }
        released = releasedOnDisk
        return take(change, from: read, warnings: warnings)
    }

    /// Puts a document of a client in force. A service without a configuration file stores it in its run directory.
    mutating func receive(_ document: String, _ prepare: Preparation) -> Outcome {
        switch presentation.receive(Array(document.utf8)) {
        case .unchanged:
            status.lastRefusal = []
            return .unchanged()
        case .refused(let diagnostics):
            return refuse(diagnostics.map(\.logText))
        case .accepted(let new, var warnings, let text, let released):
            let change = ConfigurationChange(from: settings, to: new)
            if let refusal = refusal(of: change, prepare, &warnings) { return refusal }
            var written = file ?? ConfigurationFile(path: documentPath, bytes: [])
            written.bytes = Array(text.utf8)
            if settings.savesDocument {
                if let reason = save(written) {
                    let line = "\(written.path): \(reason); nothing was changed"
                    return .refused(ControlRefusal(.impossible, lines: [line]))
                }
                releasedOnDisk = released
            }
            self.released = released
            return take(change, from: written, warnings: warnings)
        }
    }

    // MARK: - Steps

    private var presentation: ConfigurationDocument {
        ConfigurationDocument(
            file: file, options: options, released: released, path: documentPath, surroundings: surroundings)
    }

    /// The path that documents are written to.
    private var documentPath: String {
        file?.path ?? ConfigurationSource.documentPath(inRunDirectory: settings.runDirectory)
    }

    /// Whether it is the document in the run directory, which is created if it does not exist.
    private func isInRunDirectory(_ file: ConfigurationFile) -> Bool {
        file.path == ConfigurationSource.documentPath(inRunDirectory: settings.runDirectory)
    }

    private mutating func refusal(
        of change: ConfigurationChange, _ prepare: Preparation, _ warnings: inout [Diagnostic]
    ) -> Outcome? {
        do throws(StartFailure) {
            warnings += try prepare(change)
            return nil
        } catch {
            return refuse([error.message])
        }
    }

    private mutating func take(
        _ change: ConfigurationChange, from file: ConfigurationFile, warnings: [Diagnostic]
    ) -> Outcome {
        self.file = file
        settings = change.settings
        status.file = surroundings.absolutePath(of: file.path)
        status.loadedAt = WallClock.milliseconds()
        status.lastRefusal = []
        keep(warnings)
        status.waitingForRestart = change.waiting.map { "\($0): changed, in force after a restart of the service" }
        let isSame = change.changed.isEmpty && change.waiting.isEmpty
        return isSame ? .unchanged(warnings: warnings) : .changed(change, warnings: warnings)
    }

    private mutating func refuse(_ lines: [String], warnings: [Diagnostic] = []) -> Outcome {
        status.lastRefusal = lines
        return .refused(ControlRefusal(.invalid, lines: lines), warnings: warnings)
    }

    private mutating func keep(_ warnings: [Diagnostic]) {
        status.warnings = optionWarnings + warnings.map(\.logText)
    }

    /// Writes the file. Returns the reason if that fails.
    private mutating func save(_ new: ConfigurationFile) -> String? {
        let found = ConfigurationSource.read(new.path, mayWait: false)
        do throws(SystemFailure) {
            switch found {
            case .failure(let failure) where failure.code == ENOENT && isInRunDirectory(new):
                try AtomicFile.create(new.path, with: new.bytes)
            case .failure(let failure):
                return "cannot be read: \(failure.reason)"
            case .success(let found) where found.bytes != bytesOnDisk:
                return "has been changed since it was read; reload it first (SIGHUP, or millrace reload)"
            case .success:
                try AtomicFile.replace(new.path, with: new.bytes)
            }
        } catch {
            return "cannot be written: \(error) (\"autosave\": false in it applies changes without writing them)"
        }
        bytesOnDisk = new.bytes
        return nil
    }
}

extension Surroundings {
    fileprivate func absolutePath(of path: String) -> String {
        path.hasPrefix("/") ? path : currentDirectory + "/" + path
    }
}
