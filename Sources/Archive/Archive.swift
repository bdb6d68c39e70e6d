internal import Dispatch
internal import GRDB
internal import Synchronization

/// Makes the statistics outlive the processes: one file, one transaction at a time, on a thread of its own, so that no
/// disk can hold up the caller's loop.
///
/// `open` and `close` wait; between them the caller only puts in (`submit`) and asks what has become of it
/// (`takeOutcome`). One commit is under way at a time: what happens meanwhile goes into the next one.
public final class Archive: Sendable {
    /// What `open` has found.
    public struct Opened: Sendable {
        public let saved: SavedStatistics
        /// Where the damaged file is that lay at the place; nil = none did.
        public let setAside: String?
    }

    /// What has become of a commit.
    public struct Outcome: Sendable {
        public let commit: Commit
        /// nil = it is on the disk.
        public let failure: ArchiveFailure?
        /// The file was damaged, lies at this path now, and a new and empty one has been begun: everything has to be stored
        /// again. Empty when it was not damaged but gone. nil = the file is the one it was.
        public let setAside: String?
        /// How long it took.
        public let microseconds: UInt64
    }

    /// Of the SQLite library in use, such as "3.40.1".
    public static var sqliteVersion: String {
        let number = Database.sqliteLibVersionNumber
        return "\(number / 1_000_000).\(number / 1_000 % 1_000).\(number % 1_000)"
    }

    /// Used only on `thread`.
    private let file: Mutex<ArchiveFile>
    private let thread = DispatchQueue(label: "millrace.archive")
    private let state = Mutex(State())

    private struct State {
        var isBusy = false
        var isClosed = false
        var outcome: Outcome?
        var isUsable = false
    }

    /// Opens nothing yet.
    /// - Parameters:
    ///   - path: `Settings.database`.
    ///   - historyDays: `Settings.historyDays`.
    public convenience init(path: String, historyDays: Int) {
        self.init(ArchiveSettings(path: path, historyDays: historyDays))
    }

    init(_ settings: ArchiveSettings) {
        file = Mutex(ArchiveFile(settings))
    }

    // MARK: - Start

    /// Opens the file and reads it; waits for the disk. May be tried again when it fails.
    /// - Parameter time: milliseconds since 1970, for the name of a damaged file.
    public func open(at time: UInt64) throws(ArchiveFailure) -> Opened {
        try onThread { file throws(ArchiveFailure) in
            let (saved, aside) = try file.open(at: time)
            return Opened(saved: saved, setAside: aside)
        }
    }

    /// Sets the file aside that `open` could read and the caller could not make sense of; waits for the disk.
    /// - Returns: its new path.
    public func setAside(because reason: String, at time: UInt64) throws(ArchiveFailure) -> String? {
        try onThread { file throws(ArchiveFailure) in try file.beginAnew(because: reason, at: time) }
    }

    private func onThread<Result: Sendable>(
        _ body: @Sendable (ArchiveFile) throws(ArchiveFailure) -> Result
    ) throws(ArchiveFailure) -> Result {
        // Typed errors do not pass through libdispatch.
        let result = thread.sync {
            file.withLock { file in
                Swift.Result { () throws(ArchiveFailure) in try body(file) }
            }
        }
        return try result.get()
    }

    /// Finds out, without waiting, whether a file that `open` has failed with could be opened now; see `isUsable`.
    public func probe(at time: UInt64) {
        thread.async { [self] in
            let isUsable = file.withLock { file in
                // A damaged one would be set aside by this: that is for the one who is told of it.
                guard (try? file.open(at: time, settingAside: false)) != nil else { return false }
                file.close()
                return true
            }
            state.withLock { state in state.isUsable = isUsable }
        }
    }

    /// True when a `probe` has succeeded: `open` would.
    public var isUsable: Bool { state.withLock { $0.isUsable } }

    // MARK: - Work

    /// True while a commit is under way, or its outcome not taken.
    public var isBusy: Bool { state.withLock { $0.isBusy || $0.outcome != nil } }

    /// Starts one commit; returns at once.
    /// - Parameters:
    ///   - time: milliseconds since 1970, by the clock of the machine.
    ///   - forgettingTime: by the clock that decides what is old; it is stored, and `open` returns it. nil = `time`.
    /// - Returns: false, and does nothing, while another is under way or its outcome not taken.
    @discardableResult
    public func submit(_ commit: Commit, at time: UInt64, forgettingAt forgettingTime: UInt64? = nil) -> Bool {
        let forgettingTime = forgettingTime ?? time
        let isAccepted = state.withLock { state in
            guard !state.isBusy, !state.isClosed, state.outcome == nil else { return false }
            state.isBusy = true
            return true
        }
        guard isAccepted else { return false }
        thread.async { [self] in
            let outcome = perform(commit, at: time, forgettingTime)
            state.withLock { state in
                state.isBusy = false
                state.outcome = outcome
            }
            // Nobody waits for this; what fails here the next commit will meet too, or be told.
            file.withLock { file in file.thin(at: forgettingTime) }
        }
        return true
    }

    /// What has become of the last commit, once; nil while it is under way.
    public func takeOutcome() -> Outcome? {
        state.withLock { state in state.outcome.take() }
    }

    private func perform(_ commit: Commit, at time: UInt64, _ forgettingTime: UInt64) -> Outcome {
        let clock = ContinuousClock()
        let began = clock.now
        var failure: ArchiveFailure?
        var aside: String?
        file.withLock { file in
            do throws(ArchiveFailure) {
                try file.write(commit, at: forgettingTime)
            } catch .damaged(let reason) {
                failure = .damaged(reason)
                do throws(ArchiveFailure) {
                    aside = try file.beginAnew(because: reason, at: time) ?? ""
                } catch let another {
                    failure = another
                }
            } catch let other {
                failure = other
            }
        }
        let took = (clock.now - began).components
        return Outcome(
            commit: commit, failure: failure, setAside: aside,
            microseconds: UInt64(max(0, took.seconds * 1_000_000 + took.attoseconds / 1_000_000_000_000)))
    }

    // MARK: - End

    /// Waits for the commit under way, at most so long.
    /// - Returns: what `takeOutcome` would; nil when there is none, or the disk has not answered in time.
    public func waitForOutcome(milliseconds: Int) -> Outcome? {
        guard isBusy else { return nil }
        // The thread does one thing after the other: it comes to this when the commit is done.
        let done = DispatchSemaphore(value: 0)
        thread.async { done.signal() }
        _ = done.wait(timeout: .now() + .milliseconds(milliseconds))
        return takeOutcome()
    }

    /// Closes the file, and waits for it at most so long. Nothing can be submitted afterwards.
    public func close(waitMilliseconds: Int) {
        state.withLock { $0.isClosed = true }
        let closed = DispatchSemaphore(value: 0)
        thread.async { [self] in
            file.withLock { file in file.close() }
            closed.signal()
        }
        _ = closed.wait(timeout: .now() + .milliseconds(waitMilliseconds))
    }
}
