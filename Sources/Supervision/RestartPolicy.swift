/// The limits of a child's life. All times are milliseconds.
public struct RestartPolicy: Sendable, Equatable {
    /// The pause after the second of several quick deaths (after the first there is none: its miners wait, their connections
    /// anchored). A program that cannot start does not eat a core.
    public var firstPauseMillis: Int64 = 100
    /// Pauses double up to this: a fault that passes by itself (a full disk, a dead name server) is noticed to be gone
    /// ten seconds later at most.
    public var pauseMillisMax: Int64 = 10_000
    /// A child that was ready for so long has done its job: a death after that counts as the first again.
    public var healthyAfterMillis: Int64 = 1_000
    /// Deaths in a row, none after a healthy time, until the child has failed. With the pauses above, half a minute of trying.
    public var quickDeathsMax = 10
    /// How often a child that has failed is tried again, for ever: a full disk or a port in use is noticed to be gone a
    /// minute later at most, and the log gets one error a minute.
    public static let failedPauseMillis: Int64 = 60_000
    /// A program says ready within a fraction of a second; a loaded machine may take some. Who needs longer hangs.
    public var readyWithinMillis: Int64 = 15_000
    /// Silence of a child that has sent heartbeats (about one a second) until its main loop counts as stalled.
    public var heartbeatWithinMillis: Int64 = 20_000
    /// A deadline seen so much too late says that the supervisor itself was not running (stopped, machine suspended):
    /// heartbeats may wait unread, so no child is judged by it.
    public var ownDelayMillisMax: Int64 = 1_000
    /// How long a process that serves may take to end its turn and write its state down: it does so within some milliseconds.
    /// Longer than this is a stalled loop, and its miners are better off with the successor that waits.
    public var freezeWithinMillis: Int64 = 2_000
    /// How long a successor may take to read a state and to take over its connections, while nobody serves the miners: a
    /// fraction of a second for tens of thousands. xmrig gives up on a silent pool after twenty seconds and more.
    public var adoptWithinMillis: Int64 = 5_000
    /// How long the shard that is to absorb another one may take to say whether it has; it may be replaced meanwhile.
    public var offerWithinMillis: Int64 = 30_000
    /// How long a shard whose miners have moved may take to hand its last events to a collector, which may be away: longer than
    /// the five minutes that it waits itself.
    public var departWithinMillis: Int64 = 310_000
    /// Processes that may die over that before the events are given up.
    public var departAttemptsMax = 3
    /// From SIGTERM (or SIGABRT) to SIGKILL. Three stages of a stop in the worst case stay below the ten seconds after
    /// which container engines kill everything.
    public var terminateWithinMillis: Int64 = 3_000
    /// From SIGKILL until the stop goes on without the child: only a process stuck in the kernel takes so long.
    public var dieWithinMillis: Int64 = 2_000
    /// How long one stage of the start may keep the next one waiting: mining does not depend on the statistics.
    public var stageWithinMillis: Int64 = 5_000
    /// The time over which the miners of a shard that shall be empty are sent away, unless somebody says otherwise: a farm comes
    /// back in a trickle, not in a storm.
    public static let drainWithinMillis: Int64 = 30_000
    /// Exit codes that say "I cannot run like this, change something first": such a child has failed at its first death.
    public var finalExitCodes: [Int32]

    public init(finalExitCodes: [Int32] = []) {
        self.finalExitCodes = finalExitCodes
    }

    /// The pause before the next start.
    /// - Parameters:
    ///   - quickDeaths: how many deaths in a row, at least 1.
    ///   - jitter: 0 ..< 1; shortens the pause by up to a quarter, so that children that died together do not come back
    ///     in step.
    public func pause(quickDeaths: Int, jitter: Double) -> Int64 {
        guard quickDeaths > 1 else { return 0 }
        let doublings = min(quickDeaths - 2, 20)  // 2^20 is beyond any ceiling, and overflows nothing
        let full = min(firstPauseMillis << Int64(doublings), pauseMillisMax)
        return full - Int64(Double(full) / 4 * min(max(jitter, 0), 1))
    }
}
