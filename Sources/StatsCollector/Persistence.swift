internal import Archive
internal import DaemonKit
internal import Linux
internal import Logging
internal import Telemetry

/// Sees to it that the statistics outlive the process: carries them between the fold and the archive, and tells which
/// positions have become durable. It waits for the disk only at the start and at the end.
final class Persistence {
    /// What is kept, where, for how long.
    struct Options {
        /// `Settings.database`
        var path: String
        var historyDays = 30
        var forgetWorkersDays = 7
    }

    /// Of the three seconds that the supervisor grants: for what is under way, the last news, and a last checkpoint.
    static let lastCommitsMillisecondsMax: UInt64 = 2_000
    static let closeMillisecondsMax = 400
    /// How often it is looked whether a place that could not be used can be used now: soon at first, for it may be held by a
    /// collector that is just leaving, then in pauses that double up to the longest.
    static let probeMillisecondsMin: UInt64 = 2_000
    static let probeMillisecondsMax: UInt64 = 30_000
    static let forgetMilliseconds: UInt64 = 600_000
    /// After which time without a connection a worker is forgotten of which no pool has accepted a share.
    static let unprovenMilliseconds: UInt64 = 3_600_000

    private let archive: Archive
    private let options: Options
    private let logger: Logger
    private var plan: CommitPlan
    private var state = Snapshot.Database()
    /// What the state's message says when all is well: a damaged file that lies beside.
    private var remark = ""
    /// Where the streams stood when the commit under way was made.
    private var positionsUnderWay: [SavedShard.Position?] = []
    /// nil = time will not mend it.
    private var probe: (at: UInt64, pause: UInt64)?
    private var nextForgettingAt: UInt64
    private var forgettingTime: ForgettingTime

    /// Opens the file and takes up what it holds; waits for the disk.
    /// - Parameter statistics: become what they were; stay as they are when there is nothing to take up.
    init(_ options: Options, _ statistics: inout Statistics, shardCount: Int, at now: Statistics.Moment, logger: Logger) {
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

    /// True when the place that could not be used at the start can be used now: the next process will.
    var isWorthARestart: Bool { probe != nil && archive.isUsable }

    // MARK: - Once a second

    /// Something has happened beside signs of life.
    func heardNews(at now: UInt64) {
        plan.heardNews(at: now)
    }

    /// Looks what has become of the commit under way, and begins the next when it is time.
    /// - Parameters:
    ///   - positions: where the gates stand; all news before were heard by `statistics`.
    ///   - acknowledge: gets the positions that have become durable.
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

    /// - Returns: true when what a checkpoint took (each worker that has changed, in the form in which it is stored) is free.
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

    /// Commits what there is, as far as the disk does it in time, and closes the file.
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
        // The small one first: should there be no time for the large one, nothing is lost.
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

    // MARK: - What the operator is told

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
