internal import Archive
internal import DaemonKit
internal import Linux
internal import Logging
internal import Telemetry

/// Stores the statistics across restarts: moves them between the fold and the archive, and reports which positions are
/// durable. It waits for the disk only at the start and at the end.
final class Persistence {
    /// The parameters of the database.
    struct Options {
        /// `Settings.database`
        var path: String
        var historyDays = 30
        var forgetWorkersDays = 7
    }

    /// Part of the three seconds that the supervisor allows: for the current commit, the last events and a last
    /// checkpoint.
    static let lastCommitsMillisecondsMax: UInt64 = 2_000
    static let closeMillisecondsMax = 400
    /// Interval of checks whether a path that could not be used is usable now. Short at first, because an exiting
    /// collector can still hold it; then doubled up to the maximum.
    static let probeMillisecondsMin: UInt64 = 2_000
    static let probeMillisecondsMax: UInt64 = 30_000
    static let forgetMilliseconds: UInt64 = 600_000
    /// Workers without an accepted share are removed after this time without a connection.
    static let unprovenMilliseconds: UInt64 = 3_600_000

    private let archive: Archive
    private let options: Options
    private let logger: Logger
    private var plan: CommitPlan
    private var state = Snapshot.Database()
    /// The state's message when all is well: the path of a corrupt file that was set aside.
    private var remark = ""
    /// The positions of the streams when the current commit was created.
    private var positionsUnderWay: [SavedShard.Position?] = []
    /// nil = the failure is permanent.
    private var probe: (at: UInt64, pause: UInt64)?
    private var nextForgettingAt: UInt64
    private var forgettingTime: ForgettingTime

    /// Opens the file and restores its content; waits for the disk.
    /// - Parameter statistics: replaced by the restored ones; unchanged when there is nothing to restore.
    init(_ options: Options, _ statistics: inout Statistics, shardCount: Int, at now: Statistics.Moment, logger: Logger)
    {
        self.options = options
        self.logger = logger
        archive = Archive(path: options.path, historyDays: options.historyDays)
        plan = CommitPlan(at: now.monotonic, hasJournal: false)
        nextForgettingAt = now.monotonic
        forgettingTime = ForgettingTime(at: now, committedAt: 0)
        do throws(ArchiveFailure) {
            try begin(&statistics, shardCount, now)
        } catch {
            state.state = .off
            state.message = "\(error)"
            let pause = Persistence.probeMillisecondsMin
            if error.mayPass { probe = (now.monotonic + pause, pause) }
            logger.error("statistics are not saved during this run: \(error)")
            statistics.dropPendingJournal()
        }
        show(in: &statistics)
    }

    private func begin(_ statistics: inout Statistics, _ shardCount: Int, _ now: Statistics.Moment)
        throws(ArchiveFailure)
    {
        let opened = try archive.open(at: now.time)
        if let aside = opened.setAside { tellOfDamage("", aside) }
        do throws(DecodingFailure) {
            statistics = try Statistics(
                restoring: opened.saved.checkpoint, journal: opened.saved.journal, startedAt: statistics.startedAt,
                shardCount: shardCount, at: now)
        } catch .unsupportedVersion(let version) {
            archive.close(waitMilliseconds: Persistence.closeMillisecondsMax)
            throw .newer("\(options.path) holds statistics in version \(version), which this Millrace cannot read")
        } catch {
            tellOfDamage("\(error)", try archive.setAside(because: "\(error)", at: now.time) ?? "")
            return
        }
        plan = CommitPlan(at: now.monotonic, hasJournal: !opened.saved.journal.isEmpty)
        state.committedAt = opened.saved.committedAt
        forgettingTime = ForgettingTime(at: now, committedAt: opened.saved.committedAt)
        let isNew = opened.saved.committedAt == 0
        logger.info(
            isNew ? "statistics are stored in a new file, \(options.path)" : "statistics loaded from \(options.path)",
            metadata: isNew
                ? [:]
                : [
                    "workers": "\(opened.saved.checkpoint.workers.count)",
                    "accepted": "\(opened.saved.checkpoint.service.totals.accepted)",
                    "journal": "\(opened.saved.journal.count)",
                ])
    }

    /// True when the path was unusable at the start and is usable now: a restarted process can use it.
    var isWorthARestart: Bool { probe != nil && archive.isUsable }

    // MARK: - Once a second

    /// Called when there are events besides checkpoints.
    func heardNews(at now: UInt64) {
        plan.heardNews(at: now)
    }

    /// Processes the outcome of the current commit and starts the next one when due.
    /// - Parameters:
    ///   - positions: the positions of the gates; `statistics` has folded everything before them.
    ///   - acknowledge: receives the positions that have become durable.
    func turn(
        _ statistics: inout Statistics, positions: [SavedShard.Position?], at now: Statistics.Moment,
        acknowledge: ([SavedShard.Position?]) -> Void
    ) {
        defer { show(in: &statistics) }
        guard state.state != .off else { return look(at: now) }
        if takeOutcome(&statistics, now, acknowledge) { Allocator.trim() }
        let forgettingTime = self.forgettingTime.advance(to: now)
        if now.monotonic >= nextForgettingAt {
            nextForgettingAt = now.monotonic + Persistence.forgetMilliseconds
            let age = UInt64(options.forgetWorkersDays) * 86_400_000
            if forgettingTime > age {
                statistics.forgetWorkers(
                    unseenSince: forgettingTime - age, unproven: forgettingTime - Persistence.unprovenMilliseconds)
            }
        }
        begin(
            plan.step(
                at: now.monotonic, pendingBytes: statistics.pendingJournalBytes,
                needsCheckpoint: statistics.needsCheckpoint), &statistics, positions, now)
    }

