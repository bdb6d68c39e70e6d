/// The limits for the processes of a child. All times are in milliseconds.
public struct RestartPolicy: Sendable, Equatable {
    /// The pause after the second of several quick crashes, so that a program that cannot start does not use up a core.
    /// After the first there is none: its miners wait, and an anchor keeps their connections.
    public var firstPauseMillis: Int64 = 100
    /// Pauses double up to this: after a temporary fault (a full disk, a failed name server) is gone, the child
    /// restarts within ten seconds.
    public var pauseMillisMax: Int64 = 10_000
    /// A child that was ready for this long has done its job: a crash after that counts as the first again.
    public var healthyAfterMillis: Int64 = 1_000
    /// Crashes in a row, without a healthy time in between, until the child has failed. With the pauses above, half a
    /// minute of retries.
    public var quickDeathsMax = 10
    /// The interval at which a failed child is retried, without end: it restarts within a minute after a full disk or a
    /// port in use is fixed, and the log gets one error a minute.
    public static let failedPauseMillis: Int64 = 60_000
    /// A program reports ready within a fraction of a second; on a loaded machine it may take longer. Beyond this it
    /// hangs.
    public var readyWithinMillis: Int64 = 15_000
    /// Silence of a child that has sent heartbeats (about one a second) until its main loop counts as stalled.
    public var heartbeatWithinMillis: Int64 = 20_000
    /// A deadline handled later than this means that the supervisor itself was not running (stopped, machine
    /// suspended). Heartbeats may be waiting unread, so the deadline says nothing about the child.
    public var ownDelayMillisMax: Int64 = 1_000
    /// How long a process that serves may take to end its turn and write its state, which takes some milliseconds.
    /// Beyond this its loop has stalled, and its miners are better off with the waiting successor.
    public var freezeWithinMillis: Int64 = 2_000
    /// How long a successor may take to read the state and take over the connections, a fraction of a second for tens
    /// of thousands. Miners are not served meanwhile; xmrig gives up on a silent pool after twenty seconds or more.
    public var adoptWithinMillis: Int64 = 5_000
    /// How long the shard that is to absorb another one may take to report whether it has; it may be replaced
    /// meanwhile.
    public var offerWithinMillis: Int64 = 30_000
    /// How long a shard whose miners have moved may take to hand its last events to a collector, which may be down:
    /// longer than the five minutes that the shard itself waits.
    public var departWithinMillis: Int64 = 310_000
    /// Processes started to hand over these events; when the last of them has crashed, the events are given up.
    public var departAttemptsMax = 3
    /// From SIGTERM (or SIGABRT) to SIGKILL. In the worst case three stages of a stop take less than the ten seconds
    /// after which container engines kill everything.
    public var terminateWithinMillis: Int64 = 3_000
    /// From SIGKILL until the stop continues without the child: only a process stuck in the kernel takes that long.
    public var dieWithinMillis: Int64 = 2_000
    /// How long one stage of the start may delay the next one: mining does not depend on the statistics.
    public var stageWithinMillis: Int64 = 5_000
    /// The default time over which a draining shard disconnects its miners: a farm reconnects gradually, not all at
    /// once.
    public static let drainWithinMillis: Int64 = 30_000
    /// Exit codes that say "I cannot run like this, change something first": such a child has failed at its first exit.
    public var finalExitCodes: [Int32]

    public init(finalExitCodes: [Int32] = []) {
        self.finalExitCodes = finalExitCodes
    }

    /// The pause before the next start, in milliseconds.
    /// - Parameters:
    ///   - quickDeaths: crashes in a row, at least 1.
    ///   - jitter: 0 ..< 1; shortens the pause by up to a quarter, so that children that crashed together do not
    ///     restart in step.
    public func pause(quickDeaths: Int, jitter: Double) -> Int64 {
        guard quickDeaths > 1 else { return 0 }
        let doublings = min(quickDeaths - 2, 20)  // 2^20 exceeds every ceiling and does not overflow
        let full = min(firstPauseMillis << Int64(doublings), pauseMillisMax)
        return full - Int64(Double(full) / 4 * min(max(jitter, 0), 1))
    }
}
