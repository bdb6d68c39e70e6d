internal import Configuration
internal import Control
internal import DaemonKit
internal import EventLoop
internal import Glibc

/// The configuration of a running service: what is in force, where it came from, and how another one takes its place.
struct RunningConfiguration {
    /// What came of an attempt to put another one in force.
    enum Outcome {
        /// It says what is in force already.
        case unchanged(warnings: [Diagnostic] = [])
        /// It is in force now, and this has to be done for it.
        case changed(ConfigurationChange, warnings: [Diagnostic])
        /// Nothing has changed.
        case refused(ControlRefusal, warnings: [Diagnostic] = [])
    }

    /// What is in force, as the configuration says it: addresses with port 0 are not yet those of sockets.
    private(set) var settings: Settings
    private(set) var status: ConfigurationStatus
    private let options: [GivenOption]
    private let surroundings: Surroundings
    /// What was said about the command line; it stays true as long as the service runs.
    private let optionWarnings: [String]
    /// What is in force, as a file; nil while options alone decide.
    private var file: ConfigurationFile?
    /// Values that documents have taken over from options, until the next start of the service.
    private var released: Set<String> = []
    /// What we have last read from, or written to, the disk, and what was released with it.
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

    /// What another program needs to go on with it.
    struct Handed: Codable {
        /// Of a version that knows other settings they may be unreadable; then what the configuration says counts.
        var settings: IfReadable<Settings>
        var status: ConfigurationStatus
        var options: [GivenOption]
        var file: ConfigurationFile?
        var bytesOnDisk: [UInt8]
        /// nil from versions that had none.
        var released: Set<String>?
        var releasedOnDisk: Set<String>?
        /// nil from versions that did not keep them.
        var optionWarnings: [String]?
    }

    var handed: Handed {
        Handed(
            settings: IfReadable(value: settings), status: status, options: options, file: file,
            bytesOnDisk: bytesOnDisk, released: released, releasedOnDisk: releasedOnDisk,
            optionWarnings: optionWarnings)
    }

    /// Throws what is wrong with it for this version.
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

    /// Whatever the configuration says, this is so.
    mutating func keep(runDirectory: String) {
        settings.runDirectory = runDirectory
    }

    /// The file's path, to read it by; nil when there is none.
    var path: String? { file?.path }

    /// As `GET /1/config` serves it.
    var document: String { presentation.text }

    /// Whether the file says something else than when it was last read or written here.
    var hasFileChanged: Bool {
        guard let path, case .success(let found) = ConfigurationSource.read(path, mayWait: false) else { return true }
        return found.bytes != bytesOnDisk
    }

    /// Makes ready what a change needs from the system, before anything is changed; throws when that is not to be had.
    typealias Preparation = (ConfigurationChange) throws(StartFailure) -> Void

    /// Reads the file again.
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
        if let refusal = refusal(of: change, prepare) { return refusal }
        released = releasedOnDisk
        return take(change, from: read, warnings: resolution.warnings)
    }

    /// Takes a document that a client has sent. A service that was started from options alone keeps it in its run
    /// directory.
    mutating func receive(_ document: String, _ prepare: Preparation) -> Outcome {
        switch presentation.receive(Array(document.utf8)) {
        case .unchanged:
            status.lastRefusal = []
            return .unchanged()
        case .refused(let diagnostics):
            return refuse(diagnostics.map(\.logText))
        case .accepted(let new, let warnings, let text, let released):
            let change = ConfigurationChange(from: settings, to: new)
            if let refusal = refusal(of: change, prepare) { return refusal }
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

    /// The file that documents are written to.
    private var documentPath: String {
        file?.path ?? ConfigurationSource.documentPath(inRunDirectory: settings.runDirectory)
    }

    /// Whether it is ours: it is made when it is not there.
    private func isInRunDirectory(_ file: ConfigurationFile) -> Bool {
        file.path == ConfigurationSource.documentPath(inRunDirectory: settings.runDirectory)
    }

    private mutating func refusal(of change: ConfigurationChange, _ prepare: Preparation) -> Outcome? {
        do throws(StartFailure) {
            try prepare(change)
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

    /// Writes the file; the reason when that is not possible.
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
