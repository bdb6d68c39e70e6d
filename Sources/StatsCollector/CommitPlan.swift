/// Decides when to commit, from times and sizes only. Times are monotonic milliseconds.
///
/// A small commit follows each second with new events. A checkpoint follows when the journal is old or long, or when
/// there were no events for a while. Commits never overlap. A failed commit is retried with growing pauses, and as a
/// checkpoint, because a journal with a gap cannot be used.
struct CommitPlan {
    enum Step: Equatable {
        case nothing
        case progress
        case checkpoint
    }

    /// The journal to be folded again at a start: a minute of it takes a moment.
    static let checkpointMillisecondsMax: UInt64 = 60_000
    /// After this time without events a checkpoint empties the journal, so that a restart finds none.
    static let quietMilliseconds: UInt64 = 5_000
    /// The commit interval without other events than checkpoints: an idle service writes to its disk six times a
    /// minute, not sixty.
    static let idleMilliseconds: UInt64 = 10_000
    /// A longer journal makes the file large and the start slow: a minute of 2,500 shares a second.
    static let journalBytesMax = 8 * 1024 * 1024
    static let retryMillisecondsMin: UInt64 = 1_000
    static let retryMillisecondsMax: UInt64 = 30_000

    private var isUnderWay = false
    /// Bytes of journal that this process has put into the file.
    private var journalBytes = 0
    private var lastCommitAt: UInt64
    private var lastCheckpointAt: UInt64
    private var lastNewsAt: UInt64
    private var hasNewsSinceCommit = false
    private var hasNewsSinceCheckpoint: Bool
    private var retry: (at: UInt64, pause: UInt64)?

    /// - Parameter hasJournal: the file had a journal when it was opened.
    init(at now: UInt64, hasJournal: Bool) {
        lastCommitAt = now
        lastCheckpointAt = now
        lastNewsAt = now
        hasNewsSinceCheckpoint = hasJournal
    }

    /// Called when there are events besides checkpoints.
    mutating func heardNews(at now: UInt64) {
        lastNewsAt = now
        hasNewsSinceCommit = true
        hasNewsSinceCheckpoint = true
    }

    /// - Parameters:
    ///   - pendingBytes: bytes of journal that are not in the file yet.
    ///   - needsCheckpoint: the journal has a gap.
    func step(at now: UInt64, pendingBytes: Int, needsCheckpoint: Bool) -> Step {
        if isUnderWay { return .nothing }
        if let retry, now < retry.at { return .nothing }
        if needsCheckpoint || journalBytes + pendingBytes > CommitPlan.journalBytesMax { return .checkpoint }
        if hasNewsSinceCheckpoint {
            let isOld = now - lastCheckpointAt >= CommitPlan.checkpointMillisecondsMax
            if isOld || now - lastNewsAt >= CommitPlan.quietMilliseconds { return .checkpoint }
        }
        guard pendingBytes > 0 else { return .nothing }
        return hasNewsSinceCommit || now - lastCommitAt >= CommitPlan.idleMilliseconds ? .progress : .nothing
    }

    /// - Parameter pendingBytes: bytes of journal in this commit.
    mutating func began(_ step: Step, at now: UInt64, pendingBytes: Int) {
        switch step {
        case .nothing: return
        case .progress: journalBytes += pendingBytes
        case .checkpoint:
            journalBytes = 0
            lastCheckpointAt = now
            hasNewsSinceCheckpoint = false
        }
        isUnderWay = true
        lastCommitAt = now
        hasNewsSinceCommit = false
    }

    mutating func succeeded() {
        isUnderWay = false
        retry = nil
    }

    /// - Parameter atOnce: the cause is removed, for example because a corrupt file was set aside.
    mutating func failed(at now: UInt64, atOnce: Bool) {
        isUnderWay = false
        hasNewsSinceCommit = true
        hasNewsSinceCheckpoint = true
        guard !atOnce else {
            retry = nil
            return
        }
        let pause = min(retry.map { $0.pause * 2 } ?? CommitPlan.retryMillisecondsMin, CommitPlan.retryMillisecondsMax)
        retry = (now + pause, pause)
    }
}