    /// - Returns: true when the memory of a checkpoint (every changed worker in its stored form) has been freed.
    private func takeOutcome(
        _ statistics: inout Statistics, _ now: Statistics.Moment, _ acknowledge: ([SavedShard.Position?]) -> Void
    ) -> Bool {
        guard let outcome = archive.takeOutcome() else { return false }
        settle(outcome, &statistics, now, acknowledge)
        if case .checkpoint = outcome.commit { return true }
        return false
    }

    private func begin(
        _ step: CommitPlan.Step, _ statistics: inout Statistics, _ positions: [SavedShard.Position?],
        _ now: Statistics.Moment
    ) {
        plan.began(step, at: now.monotonic, pendingBytes: statistics.pendingJournalBytes)
        switch step {
        case .nothing: return
        case .progress:
            let progress = statistics.takeProgress(positions: positions)
            archive.submit(.progress(progress), at: now.time, forgettingAt: forgettingTime.advance(to: now))
        case .checkpoint:
            let checkpoint = statistics.takeCheckpoint(positions: positions, at: now)
            archive.submit(.checkpoint(checkpoint), at: now.time, forgettingAt: forgettingTime.advance(to: now))
        }
        positionsUnderWay = positions
    }

    private func settle(
        _ outcome: Archive.Outcome, _ statistics: inout Statistics, _ now: Statistics.Moment,
        _ acknowledge: ([SavedShard.Position?]) -> Void
    ) {
        guard let failure = outcome.failure else {
            plan.succeeded()
            state.committedAt = now.time
            if state.state == .failing { logger.notice("statistics are saved again") }
            state.state = .durable
            state.message = remark
            acknowledge(positionsUnderWay)
            logger.debug("committed", metadata: ["microseconds": "\(outcome.microseconds)"])
            return
        }
        switch outcome.commit {
        case .progress: statistics.dropPendingJournal()
        case .checkpoint(let checkpoint): statistics.putBack(checkpoint)
        }
        plan.failed(at: now.monotonic, atOnce: outcome.setAside != nil)
        if let aside = outcome.setAside {
            statistics.markAllUnsaved()
            tellOfDamage("\(failure)", aside)
        } else if state.message != "\(failure)" || state.state != .failing {
            logger.error("statistics cannot be saved: \(failure); retrying")
        }
        state.state = .failing
        state.message = "\(failure)"
    }

    private func look(at now: Statistics.Moment) {
        guard let last = probe, now.monotonic >= last.at else { return }
        let pause = min(last.pause * 2, Persistence.probeMillisecondsMax)
        probe = (now.monotonic + pause, pause)
        archive.probe(at: now.time)
    }

    // MARK: - End

    /// Commits the remaining changes as far as the disk is fast enough, and closes the file.
    func end(
        _ statistics: inout Statistics, positions: [SavedShard.Position?], now: () -> Statistics.Moment,
        acknowledge: ([SavedShard.Position?]) -> Void
    ) {
        guard state.state != .off else { return }
        let deadline = now().monotonic + Persistence.lastCommitsMillisecondsMax
        func settleLast() -> Bool {
            let left = deadline - min(deadline, now().monotonic)
            guard let outcome = archive.waitForOutcome(milliseconds: Int(left)) else { return !archive.isBusy }
            settle(outcome, &statistics, now(), acknowledge)
            return outcome.failure == nil
        }
        var isStored = settleLast()
        // The small commit first: if there is no time for the checkpoint, nothing is lost.
        if isStored, !statistics.needsCheckpoint, statistics.pendingJournalBytes > 0 {
            begin(.progress, &statistics, positions, now())
            isStored = settleLast()
        }
        if isStored || statistics.needsCheckpoint, !archive.isBusy {
            begin(.checkpoint, &statistics, positions, now())
            isStored = settleLast()
        }
        if !isStored { logger.warning("the last statistics could not be saved") }
        archive.close(waitMilliseconds: Persistence.closeMillisecondsMax)
    }

    // MARK: - Messages for the operator

    private func tellOfDamage(_ reason: String, _ aside: String) {
        let because = reason.isEmpty ? "" : " (\(reason))"
        remark =
            aside.isEmpty
            ? "\(options.path) was missing; a new one was created"
            : "a damaged file was set aside as \(aside); a new one was created"
        logger.error("\(remark)\(because)")
        state.message = remark
    }

    private func show(in statistics: inout Statistics) {
        var shown = state
        shown.message = String(decoding: shown.message.utf8.prefix(Snapshot.Database.messageBytesMax), as: UTF8.self)
        statistics.setDatabase(shown)
        Degradation.set("statistics", shown.state == .durable ? nil : "\(shown.state): \(shown.message)")
    }
}
