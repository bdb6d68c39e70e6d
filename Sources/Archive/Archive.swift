internal import Dispatch
internal import GRDB
internal import Synchronization

/// Stores the statistics across restarts in one file. It runs one transaction at a time on its own thread, so that a
/// slow disk does not block the caller's event loop.
///
/// `open` and `close` wait for the disk. Between them the caller only submits commits (`submit`) and polls their
/// outcome (`takeOutcome`). One commit runs at a time; changes made meanwhile are in the next one.
public final class Archive: Sendable {
    /// The result of `open`.
    public struct Opened: Sendable {
        public let saved: SavedStatistics
        /// The new path of a corrupt file that was found; nil = none.
        public let setAside: String?
    }

    /// The outcome of a commit.
    public struct Outcome: Sendable {
        public let commit: Commit
        /// nil = the commit is durable.
        public let failure: ArchiveFailure?
        /// The path to which a corrupt file was moved; empty when the file had been removed. In both cases a new, empty
        /// file was created and everything must be stored again. nil = the file is unchanged.
        public let setAside: String?
        /// The duration of the commit.
        public let microseconds: UInt64
    }

    /// The version of the SQLite library in use, such as "3.40.1".
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

    /// Does not open the file yet.
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

    /// Opens and reads the file; waits for the disk. Can be called again after a failure.
    /// - Parameter time: milliseconds since 1970, for the name of a corrupt file.
    public func open(at time: UInt64) throws(ArchiveFailure) -> Opened {
        try onThread { file throws(ArchiveFailure) in
            let (saved, aside) = try file.open(at: time)
            return Opened(saved: saved, setAside: aside)
        }
    }

    /// Moves a file aside that `open` could read but the caller could not decode, and creates an empty one; waits for
    /// the disk.
    /// - Returns: the new path of the old file.
    public func setAside(because reason: String, at time: UInt64) throws(ArchiveFailure) -> String? {
        try onThread { file throws(ArchiveFailure) in try file.beginAnew(because: reason, at: time) }
    }

    private func onThread<Result: Sendable>(
        _ body: @Sendable (ArchiveFile) throws(ArchiveFailure) -> Result
    ) throws(ArchiveFailure) -> Result {
        // Typed errors do not propagate through libdispatch.
        let result = thread.sync {
            file.withLock { file in
                Swift.Result { () throws(ArchiveFailure) in try body(file) }
            }
        }
        return try result.get()
    }

    /// Checks, without waiting, whether a file that `open` failed on can be opened now; see `isUsable`.
    public func probe(at time: UInt64) {
        thread.async { [self] in
            let isUsable = file.withLock { file in
                // Only `open` sets a corrupt file aside, because its caller reports that.
                guard (try? file.open(at: time, settingAside: false)) != nil else { return false }
                file.close()
                return true
            }
            state.withLock { state in state.isUsable = isUsable }
        }
    }

    /// True when a `probe` has succeeded: `open` would succeed too.
    public var isUsable: Bool { state.withLock { $0.isUsable } }

    // MARK: - Commits

    /// True while a commit runs or its outcome has not been taken.
    public var isBusy: Bool { state.withLock { $0.isBusy || $0.outcome != nil } }

    /// Starts a commit and returns at once.
    /// - Parameters:
    ///   - time: milliseconds since 1970, from the system clock.
    ///   - forgettingTime: the time by which age is decided (`ForgettingTime` of the collector). It is stored, and
    ///     `open` returns it. nil = `time`.
    /// - Returns: false, without any effect, while another commit runs or its outcome has not been taken.
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
            // Its result is not needed: the next commit meets or reports the same failure.
            file.withLock { file in file.thin(at: forgettingTime) }
        }
        return true
    }

    /// The outcome of the last commit, returned once; nil while it runs.
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

    /// Waits for the current commit, at most `milliseconds`.
    /// - Returns: the result of `takeOutcome`; nil when there is none or the disk is too slow.
    public func waitForOutcome(milliseconds: Int) -> Outcome? {
        guard isBusy else { return nil }
        // The queue is serial: it runs this after the commit.
        let done = DispatchSemaphore(value: 0)
        thread.async { done.signal() }
        _ = done.wait(timeout: .now() + .milliseconds(milliseconds))
        return takeOutcome()
    }

    /// Closes the file and waits at most `waitMilliseconds` for it. Later submissions are refused.
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
