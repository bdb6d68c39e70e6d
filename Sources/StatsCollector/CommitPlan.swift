/// When what is committed: a pure table of times and sizes. Times are monotonic milliseconds.
///
/// A small commit each second in which something happened; a large one when the journal has become old or long, or
/// when there is leisure. Nothing is begun while another is under way. A commit that failed is tried again later and later,
/// and then as a large one, for a journal with a gap is worth nothing.
struct CommitPlan {
    enum Step: Equatable {
        case nothing
        case progress
        case checkpoint
    }

    /// What has to be folded again at a start: a minute of it takes a moment.
    static let checkpointMillisecondsMax: UInt64 = 60_000
    /// So long after the last share a restart need find no journal at all.
    static let quietMilliseconds: UInt64 = 5_000
    /// Signs of life alone may wait: an idle service writes to its disk six times a minute, not sixty.
    static let idleMilliseconds: UInt64 = 10_000
    /// A journal on the disk that is longer makes the file large and the start slow: a minute of 2,500 shares a second.
    static let journalBytesMax = 8 * 1024 * 1024
    static let retryMillisecondsMin: UInt64 = 1_000
    static let retryMillisecondsMax: UInt64 = 30_000

    private var isUnderWay = false
    /// Bytes of journal in the file, as far as we have put them there.
    private var journalBytes = 0
    private var lastCommitAt: UInt64
    private var lastCheckpointAt: UInt64
    private var lastNewsAt: UInt64
    private var hasNewsSinceCommit = false
    private var hasNewsSinceCheckpoint: Bool
    private var retry: (at: UInt64, pause: UInt64)?

    /// - Parameter hasJournal: the file was left with a journal in it.
    init(at now: UInt64, hasJournal: Bool) {
        lastCommitAt = now
        lastCheckpointAt = now
        lastNewsAt = now
        hasNewsSinceCheckpoint = hasJournal
    }

    /// Something has happened that people would miss.
    mutating func heardNews(at now: UInt64) {
        lastNewsAt = now
        hasNewsSinceCommit = true
        hasNewsSinceCheckpoint = true
    }

    /// - Parameters:
    ///   - pendingBytes: of journal, not in the file yet.
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

    /// - Parameter pendingBytes: of journal, that are in it.
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

    /// - Parameter atOnce: the cause is gone, such as a damaged file that was set aside.
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
